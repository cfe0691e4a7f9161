"""The view model of one run: rows after folding, with all that a row says. Text, JSON and HTML are drawn from it and
never disagree.

Names and messages are the trace's own words, uncleaned: whoever draws them makes them harmless (`view.clean`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentdbg.model import Finding
from agentdbg.tree import Problem
from agentdbg.view.critical import Segment
from agentdbg.view.label import Part
from agentdbg.view.report import TraceSummary
from agentdbg.view.totals import Totals

RowKind = Literal["span", "cycle", "parallel", "more"]
Glyph = Literal["ok", "error", "open"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    kind: a span (or a chain of wrappers), a folded cycle, a folded batch, or the rest of what stands beside it
    (`more`). id: the span id, of a fold what `--expand` takes (`C1`), of a `more` row the id of the row it belongs to.
    span_ids: of a span row its chain from the outermost in, else the first and the last span. short_ids: the same,
    shortened. rails: whether a sibling follows, for every level from the outermost to the row's own; roots have none.
    totals: of the row with all below it. count: turns of a cycle, members of a batch; of a `more` row the turns,
    members or spans behind it (`of`). below: how many spans are below a row that stays closed. alike: whether all
    turns had equal inputs and outputs, None where that is not recorded. critical: when the run waited for this span
    itself, of a closed row also for what is below it.
    """

    kind: RowKind
    id: str
    span_ids: tuple[str, ...]
    short_ids: tuple[str, ...]
    depth: int
    rails: tuple[bool, ...]
    totals: Totals
    parts: tuple[Part, ...] = ()
    glyph: Glyph = "ok"
    start_ns: int | None = None
    end_ns: int | None = None
    count: int = 1
    of: Literal["spans", "turns", "members"] = "spans"
    nested: bool = False
    below: int = 0
    dim: bool = False
    orphan: bool = False
    cut: bool = False
    never_closed: bool = False
    empty: bool = False
    same_call: bool = False
    attempt: int = 1
    alike: bool | None = None
    median_ns: int | None = None
    slowest_ns: int | None = None
    tail: str = ""
    handoff_from: str | None = None
    handoff_words: str | None = None
    never_ran: str | None = None
    critical: tuple[Segment, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def duration_ns(self) -> int | None:
        if self.start_ns is None or self.end_ns is None:
            return None
        return max(0, self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class View:
    """A run as it is shown. start_ns and end_ns are the window of the time axis, None where no span tells its time.

    findings: without suppressed ones, worst first. loose: those of them whose span is not in the trace. problems: what
    is odd about the shape. unknown: names given to `expand` that are no fold and no span. matched: how many spans a
    filter found.
    """

    trace: TraceSummary
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    suppressed: int
    problems: tuple[Problem, ...]
    totals: Totals
    start_ns: int | None
    end_ns: int | None
    next: str
    loose: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()
    matched: int | None = None
