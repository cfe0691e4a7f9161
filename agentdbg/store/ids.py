"""Which trace or span is meant: ids as people type and paste them, shortened, in capitals, or by a word."""

from __future__ import annotations

from collections.abc import Sequence

from agentdbg.errors import AgentdbgError
from agentdbg.model import SEVERITIES, Finding, Reader

SHORTEST = 4
LATEST = "latest"
HOUR_NS = 3_600 * 1_000_000_000
STATUSES = ("ok", "incomplete", "error")
_LISTED = 6
_NEAR = 3


class UnknownTrace(AgentdbgError):
    """No trace has the id `asked`, nor begins with it."""

    def __init__(self, asked: str, hint: str) -> None:
        super().__init__(f"there is no trace {asked}", hint)
        self.asked = asked


def find_trace(reader: Reader, asked: str) -> str:
    """The full id of the one trace that `asked` means: its id, a beginning of it of at least 4 characters, or `latest`.
    The id of a trace that is part of a run of several means the run, that of a conversation of one run that one.

    Raises AgentdbgError, with the nearest candidates, where it means none (UnknownTrace) or several.
    """
    if asked == LATEST:
        return _latest(reader)
    found = _matching(reader, "traces", "trace_id", asked) or _runs_of_parts(reader, asked)
    if len(found) == 1:
        return found[0]
    if found:
        raise AgentdbgError(f"{asked} is the beginning of {len(found)} trace ids", _listed(reader, found))
    spans = reader.rows(
        f"SELECT trace_id, span_id FROM spans WHERE {_means('span_id', asked)} ORDER BY ALL LIMIT 1", asked=asked
    )
    if spans:
        trace_id, span_id = spans[0]
        raise AgentdbgError(
            f"{asked} is the id of a span, not of a trace", f"agentdbg show {trace_id}\nagentdbg span {span_id}"
        )
    if talks := reader.rows("SELECT trace_id FROM traces WHERE session_id = $asked ORDER BY 1", asked=asked):
        return _of_conversation(reader, asked, [row[0] for row in talks])
    if len(asked) < SHORTEST:
        raise _too_short("trace", asked)
    raise UnknownTrace(asked, _nearest(reader, "traces", "trace_id", asked))


def find_span(reader: Reader, asked: str) -> tuple[str, str]:
    """(trace id, span id) of the one span that `asked` means: `SPAN` or `TRACE:SPAN`, shortened as for `find_trace`.

    Ids may hold colons themselves: the whole text is tried as a span first. Raises AgentdbgError, with the nearest
    candidates, where it means none or several.
    """
    trace_id, span, found = None, asked, _matching(reader, "spans", "span_id", asked)
    if not found and ":" in asked:
        trace_id, span, found = _within_a_trace(reader, asked)
    if len(found) > 1:
        raise AgentdbgError(f"{span} is the beginning of {len(found)} span ids", f"they are: {_some(found)}")
    if not found:
        raise _unknown_span(reader, span, trace_id)
    where = "span_id = $span" + (" AND trace_id = $trace" if trace_id else "")
    args = {"span": found[0], **({"trace": trace_id} if trace_id else {})}
    places = reader.rows(f"SELECT trace_id, span_id FROM spans WHERE {where} ORDER BY ALL", **args)
    if len(places) > 1:
        forms = [f"{trace}:{span}" for trace, span in places]
        raise AgentdbgError(f"span {found[0]} occurs in {len(places)} traces", f"say which: {_some(forms)}")
    return str(places[0][0]), str(places[0][1])


def _of_conversation(reader: Reader, asked: str, trace_ids: list[str]) -> str:
    if len(trace_ids) == 1:
        return trace_ids[0]
    raise AgentdbgError(f"{asked} is a conversation of {len(trace_ids)} runs", _listed(reader, trace_ids))


def newest_hour(reader: Reader) -> list[str]:
    """The traces that started within an hour before the newest one did, sorted. All where none tells its start."""
    rows = reader.rows(
        "SELECT trace_id FROM traces WHERE coalesce(start_ns >= (SELECT max(start_ns) FROM traces) - $hour,"
        " (SELECT max(start_ns) FROM traces) IS NULL) ORDER BY trace_id",
        hour=HOUR_NS,
    )
    return [row[0] for row in rows]


def worst_of(reader: Reader, trace_ids: Sequence[str], findings: Sequence[Finding]) -> str:
    """The trace to look at first: by its worst finding that is no hint, its status, its findings, the later start.

    Raises AgentdbgError where there is none to choose from.
    """
    rows = reader.rows(
        "SELECT trace_id, status FROM traces WHERE trace_id IN (SELECT unnest($asked))"
        " ORDER BY start_ns DESC NULLS LAST, trace_id",
        asked=list(trace_ids),
    )
    if not rows:
        raise _empty(reader)
    ranks: dict[str, list[int]] = {}
    for one in findings:
        if one.confidence != "hint":
            ranks.setdefault(one.trace_id, []).append(SEVERITIES.index(one.severity))

    def badness(row: tuple[str, str]) -> tuple[int, int, int]:
        found = ranks.get(row[0], [])
        return max(found, default=-1), STATUSES.index(row[1]), len(found)

    return str(max(rows, key=badness)[0])  # the first of equal ones


def _latest(reader: Reader) -> str:
    rows = reader.rows("SELECT trace_id FROM traces ORDER BY start_ns DESC NULLS LAST, trace_id LIMIT 1")
    if not rows:
        raise _empty(reader)
    return str(rows[0][0])


def waiting_logs(reader: Reader) -> int:
    """How many log records belong to spans that are not here."""
    rows = reader.rows(
        "SELECT count(*) FROM (SELECT DISTINCT trace_id, span_id, name, time_ns, attributes, body FROM raw.logs "
        "ANTI JOIN raw.spans USING (trace_id, span_id))"
    )
    return int(rows[0][0])


def stranded(reader: Reader) -> AgentdbgError | None:
    """What is wrong where there are log records and no trace: None where that is not so."""
    logs = waiting_logs(reader)
    if not logs or reader.rows("SELECT 1 FROM traces LIMIT 1"):
        return None
    return AgentdbgError(
        f"{logs} log record{'s' if logs > 1 else ''} and no span: of a model call they tell nothing by themselves",
        "name the file that holds their spans as well, for example: agentdbg show SPANS LOGS",
    )


def _empty(reader: Reader) -> AgentdbgError:
    empty = AgentdbgError("the store holds no trace", "`agentdbg ingest PATH...` reads some in")
    return stranded(reader) or empty


def _matching(reader: Reader, view: str, column: str, asked: str, trace_id: str | None = None) -> list[str]:
    """The one id that is `asked`, else those that begin with it; the capitals of a pasted id do not matter."""
    within = " AND trace_id = $trace" if trace_id else ""
    args = {"trace": trace_id} if trace_id else {}
    for spelling in dict.fromkeys((asked, asked.lower())):
        rows = reader.rows(
            f"SELECT DISTINCT {column} FROM {view} WHERE {_means(column, asked)}{within} ORDER BY 1",
            asked=spelling,
            **args,
        )
        found = [str(row[0]) for row in rows]
        if found:
            return [spelling] if spelling in found else found
    return []


def _runs_of_parts(reader: Reader, asked: str) -> list[str]:
    parts = _matching(reader, "(SELECT unnest(joined) AS part FROM traces)", "part", asked)
    rows = reader.rows("SELECT trace_id FROM traces WHERE list_has_any(joined, $parts) ORDER BY 1", parts=parts)
    return [row[0] for row in rows]


def _means(column: str, asked: str) -> str:
    """The condition under which an id is meant. A text too short to be a beginning is an id of its own or nothing."""
    return f"starts_with({column}, $asked)" if len(asked) >= SHORTEST else f"{column} = $asked"


def _within_a_trace(reader: Reader, asked: str) -> tuple[str | None, str, list[str]]:
    """(trace id, the text of the span, span ids that it means) of `TRACE:SPAN`, at whichever colon makes sense of it.

    Where no trace does, the trace id is None and the text the whole one, if spans here have colons in their ids; else
    what is wrong with the trace before the last colon is raised.
    """
    unknown: AgentdbgError | None = None
    known: tuple[str, str] | None = None
    for at in (n for n in range(len(asked) - 1, 0, -1) if asked[n] == ":"):
        try:
            trace_id = find_trace(reader, asked[:at])
        except AgentdbgError as problem:
            unknown = unknown or problem
            continue
        span = asked[at + 1 :]
        if found := _matching(reader, "spans", "span_id", span, trace_id):
            return trace_id, span, found
        known = known or (trace_id, span)
    if known:
        return *known, []
    if unknown and not reader.rows("SELECT 1 FROM spans WHERE contains(span_id, ':') LIMIT 1"):
        raise unknown
    return None, asked, []


def _too_short(what: str, asked: str) -> AgentdbgError:
    return AgentdbgError(
        f"there is no {what} {asked}".rstrip() + ", and it is too short for the beginning of an id",
        f"give at least {SHORTEST} characters of it",
    )


def _unknown_span(reader: Reader, span: str, trace_id: str | None) -> AgentdbgError:
    traces = reader.rows(f"SELECT trace_id FROM traces WHERE {_means('trace_id', span)} ORDER BY 1 LIMIT 1", asked=span)
    if traces and trace_id is None:
        return AgentdbgError(
            f"{span} is the id of a trace, not of a span", f"agentdbg show {traces[0][0]} lists its spans"
        )
    if len(span) < SHORTEST:
        return _too_short("span", span)
    where = f" in trace {trace_id}" if trace_id else ""
    return AgentdbgError(f"there is no span {span}{where}", _nearest(reader, "spans", "span_id", span, trace_id))


def _nearest(reader: Reader, view: str, column: str, asked: str, trace_id: str | None = None) -> str:
    within = "WHERE trace_id = $trace" if trace_id else ""
    args = {"trace": trace_id} if trace_id else {}
    rows = reader.rows(
        f"SELECT {column}, any_value(name ORDER BY name) FROM {view} {within} GROUP BY 1 ORDER BY"
        f" levenshtein(left({column}, length($asked)), $asked), 1 LIMIT {_NEAR}",
        asked=asked,
        **args,
    )
    if not rows:
        return "there is none at all"
    return "nearest: " + ", ".join(f"{found} ({name})" if name else str(found) for found, name in rows)


def _listed(reader: Reader, trace_ids: Sequence[str]) -> str:
    rows = reader.rows(
        "SELECT trace_id, name FROM traces WHERE trace_id IN (SELECT unnest($ids))"
        " ORDER BY start_ns DESC NULLS LAST, trace_id",
        ids=list(trace_ids),
    )
    return "they are, the newest first: " + _some([f"{trace_id} ({name})" for trace_id, name in rows])


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more
