"""Which trace or span the arguments mean; for a trace that is not here, how to get it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentdbg.cli import messages
from agentdbg.cli.exports import how_to_export
from agentdbg.cli.judged import of_traces
from agentdbg.cli.opening import like_a_path
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.opening import Opened

_LISTED = 3


def trace_of(here: Opened, asked: str) -> str:
    """The full id of the asked trace."""
    from agentdbg.store.ids import UnknownTrace, find_trace

    try:
        return find_trace(here.store.reader(), asked)
    except UnknownTrace as unknown:
        if like_a_path(asked):
            raise AgentdbgError(f"{unknown.message}, and there is no such file", unknown.hint) from unknown
        raise AgentdbgError(unknown.message, f"{unknown.hint}\n{how_to_export(asked)}") from unknown


def span_of(here: Opened, asked: str) -> tuple[str, str]:
    """(trace id, span id) of the asked span."""
    from agentdbg.store.ids import UnknownTrace, find_span

    try:
        return find_span(here.store.reader(), asked)
    except UnknownTrace as unknown:
        raise AgentdbgError(unknown.message, f"{unknown.hint}\n{how_to_export(unknown.asked)}") from unknown


def newest_saying(here: Opened, words: str) -> str:
    """The newest run in which some output holds the words; where there are others, stderr says so. Where there is none,
    as without words."""
    rows = here.store.reader().rows(
        "SELECT trace_id FROM spans WHERE contains(lower(output), lower($words)) GROUP BY trace_id "
        "ORDER BY max(start_ns) DESC NULLS LAST, trace_id",
        words=json.dumps(words, ensure_ascii=False)[1:-1],
    )
    if not rows:
        return worst_recent(here)
    if len(rows) > 1:
        messages.note(f"the newest of {len(rows)} runs that say so; name another before the words: {_few(rows[1:])}")
    return str(rows[0][0])


def _few(rows: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(row[0] for row in rows[:_LISTED]) + (", …" if len(rows) > _LISTED else "")


def worst_recent(here: Opened) -> str:
    """The worst run of the newest hour; where there were others, stderr says that one was chosen."""
    from agentdbg.store.ids import newest_hour, worst_of

    reader = here.store.reader()
    recent = newest_hour(reader)
    if len(recent) < 2:
        return worst_of(reader, recent, ())
    found, now = of_traces(here, recent)
    judged = f", {len(now)} of them judged now" if now and not here.from_files else ""
    messages.note(f"the worst of the {len(recent)} runs of the newest hour{judged}; `agentdbg traces` lists them all")
    return worst_of(reader, recent, found.findings)
