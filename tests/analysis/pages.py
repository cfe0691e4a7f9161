"""A sketch in, the page that people read out."""

from __future__ import annotations

import io
from pathlib import Path

from agentdbg.analysis.chain import Why
from agentdbg.analysis.handoffs import Exchanges, exchanges
from agentdbg.analysis.why import why
from agentdbg.check.judging import judgement
from agentdbg.reporters import handoffs as handoff_page
from agentdbg.reporters import why as why_page
from agentdbg.reporters.terminal import Look
from agentdbg.store import Store
from tests.stores import of_sketch


def explained(folder: Path, sketch: str, text: str | None = None, span: str | None = None) -> Why:
    """The answer of `why` about the first run of a sketch. span: the name of one."""
    with of_sketch(folder, sketch) as store:
        trace_id = store.reader().trace_ids()[0]
        return explained_run(store, trace_id, text, _span(store, trace_id, span) if span else None)


def explained_run(store: Store, trace_id: str, text: str | None = None, span_id: str | None = None) -> Why:
    judged, _ = judgement(store, {}, [trace_id])
    return why(store.reader(), trace_id, judged.findings, span_id, text)


def _span(store: Store, trace_id: str, name: str) -> str:
    rows = store.reader().rows(
        "SELECT span_id FROM spans WHERE trace_id = $t AND (name = $n OR tool = $n)", t=trace_id, n=name
    )
    assert len(rows) == 1, rows
    return str(rows[0][0])


def chain(found: Why) -> list[tuple[str, str, str]]:
    """(role, name, what went wrong or was said) of each step."""
    return [(step.role, step.name, step.trouble or step.said) for step in found.steps]


def why_text(found: Why, look: Look | None = None) -> str:
    stream = io.StringIO()
    why_page.text(found, stream, look or Look(96))
    return stream.getvalue()


def passed(folder: Path, sketch: str, run: int = 0) -> Exchanges:
    """The answer of `handoffs` about a run of a sketch, by its place."""
    with of_sketch(folder, sketch) as store:
        rows = store.reader().rows("SELECT trace_id FROM traces ORDER BY start_ns, trace_id")
        return exchanges(store.reader([rows[run][0]]), rows[run][0])


def handoffs_text(found: Exchanges, look: Look | None = None) -> str:
    stream = io.StringIO()
    handoff_page.text(found, stream, look or Look(96))
    return stream.getvalue()
