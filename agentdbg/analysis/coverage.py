"""How whole a recording is, what is missing from it, what that prevents, and what mends it (`agentdbg doctor`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agentdbg.analysis.gaps import CALL, KINDS, LEVELS, RUN, SPAN, TOOL, TORN, Kind, Level
from agentdbg.analysis.shape import odd_spans
from agentdbg.detectors.judge import Judgement
from agentdbg.model import Finding, Grade, Reader, Skipped
from agentdbg.replay.fixes import line

MOST_EXAMPLES = 3

_ANSWERED = "c.status <> 'error' AND c.duration_ns IS NOT NULL"
# Kind of gap: the span or model call that has it. A failed call used no tokens, and its error is its answer.
_GAPS = {
    "payloads": f"{_ANSWERED} AND (s.input IS NULL OR s.output IS NULL)",
    "failed_prompt": "c.status = 'error' AND s.input IS NULL",
    "cut": "c.span_id IS NOT NULL AND s.input IS NOT NULL AND s.payload_cut",
    "tokens": f"{_ANSWERED} AND c.input_tokens IS NULL AND c.output_tokens IS NULL",
    "agent": "c.span_id IS NOT NULL AND c.agent IS NULL",
    "model": f"{_ANSWERED} AND c.model IS NULL",
    "request": "c.replayable = 'content'",
    "dropped": "s.dropped > 0",
    "results": "s.kind = 'tool' AND s.handoff_to IS NULL AND s.status <> 'error' AND s.end_ns IS NOT NULL "
               "AND s.output IS NULL",
    "sampled": "s.parent_id IS NULL "
               "AND regexp_matches(s.attributes->>'$.\"otlp.trace_state\"', 'ot=[^,]*th:0*[1-9a-f]')",
}  # fmt: skip
_FLAGS = ", ".join(f"CASE WHEN {condition} THEN '{kind}' END" for kind, condition in _GAPS.items())
_SPANS = f"""
    WITH told AS (
        SELECT s.trace_id, s.span_id, s.start_ns, s.scope, s.convention, c.replayable AS grade,
            unnest([{_FLAGS}]) AS kind
        FROM spans s LEFT JOIN llm_calls c ON s.is_call AND c.trace_id = s.trace_id AND c.span_id = s.span_id
    )
    SELECT kind, trace_id, arg_min(span_id, (start_ns, span_id)), scope, convention, grade, count(*)
    FROM told WHERE kind IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
# JSON that ends in the middle was cut by a limit, where another one ends after as many characters: an answer that a
# model did not finish stands in many spans, but it is one and the same text.
_CUT = r"""
    WITH bodies AS (SELECT trace_id, span_id, scope, convention, unnest([input, output]) AS body FROM spans),
    texts AS (
        SELECT *, CASE WHEN starts_with(body, '"') THEN body->>'$' ELSE body->>'$[0].parts[0].text' END AS text
        FROM bodies WHERE regexp_matches(body, '^(\[\{"role":"[a-z]+","parts":\[\{"type":"text","text":)?"[\[{]')
    ), torn AS (
        SELECT *, length(text) AS size FROM texts
        WHERE length(regexp_replace(text, '[^{\[]', '', 'g')) > length(regexp_replace(text, '[^}\]]', '', 'g'))
    )
    SELECT 'cut_json', trace_id, min(span_id), scope, convention, NULL, count(DISTINCT span_id) FROM torn
    WHERE size IN (SELECT size FROM torn GROUP BY size HAVING count(DISTINCT text) > 1)
    GROUP BY ALL ORDER BY ALL
"""
# Copies that differ are told by a note when they are merged.
_CONFLICTS = """
    SELECT 'conflict', s.trace_id, s.span_id, s.scope, s.convention, NULL, 1
    FROM (SELECT DISTINCT regexp_extract(message, '^span (.+) of trace (.+) came in ', ['span_id', 'trace_id']) AS named
          FROM notes WHERE message LIKE 'span % of trace % came in % different copies%') n
    JOIN spans s ON s.span_id = n.named.span_id AND s.recorded_trace_id = n.named.trace_id
    ORDER BY ALL
"""
# What a detector found out: work of a run in a trace of its own.
_SPLIT = """
    SELECT 'split', s.trace_id, s.span_id, s.scope, s.convention, NULL, 1
    FROM (SELECT unnest($traces) AS trace_id, unnest($spans) AS span_id) f JOIN spans s USING (trace_id, span_id)
    ORDER BY ALL
"""
# Agents that worked, and a run that ended well: there is reason to ask for the model calls.
_RUNS_WITH = """
    SELECT 'no_calls', t.trace_id, NULL, arg_min(s.scope, (s.start_ns, s.span_id)),
        arg_min(s.convention, (s.start_ns, s.span_id)), NULL, 1
    FROM traces t JOIN spans s ON s.trace_id = t.trace_id AND s.kind = 'agent'
    WHERE t.llm_calls = 0 AND t.status = 'ok' GROUP BY t.trace_id
    UNION ALL SELECT 'joined', trace_id, NULL, NULL, '', NULL, len(joined) + 1 FROM traces WHERE len(joined) > 0
    ORDER BY ALL
"""
_RUNS = f"""
    WITH called AS (
        SELECT c.trace_id, count(*) AS calls, count(*) FILTER ({_ANSWERED}) AS answered,
            count(*) FILTER ({_ANSWERED} AND (c.input_tokens IS NOT NULL OR c.output_tokens IS NOT NULL)) AS counted,
            count(*) FILTER ({_ANSWERED} AND c.model IS NOT NULL) AS named,
            count(*) FILTER (c.agent IS NOT NULL) AS of_agents,
            count(*) FILTER ({_ANSWERED} AND s.input IS NOT NULL AND s.output IS NOT NULL AND NOT s.payload_cut)
                AS whole
        FROM llm_calls c JOIN spans s ON s.is_call AND c.trace_id = s.trace_id AND c.span_id = s.span_id
        GROUP BY c.trace_id
    )
    SELECT t.trace_id, t.name, t.span_count, t.tool_calls, coalesce(c.calls, 0), coalesce(c.answered, 0),
        coalesce(c.counted, 0), coalesce(c.whole, 0), coalesce(c.named, 0), coalesce(c.of_agents, 0)
    FROM traces t LEFT JOIN called c USING (trace_id) ORDER BY t.trace_id
"""
_FILES = "SELECT path, format, spans, kept_spans, waiting_logs FROM files ORDER BY ALL"
_UNREAD = "SELECT source, message FROM notes WHERE severity <> 'info' ORDER BY ALL"


class Place(NamedTuple):
    """Where a gap is: spans of one run that one instrumentation wrote. span_id: the first; `grade` of model calls."""

    trace_id: str
    span_id: str | None
    scope: str | None
    convention: str
    grade: Grade | None
    number: int


@dataclass(frozen=True, slots=True)
class Mend:
    """A line of configuration, and of how many of the gap's spans, written by which instrumentation, it is."""

    line: str
    scope: str
    count: int


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A detector that could not judge, why, and in how many of the gap's runs."""

    detector: str
    reason: str
    runs: int


@dataclass(frozen=True, slots=True)
class Gap:
    """One kind of gap. of: how many such things there are in all, None where that says nothing. examples: (trace id,
    span id); words instead where it is about no span. grades: of the model calls among them."""

    kind: str
    level: Level
    count: int
    of: int | None
    runs: int
    examples: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    grades: tuple[tuple[Grade, int], ...]
    unjudged: tuple[Unjudged, ...]
    mends: tuple[Mend, ...]
    next: str
    next_trace_id: str


@dataclass(frozen=True, slots=True)
class RunCoverage:
    """A run in figures. with_tokens, with_payloads and with_model are of the `answered` model calls, with_agent of all.
    gaps: kinds that it has, worst first; it is whole where nothing of it is lost or missing."""

    trace_id: str
    name: str
    spans: int
    tool_calls: int
    calls: int
    answered: int
    with_tokens: int
    with_payloads: int
    with_model: int
    with_agent: int
    gaps: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return all(KINDS[kind].level == "note" for kind in self.gaps)


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """An input: spans read from it, those that were here already, and log records without their spans."""

    path: str
    format: str
    spans: int
    copies: int
    waiting_logs: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The integrity report. skipped: what could not be judged for another reason than a gap."""

    runs: tuple[RunCoverage, ...]
    files: tuple[FileCoverage, ...]
    gaps: tuple[Gap, ...]
    skipped: tuple[Skipped, ...]

    @property
    def whole_runs(self) -> int:
        return sum(run.whole for run in self.runs)

    @property
    def complete(self) -> bool:
        """Nothing is lost and nothing is missing."""
        return all(gap.level == "note" for gap in self.gaps)

    def total(self, name: str) -> int:
        """A figure of RunCoverage, summed up."""
        return sum(getattr(run, name) for run in self.runs)


@dataclass(slots=True)
class _Found:
    places: list[Place] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    count: int = 0


def coverage(reader: Reader, judged: Judgement) -> Coverage:
    """The report over everything in the store, with what its judging found and could not judge. One pass over the
    spans, and trees of those runs alone whose shape is odd."""
    files = [FileCoverage(path, kind, spans, max(0, spans - kept), logs)
             for path, kind, spans, kept, logs in reader.rows(_FILES)]  # fmt: skip
    found = _found(
        reader, files, [one for one in judged.findings if one.detector == "trace.split" and one.severity != "low"]
    )
    by_run: dict[str, list[str]] = {}
    for name in KINDS:
        for trace_id in dict.fromkeys(place.trace_id for place in found[name].places):
            by_run.setdefault(trace_id, []).append(name)
    runs = [replace(RunCoverage(*row), gaps=tuple(by_run.get(row[0], ()))) for row in reader.rows(_RUNS)]
    explained, rest = _explained(judged.skipped, by_run, [run.trace_id for run in runs])
    totals = _totals(runs)
    gaps = [_gap(name, one, totals, explained.get(name, [])) for name, one in found.items() if one.count]
    return Coverage(tuple(runs), tuple(files), tuple(sorted(gaps, key=lambda gap: LEVELS.index(gap.level))), rest)


def _found(reader: Reader, files: Sequence[FileCoverage], split: Sequence[Finding]) -> dict[str, _Found]:
    """Every kind of gap with what there is of it, worst first."""
    out = {name: _Found() for name in KINDS}
    rows = [row for sql in (_SPANS, _CUT, _CONFLICTS, _RUNS_WITH) for row in reader.rows(sql)]
    parts, tops = [one.trace_id for one in split], [one.primary.span_id for one in split]
    rows += reader.rows(_SPLIT, traces=parts, spans=tops) if split else []
    for kind, *row in rows:
        out[kind].places.append(Place(*row))
    for kind, spans in odd_spans(reader):
        by_writer: dict[tuple[str | None, str], list[str]] = {}
        for span in spans:
            by_writer.setdefault((span.scope, span.convention), []).append(span.span_id)
        for (scope, convention), ids in by_writer.items():
            out[kind].places.append(Place(spans[0].trace_id, ids[0], scope, convention, None, len(ids)))
    torn = {place.trace_id for kind in TORN for place in out[kind].places}
    out["agent"].places = [place for place in out["agent"].places if place.trace_id not in torn]
    for one in out.values():
        one.count = sum(place.number for place in one.places)
    unread = reader.rows(_UNREAD)
    out["unread"].count, out["unread"].words = len(unread), [f"{source}: {message}" for source, message in unread]
    for kind, name in (("copies", "copies"), ("waiting_logs", "waiting_logs")):
        told = [(getattr(file, name), file.path) for file in files if getattr(file, name)]
        out[kind].count, out[kind].words = sum(n for n, _ in told), [f"{n} in {path}" for n, path in told]
    return out


def _totals(runs: Sequence[RunCoverage]) -> dict[tuple[str, str], int]:
    return {
        SPAN: sum(run.spans for run in runs),
        CALL: sum(run.calls for run in runs),
        TOOL: sum(run.tool_calls for run in runs),
        RUN: len(runs),
    }


def _explained(
    skipped: Sequence[Skipped], by_run: dict[str, list[str]], runs: Sequence[str]
) -> tuple[dict[str, list[Unjudged]], tuple[Skipped, ...]]:
    """Kind of gap → what could not be judged because of it; and what has other reasons."""
    counts: Counter[tuple[str, str, str]] = Counter()
    rest: list[Skipped] = []
    for one in skipped:
        reasons = [name for name, kind in KINDS.items() if one.reason.startswith(kind.explains or ("\0",))]
        concerned = [one.trace_id] if one.trace_id else runs
        because = [gap for trace_id in concerned if (gap := _first(reasons, by_run.get(trace_id, ())))]
        for name in because:
            counts[name, one.detector, one.reason] += 1
        if not because:
            rest.append(one)
    out: dict[str, list[Unjudged]] = {}
    for (name, detector, reason), number in sorted(counts.items()):
        out.setdefault(name, []).append(Unjudged(detector, reason, number))
    return out, tuple(rest)


def _first(wanted: Sequence[str], among: Collection[str]) -> str | None:
    return next((name for name in wanted if name in among), None)


def _gap(name: str, found: _Found, totals: dict[tuple[str, str], int], unjudged: Sequence[Unjudged]) -> Gap:
    kind = KINDS[name]
    first = {place.trace_id: place for place in reversed(found.places)}  # examples of different runs before others
    chosen = [*reversed(first.values()), *found.places]
    examples = list(dict.fromkeys((place.trace_id, place.span_id or "") for place in chosen))
    grades: Counter[Grade] = Counter()
    for place in found.places:
        if place.grade is not None:
            grades[place.grade] += place.number
    return Gap(
        kind=name,
        level=kind.level,
        count=found.count,
        of=totals.get(kind.things),
        runs=len(first),
        examples=tuple(examples[:MOST_EXAMPLES]),
        words=tuple(found.words),
        grades=tuple(sorted(grades.items())),
        unjudged=tuple(unjudged),
        mends=tuple(_mends(kind, found)),
        next=_next(kind, examples),
        next_trace_id=examples[0][0] if examples else "",
    )


def _mends(kind: Kind, found: _Found) -> Iterator[Mend]:
    """The lines that mend it, the one for most first; one that fits everything names no instrumentation."""
    if isinstance(kind.mends, str):
        if kind.mends:
            yield Mend(kind.mends, "", found.count)
        return
    counts: Counter[tuple[str, str]] = Counter()
    for place in found.places:
        if mend := line(kind.mends, place):
            counts[mend, place.scope or place.convention] += place.number
    alone = len({mend for mend, _ in counts}) == 1 and sum(counts.values()) == found.count
    if alone:
        yield Mend(next(iter(counts))[0], "", found.count)
        return
    for (mend, scope), number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield Mend(mend, scope, number)


def _next(kind: Kind, examples: Sequence[tuple[str, str]]) -> str:
    if not (kind.next and examples):
        return ""
    trace_id, span_id = examples[0]
    return f"agentdbg {kind.next} {trace_id if kind.next == 'show' or not span_id else span_id}"
