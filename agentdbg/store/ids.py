"""Which trace or span is meant: ids as people type and paste them, shortened, in capitals, or by a word."""

from __future__ import annotations

from collections.abc import Sequence

from agentdbg.errors import AgentdbgError
from agentdbg.model import Reader

SHORTEST = 4
LATEST = "latest"
HOUR_NS = 3_600 * 1_000_000_000
_LISTED = 6
_NEAR = 3


class UnknownTrace(AgentdbgError):
    """No trace has that id, nor begins with it."""


def find_trace(reader: Reader, asked: str) -> str:
    """The full id of the one trace that `asked` means: its id, a beginning of it of at least 4 characters, or `latest`.

    Raises AgentdbgError, with the nearest candidates, where it means none (UnknownTrace) or several.
    """
    if asked == LATEST:
        return _latest(reader)
    found = _matching(reader, "traces", "trace_id", asked)
    if len(found) == 1:
        return found[0]
    if found:
        raise AgentdbgError(f"{asked} is the beginning of {len(found)} trace ids", _listed(reader, found))
    spans = reader.rows(
        "SELECT trace_id, span_id FROM spans WHERE starts_with(span_id, $asked) ORDER BY ALL LIMIT 1", asked=asked
    )
    if spans:
        trace_id, span_id = spans[0]
        raise AgentdbgError(
            f"{asked} is the id of a span, not of a trace", f"agentdbg show {trace_id}\nagentdbg span {span_id}"
        )
    raise UnknownTrace(f"there is no trace {asked}", _nearest(reader, "traces", "trace_id", asked))


def find_span(reader: Reader, asked: str) -> tuple[str, str]:
    """(trace id, span id) of the one span that `asked` means: `SPAN` or `TRACE:SPAN`, shortened as for `find_trace`.

    Raises AgentdbgError, with the nearest candidates, where it means none or several.
    """
    trace, colon, span = asked.rpartition(":")
    trace_id = find_trace(reader, trace) if colon and trace else None
    found = _matching(reader, "spans", "span_id", span, trace_id)
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


def newest_hour(reader: Reader) -> list[str]:
    """The traces that started within an hour before the newest one did, sorted. All where none tells its start."""
    rows = reader.rows(
        "SELECT trace_id FROM traces WHERE coalesce(start_ns >= (SELECT max(start_ns) FROM traces) - $hour,"
        " (SELECT max(start_ns) FROM traces) IS NULL) ORDER BY trace_id",
        hour=HOUR_NS,
    )
    return [row[0] for row in rows]


def worst_of(reader: Reader, trace_ids: Sequence[str]) -> str:
    """The trace to look at first: by its worst finding that is no hint, its status, its findings, the later start.

    Raises AgentdbgError where there is none to choose from.
    """
    rows = reader.rows(
        """
        SELECT t.trace_id FROM traces t LEFT JOIN (
            SELECT trace_id, count(*) AS findings,
                max(list_position(['info', 'low', 'medium', 'high', 'critical'], severity)) AS worst
            FROM findings WHERE confidence <> 'hint' GROUP BY trace_id
        ) f USING (trace_id)
        WHERE list_contains($asked, t.trace_id)
        ORDER BY coalesce(f.worst, 0) DESC, list_position(['ok', 'incomplete', 'error'], t.status) DESC,
            coalesce(f.findings, 0) DESC, t.start_ns DESC NULLS LAST, t.trace_id LIMIT 1
        """,
        asked=list(trace_ids),
    )
    if not rows:
        raise _empty()
    return str(rows[0][0])


def _latest(reader: Reader) -> str:
    rows = reader.rows("SELECT trace_id FROM traces ORDER BY start_ns DESC NULLS LAST, trace_id LIMIT 1")
    if not rows:
        raise _empty()
    return str(rows[0][0])


def _empty() -> AgentdbgError:
    return AgentdbgError("the store holds no trace", "`agentdbg ingest PATH...` reads some in")


def _matching(reader: Reader, view: str, column: str, asked: str, trace_id: str | None = None) -> list[str]:
    """The one id that is `asked`, else those that begin with it; the capitals of a pasted id do not matter."""
    if len(asked) < SHORTEST:
        raise AgentdbgError(
            f"{asked or 'an empty text'} is too short for an id", f"give at least {SHORTEST} characters of it"
        )
    within = " AND trace_id = $trace" if trace_id else ""
    args = {"trace": trace_id} if trace_id else {}
    for spelling in dict.fromkeys((asked, asked.lower())):
        rows = reader.rows(
            f"SELECT DISTINCT {column} FROM {view} WHERE starts_with({column}, $asked){within} ORDER BY 1",
            asked=spelling,
            **args,
        )
        found = [str(row[0]) for row in rows]
        if found:
            return [spelling] if spelling in found else found
    return []


def _unknown_span(reader: Reader, span: str, trace_id: str | None) -> AgentdbgError:
    traces = reader.rows(
        "SELECT trace_id FROM traces WHERE starts_with(trace_id, $asked) ORDER BY 1 LIMIT 1", asked=span
    )
    if traces and trace_id is None:
        return AgentdbgError(
            f"{span} is the id of a trace, not of a span", f"agentdbg show {traces[0][0]} lists its spans"
        )
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
        "SELECT trace_id, name FROM traces WHERE list_contains($ids, trace_id)"
        " ORDER BY start_ns DESC NULLS LAST, trace_id",
        ids=list(trace_ids),
    )
    return "they are, the newest first: " + _some([f"{trace_id} ({name})" for trace_id, name in rows])


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more
