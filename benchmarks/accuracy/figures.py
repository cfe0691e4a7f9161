"""Every data set to figures: name of the group → method → measure → (figure, how far it may be off)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentdbg.model import Finding, Trace
from benchmarks.accuracy import conversations, marked, scores, trail
from benchmarks.accuracy.attribution import MEASURES, OURS, RANDOM, guessed
from benchmarks.accuracy.captures import Capture, captures
from benchmarks.accuracy.conversations import Outcome, Run
from benchmarks.accuracy.passing import LOOPS, alarmed, is_alarm
from benchmarks.accuracy.proof import proven
from benchmarks.accuracy.published import PUBLISHED
from benchmarks.accuracy.scores import Case
from benchmarks.accuracy.stores import findings, ingested

NEUTRAL = "agentdbg, framework-neutral rules alone"
TOP = ("Formatting Errors", "Instruction Non-compliance", "Goal Deviation", "Tool-related", "Tool Selection Errors")


@dataclass(frozen=True, slots=True)
class Figure:
    """low, high: its 95 % interval; None where it is not ours to tell."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of one data set. cases: how many runs they are of."""

    name: str
    cases: int
    methods: Mapping[str, Mapping[str, Figure]]


@dataclass(slots=True)
class Tally:
    """Findings of one confidence that turned out right, wrong, or about something that nobody marked."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0

    def add(self, right: bool | None) -> None:
        if right is None:
            self.unknown += 1
        elif right:
            self.right += 1
        else:
            self.wrong += 1


@dataclass(slots=True)
class Confidences:
    """What each confidence is worth over all that was judged, and what each detector's is."""

    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in ("certain", "likely", "hint")})
    by_detector: dict[str, Tally] = field(default_factory=dict)

    def add(self, finding: Finding, right: bool | None) -> None:
        """Info that is more than a hint tells of what was mended, and asks for nothing: it is left out."""
        if finding.severity != "info" or finding.confidence == "hint":
            self.tallies[finding.confidence].add(right)
            self.by_detector.setdefault(f"{finding.detector}, {finding.confidence}", Tally()).add(right)


def attributed(data: Path, told: Confidences) -> list[Group]:
    """Who&When and AgentRx."""
    groups: dict[str, list[Run]] = {}
    for run in [*conversations.who_and_when(data), *conversations.agentrx(data)]:
        groups.setdefault(run.group, []).append(run)
    return [_attributed(name, runs, told) for name, runs in sorted(groups.items())]


def _attributed(name: str, runs: Sequence[Run], told: Confidences) -> Group:
    with ingested({f"{number}.jsonl": _file(run) for number, run in enumerate(runs)}) as store:
        reader = store.reader()
        by_file = {Path(_source(trace)).stem: trace for trace in reader.traces(reader.trace_ids())}
        traces = {run.id: by_file[str(number)] for number, run in enumerate(runs)}
        found = findings(store)
    for run in runs:
        for finding in found[traces[run.id].trace_id]:
            # other agents may have made errors that nobody marked
            same = (finding.agent or "").lower() == run.agent.lower()
            told.add(finding, True if same else False if finding.detector == "cascade.leads" else None)
    methods = {
        method: {
            measure: _share(getattr(guess, measure), exact=method != RANDOM)
            for measure in MEASURES
            if measure != "agent" or not runs[0].is_chat  # there, it is the assistant or the user
        }
        for method, guess in guessed(runs, traces).items()
    }
    return Group(name, len(runs), methods | _published(name))


def _file(run: Run) -> bytes:
    return conversations.chat(run.messages) if run.is_chat else conversations.spans(run)


def _source(trace: Trace) -> str:
    """The file that a run was read from, without the line."""
    return (trace.spans[0].source or "").rpartition(":")[0]


def _share(hits: Sequence[float], *, exact: bool) -> Figure:
    value = sum(hits) / max(1, len(hits))
    return Figure(value, *scores.wilson(round(sum(hits)), len(hits))) if exact else Figure(value)


def _published(name: str) -> dict[str, dict[str, Figure]]:
    return {
        method: {measure: Figure(value) for measure, value in told.items()}
        for method, told in PUBLISHED.get(name, {}).items()
    }


def annotated(data: Path, told: Confidences) -> list[Group]:
    """TRAIL: agentdbg with and without the framework-specific rules, trivial ones, and a language model's."""
    named = dict(trail.traces(data))
    if not named:
        return []
    labels, model = trail.labels(data), trail.judged_by_model(data)
    with ingested({"trail.otlp.jsonl": b"".join(trail.otlp(one) for one in named.values())}) as store:
        reader = store.reader()
        ids = {one["trace_id"]: name for name, one in named.items()}
        traces = {ids[trace.trace_id]: trace for trace in reader.traces(reader.trace_ids())}
        found = findings(store)
    traces = {name: trace for name, trace in traces.items() if name in labels}
    for name, trace in traces.items():
        _add_marked(told, named[name], trace, labels[name], found[trace.trace_id])
    out = []
    for split in sorted({name.partition("/")[0] for name in traces}):
        here = {name: trace for name, trace in traces.items() if name.startswith(split + "/")}
        out.append(_annotated(f"TRAIL {split}", here, labels, model))
    return out


def _annotated(
    name: str, traces: Mapping[str, Trace], labels: Mapping[str, set[trail.Pair]], model: Mapping[str, set[trail.Pair]]
) -> Group:
    neutral = {key: marked.neutral(trace) for key, trace in traces.items()}
    said: dict[str, Mapping[str, set[trail.Pair]]] = {
        OURS: {key: neutral[key] | marked.framework(trace) for key, trace in traces.items()},
        NEUTRAL: neutral,
        "every model call: formatting": {key: _all(trace, TOP[:1]) for key, trace in traces.items()},
        "every model call × 5 categories": {key: _all(trace, TOP) for key, trace in traces.items()},
        "every failed span: formatting": {
            key: {(s.span_id, TOP[0]) for s in trace.spans if s.status == "error"} for key, trace in traces.items()
        },
        "Gemini 2.5 Flash, the same runs": {key: model[key] for key in traces if key in model},
    }
    methods = {}
    for method, pairs in said.items():
        cases: list[Case] = [(labels[key], found) for key, found in sorted(pairs.items())]
        if cases:
            methods[method] = {
                measure: Figure(figure(cases), *scores.bootstrap(cases, figure))
                for measure, figure in scores.TRAIL.items()
            }
    return Group(name, len(traces), methods | _published(name))


def _all(trace: Trace, names: Iterable[str]) -> set[trail.Pair]:
    return {(span.span_id, name) for span in trace.spans if span.kind == "llm" for name in names}


def _add_marked(
    told: Confidences, recorded: Mapping[str, Any], trace: Trace, labels: set[trail.Pair], found: Sequence[Finding]
) -> None:
    """A finding is right where people marked something on its spans, beside or below them, or on the model call that
    follows: an error is marked where it was made or where it is read back. People marked the first error of its kind
    and passed over others: what the recording proves by itself is not wrong because nobody marked it."""
    by_id = {span.span_id: span for span in trace.spans}
    for finding in found:
        near = {evidence.span_id for evidence in finding.evidence}
        near |= {by_id[span_id].parent_id or "" for span_id in near if span_id in by_id}
        near |= {span.span_id for span in trace.spans if span.parent_id in near}
        ends = [by_id[e.span_id].end_ns or 0 for e in finding.evidence if e.span_id in by_id]
        later = (s.span_id for s in trace.spans if s.kind == "llm" and ends and (s.start_ns or 0) >= max(ends))
        near |= {next(later, "")}
        marked_there = bool(near & {span_id for span_id, _ in labels})
        told.add(finding, True if marked_there else None if proven(finding, recorded) else False)


def outcomes(data: Path, told: Confidences) -> Group | None:
    """tau-bench's runs: alarms on those that passed, beside those that failed."""
    runs = list(conversations.tau_bench(data))
    if not runs:
        return None
    passed = [run for run in runs if run.passed]
    here, failed = _found(passed), _found([run for run in runs if not run.passed])
    for found in here.values():
        for finding in found:
            told.add(finding, False if is_alarm(finding) or finding.confidence == "hint" else None)
    return Group(
        "tau-bench, passing runs",
        len(passed),
        {
            "passing runs with an alarm": _alarms(here),
            "failed runs with an alarm, for comparison": _alarms(failed),
        },
    )


def _found(runs: Sequence[Outcome]) -> dict[str, list[Finding]]:
    with ingested({f"{number}.jsonl": conversations.chat(run.messages) for number, run in enumerate(runs)}) as store:
        return findings(store)


def _alarms(found: Mapping[str, Sequence[Finding]]) -> dict[str, Figure]:
    count = len(found)
    return {
        name: Figure(hits / max(1, count), *scores.wilson(hits, count))
        for name, hits in (("of a loop", alarmed(found, LOOPS)), ("of any kind", alarmed(found)))
    }


def captured(folder: Path, told: Confidences) -> Group | None:
    """The captures: planted faults found, at the right agent, and healthy runs with an alarm."""
    known: list[Capture] = list(captures(folder)) if (folder / "manifest.json").exists() else []
    if not known:
        return None
    for capture in known:
        for finding, right in capture.judged:
            told.add(finding, right)
    faults = [fault for capture in known for fault in capture.faults]
    agents = [fault.right_agent for fault in faults if fault.right_agent is not None]
    figures = {
        "planted fault found": _share([fault.found for fault in faults], exact=True),
        "at the right agent": _share(agents, exact=True),
        "healthy run with an alarm": _share([one.alarmed for one in known if one.healthy], exact=True),
        "mended error with a high alarm": _share([one.alarmed for one in known if one.mended], exact=True),
    }
    if unread := sum(not capture.read for capture in known):
        figures["could not be read"] = Figure(unread / len(known))
    kinds = {
        f"found: {kind}": _share([fault.found for fault in faults if fault.kind == kind], exact=True)
        for kind in sorted({fault.kind for fault in faults})
    }
    return Group("captures", len(known), {OURS: figures | kinds})
