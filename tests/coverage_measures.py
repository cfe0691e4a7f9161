"""What the captures of each instrumentation hold in our fields: shares, places, grades, and what the detectors could not judge."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentdbg.detectors.judge import judge
from agentdbg.importers import Input, read_input
from agentdbg.model import Grade
from agentdbg.replay.fixes import fixes
from agentdbg.resolve.calls import TOOL_FINISHES
from agentdbg.rows import RawEvent, RawLog, RawSpan
from agentdbg.store import ImportOptions, Store
from agentdbg.store.columnar import opened
from agentdbg.store.reader import StoreReader
from tests.commandline import CORPUS
from tests.coverage_sources import Record, Sources, row

OWN = "a span of the program's own"
APPLICATION = "acme."  # scopes of the spans that the captured programs write themselves
# Exports that were made from documented field lists, one file a form.
REBUILT = {
    "runs_v2.jsonl": "`langsmith`, runs of the v2 query API",
    "cli_full.jsonl": "`langsmith`, its CLI with --full",
    "bulk_export.parquet": "`langsmith`, bulk export in Parquet",
}
# How the manifest says it, and how a user may know it.
MODES = {
    "native OTel": "its own spans",
    "native OTel (default)": "its own spans, default settings",
    "native OTel (latest)": "its own spans, gen_ai_latest_experimental and gen_ai_tool_definitions",
    "native OTel (semconv)": "its own spans, gen_ai_latest_experimental, content on spans",
    "native BackendSpanExporter (chat API)": "its own exporter (chat API)",
    "langsmith SDK native": "LangSmith SDK",
    "langsmith SDK native, read back with the langsmith-fetch CLI": "LangSmith SDK, read back",
    "ai experimental_telemetry (chat API)": "experimental_telemetry (chat API)",
    "ai experimental_telemetry (responses API)": "experimental_telemetry (responses API)",
}
UNTRACED = {"agent_hint": "the span's name", "error_type": "the status message", "error_message": "the status message"}
ELSEWHERE = re.compile(r"\.binpb|\.otlp\.json$|\.headers\.json$")
VISIBLE = {"tool_exception", "transient_tool_error", "transient_error", "http_429", "http_500", "bad_body", "timeout"}

# field: its column, the field of the raw span that it is read from, and the column that says whether it can be there
CALL_FIELDS = {
    "model": ("model", "model", "every"),
    "provider": ("provider", "provider", "every"),
    "input tokens": ("counted_input", "input_tokens", "answered"),
    "output tokens": ("counted_output", "output_tokens", "answered"),
    "cached tokens": ("cached_tokens", "cached_tokens", "answered"),
    "cost": ("reported", "reported_cost_usd", "answered"),
    "prompt": ("input", "input", "every"),
    "answer": ("output", "output", "answered"),
    "tools offered": ("tools", "tools", "asks"),
    "parameters": ("parameters", "parameters", "every"),
}
WORK_FIELDS = {"agent": ("agent", "agent_hint", "every")}
TOOL_FIELDS = {
    "tool name": ("tool", "tool", "every"),
    "tool arguments": ("input", "input", "every"),
    "tool results": ("output", "output", "answered"),
}
ERROR_FIELDS = {
    "error class": ("error_type", "error_type", "every"),
    "error text": ("error_message", "error_message", "every"),
}
_CALLS = f"""
    SELECT c.*, s.turn_id, s.agent_rule, s.input, s.output, s.tools, s.parameters, true AS every,
           c.status <> 'error' AND s.end_ns IS NOT NULL AS answered,
           coalesce(s.output LIKE '%"tool_call"%', false) OR coalesce(c.finish_reason IN {TOOL_FINISHES}, false) AS asks,
           CASE WHEN c.cost_basis = 'reported' THEN c.cost_usd END AS reported,
           nullif(c.input_tokens, 0) AS counted_input, nullif(c.output_tokens, 0) AS counted_output
    FROM llm_calls c JOIN spans s USING (trace_id, span_id)
"""
_SPANS = (
    "SELECT *, [] AS other_span_ids, true AS every, status <> 'error' AND end_ns IS NOT NULL AS answered FROM spans"
)
_CONVENTIONS = """
    SELECT convention FROM spans WHERE kind IN ('llm', 'agent', 'tool') AND NOT starts_with(coalesce(scope, ''), $own)
    GROUP BY ALL ORDER BY count(*) DESC, convention
"""
_CONVERSATIONS = """
    SELECT trace_id, arg_min(span_id, (starts_with(coalesce(scope, ''), $own), start_ns, span_id))
    FROM spans WHERE session_id IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Who recorded it, how, and in which form it came. content: whether any prompt or answer is recorded."""

    framework: str
    instrumentation: str
    format: str
    scopes: tuple[str, ...]
    content: bool


Records = dict[tuple[str, str], list[Record]]
"""The copies of each span, by trace and span."""


@dataclass(slots=True)
class Captures:
    """What was recorded alike. made: model calls that were really made, where that is known; failures: spans at which
    something failed in a way that the program itself could see."""

    files: list[Path] = field(default_factory=list)
    records: Records = field(default_factory=dict)
    made: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Share:
    """How many of how many hold a field, and the places it is read from."""

    held: int = 0
    of: int = 0
    places: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Figures:
    """What was measured of the captures of one key. concerned: traces of which a detector could say something at all."""

    conventions: list[str]
    traces: int
    calls: int
    made: int
    shares: dict[str, Share]
    computed: int
    handoffs: Counter[str]
    grades: Counter[tuple[Grade, str]]
    skipped: Counter[tuple[str, str]]
    concerned: dict[str, int]
    fixes: list[str]


def captures() -> dict[Key, Captures]:
    """Every capture of the corpus, those that were recorded alike together."""
    out: dict[Key, Captures] = defaultdict(Captures)
    for entry in json.loads((CORPUS / "manifest.json").read_text("utf-8"))["entries"]:
        for form, (files, rows) in _forms(entry).items():
            records = _records(rows)
            here = out[_key(entry, form, records)]
            here.files += files
            here.records |= records
            here.made += len(entry["llm_calls"])
            faults = entry["planted_faults"]
            here.failures += [(one["trace_id"], one["enters_at_span"]) for one in faults if one["kind"] in VISIBLE]
    return dict(sorted(out.items()))


def _forms(entry: dict[str, Any]) -> dict[str, tuple[list[Path], list[Any]]]:
    """Files and rows of an entry by format. Of OTLP the JSON lines: that its encodings tell the same is tested elsewhere."""
    out: dict[str, tuple[list[Path], list[Any]]] = defaultdict(lambda: ([], []))
    for path in (CORPUS / name for name in entry["files"] if not ELSEWHERE.search(name)):
        reading = read_input(Input(str(path)), opener=opened)
        told = "OTLP" if reading.importer == "otlp-json" else f"`{reading.importer}`"
        form = REBUILT.get(path.name, told)
        out[form][0].append(path)
        out[form][1].extend(reading)
    return out


def _records(rows: Iterable[Any]) -> Records:
    spans: dict[tuple[str, str], list[RawSpan]] = defaultdict(list)
    logs: dict[tuple[str, str], list[RawEvent]] = defaultdict(list)
    for one in rows:
        if isinstance(one, RawSpan):
            spans[one.trace_id, one.span_id].append(one)
        elif isinstance(one, RawLog):
            logs[one.trace_id, one.span_id].append(one.event)
    return {key: [(span, tuple(logs[key])) for span in copies] for key, copies in spans.items()}


def _key(entry: dict[str, Any], form: str, records: Records) -> Key:
    versions = entry["versions"]
    found = [record for copies in records.values() for record in copies]
    named = MODES.get(entry["instrumentation"], entry["instrumentation"])
    for package, version in versions.items():
        named = re.sub(rf"(?<![\w-]){re.escape(package)}(?![\w-])", f"{package} {version}", named)
    package, version = next(iter(versions.items()), (entry["framework"], ""))
    work = [told for record in found if (told := row(record)).kind in ("llm", "agent", "tool")]
    scopes = {f"{told.scope} {told.scope_version or ''}".strip() for told in work}
    return Key(
        framework=f"{package} {version}".strip(),
        instrumentation=named,
        format=form,
        scopes=tuple(sorted(scope for scope in scopes if not scope.startswith(APPLICATION))),
        content=any(told.kind == "llm" and bool(told.input or told.output) for told in work),
    )


def figures(found: Captures) -> Figures:
    """What the store, the detectors and the grades say of these captures."""
    with Store.in_memory() as store:
        reports = store.ingest([Input(str(file)) for file in found.files], ImportOptions())
        assert not any(report.error for report in reports), reports
        reader = store.reader()
        calls = _dicts(reader, _CALLS)
        tools = _dicts(reader, f"{_SPANS} WHERE kind = 'tool'")
        failed = _dicts(reader, f"{_SPANS} WHERE status = 'error' AND (kind = 'tool' OR is_call)")
        places = _Places(found.records)
        shares: dict[str, Share] = {}
        told = ((calls + tools, WORK_FIELDS), (calls, CALL_FIELDS), (tools, TOOL_FIELDS), (failed, ERROR_FIELDS))
        for rows, fields in told:
            shares |= {name: _share(rows, places, *how) for name, how in fields.items()}
        shares["failures marked"] = _marked(reader, found.failures)
        shares["conversation"] = _conversations(reader, places)
        skipped = {(one.detector, one.reason, one.trace_id) for one in judge(reader, {}).skipped}
        return Figures(
            conventions=[name for (name,) in reader.rows(_CONVENTIONS, own=APPLICATION)],
            traces=len(reader.trace_ids()),
            calls=len(calls),
            made=found.made,
            shares=shares,
            computed=sum(one["cost_basis"] == "computed" and one["counted_input"] is not None for one in calls),
            handoffs=Counter(rule for (rule,) in reader.rows("SELECT rule FROM handoffs")),
            grades=Counter((one["replayable"], one["replay_reason"]) for one in calls),
            skipped=Counter((detector, why) for detector, why, _ in skipped if not why.startswith("fewer than")),
            concerned={
                "handoff.schema": reader.rows("SELECT count(*) FROM traces WHERE handoffs > 0")[0][0],
                "silent.empty": reader.rows("SELECT count(*) FROM traces WHERE tool_calls > 0")[0][0],
            },
            fixes=_fixes(reader, calls),
        )


def _dicts(reader: StoreReader, sql: str) -> list[dict[str, Any]]:
    columns = [name for name, *_ in reader.rows(f"DESCRIBE {sql}")]
    return [dict(zip(columns, values, strict=True)) for values in reader.rows(f"{sql} ORDER BY trace_id, span_id")]


class _Places:
    """Where a field of a call or span is read from: its own span, another span of the same call, or one above."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._moved = {
            span: copies for (_, span), copies in records.items()
        }  # into the run that their trace belongs to
        self._sources = Sources()
        self._known: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}

    def of(self, one: dict[str, Any], raw: str) -> tuple[str, ...]:
        """Where a call or span has a field from that is known of it."""
        trace = one["trace_id"]
        if raw == "agent_hint" and one["agent_rule"] == "inherited from ancestor":
            above = self.at(trace, one["turn_id"], raw) or ("the name",)
            return tuple(f"{place} of the agent's span above" for place in above)
        for span in (one["span_id"], *one["other_span_ids"]):
            if told := self.at(trace, span, raw):
                beside = "" if span == one["span_id"] else " of another span of the same call"
                return tuple(place + beside for place in told)
        if raw == "tools" and (above := self.at(trace, one["turn_id"], raw)):
            return tuple(f"{place} of the agent's span above" for place in above)
        return (UNTRACED.get(raw, "what kind of span it is"),)

    def at(self, trace: str, span: str, raw: str) -> tuple[str, ...]:
        """The places that one span has a field from."""
        if (trace, span) not in self._known:
            self._known[trace, span] = self._told(self._records.get((trace, span)) or self._moved[span])
        return self._known[trace, span].get(raw, ())

    def _told(self, copies: list[Record]) -> dict[str, tuple[str, ...]]:
        out: dict[str, tuple[str, ...]] = {}
        for record in copies:
            own = f" ({OWN})" if (record[0].scope or "").startswith(APPLICATION) else ""
            for raw, places in self._sources.of(record).items():
                if places:
                    out.setdefault(raw, tuple(place + own for place in places))
        return out


def _share(rows: list[dict[str, Any]], places: _Places, column: str, raw: str, possible: str) -> Share:
    of = [one for one in rows if one[possible]]
    held = [one for one in of if one[column] is not None]
    return Share(len(held), len(of), Counter(place for one in held for place in places.of(one, raw)))


def _marked(reader: StoreReader, failures: list[tuple[str, str]]) -> Share:
    """Of the spans at which something failed, those that say so in their status."""
    failed = set(reader.rows("SELECT trace_id, span_id FROM spans WHERE status = 'error'"))
    there = set(reader.rows("SELECT trace_id, span_id FROM spans"))
    known = [one for one in failures if one in there]
    held = sum(one in failed for one in known)
    return Share(held, len(known), Counter({"the status": held}))


def _conversations(reader: StoreReader, places: _Places) -> Share:
    """Traces that name their conversation, each by the first span that does, one of the instrumentation's if there is."""
    first = reader.rows(_CONVERSATIONS, own=APPLICATION)
    told = Counter(place for trace, span in first for place in places.at(trace, span, "session_id") or ("the trace",))
    return Share(len(first), len(reader.trace_ids()), told)


def _fixes(reader: StoreReader, calls: list[dict[str, Any]]) -> list[str]:
    """What the program advises for the calls that cannot be replayed exactly, the most frequent first."""
    alike = Counter((one["replayable"], one["replay_reason"]) for one in calls if one["answered"])
    first = {(one["replayable"], one["replay_reason"]): one for one in reversed(calls) if one["answered"]}
    found = [
        fixes(reader.span(first[why]["trace_id"], first[why]["span_id"]), why[0]) for why, _ in alike.most_common()
    ]
    if not calls:
        agents = reader.rows("SELECT trace_id, span_id FROM spans WHERE kind = 'agent' ORDER BY ALL LIMIT 1")
        found = [fixes(reader.span(*one), "no") for one in agents]
    return list(dict.fromkeys(line for lines in found for line in lines))
