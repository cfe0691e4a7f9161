"""What is usual for a tool over all runs at hand: how often it answers with nothing, and whether its answers are
shown at all."""

from __future__ import annotations

from collections import defaultdict

from agentdbg.model import Reader, Span

ENOUGH = 5
"""Results of other runs below which a tool's usual rate says nothing."""
_SQL = """
    SELECT coalesce(tool, name), coalesce(convention, ''), coalesce(scope, ''), count(*),
           count(*) FILTER (output_empty), count(*) FILTER (output IN ('null', '""', '{}', '"{}"', '"null"', '"None"'))
    FROM spans
    WHERE kind IN ('tool', 'retriever') AND status <> 'error' AND output IS NOT NULL
    GROUP BY ALL ORDER BY ALL
"""


class Usual:
    """Counts over every trace of the reader, those that are not judged among them. One statement."""

    def __init__(self, reader: Reader) -> None:
        self._tools: dict[str, tuple[int, int]] = {}
        shown: dict[tuple[str, str], int] = defaultdict(int)
        for tool, convention, scope, count, empty, blank in reader.everywhere(_SQL):
            before = self._tools.get(tool, (0, 0))
            self._tools[tool] = (before[0] + count, before[1] + empty)
            shown[convention, scope] += count - blank
        self._shown = {instrumentation for instrumentation, count in shown.items() if count}

    def shows_results(self, span: Span) -> bool:
        """Whether the instrumentation of this span shows a result of any tool anywhere. Where it never does, a null, an
        empty text or `{}` is a result that was not recorded."""
        return (span.convention or "", span.scope or "") in self._shown

    def elsewhere(self, tool: str | None, here: int, empty_here: int) -> tuple[int, int]:
        """(empty results, results) of a tool in the other runs. `here` are so many recorded in the run that is
        judged."""
        count, empty = self._tools.get(tool or "", (0, 0))
        return max(0, empty - empty_here), max(0, count - here)
