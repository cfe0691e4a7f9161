"""Filters of `show`: which spans are asked for. What stands above them stays, or the tree would not tell where they
are."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from agentdbg.model import Kind, Span
from agentdbg.tree import Forest, Node


@dataclass(frozen=True, slots=True)
class Filter:
    """Spans that satisfy all that is set. grep looks, without regard to case, in name, agent, model, tool, error and
    payloads.

    path: only spans that the run waited for. findings: only spans that a finding is about.
    """

    agent: str | None = None
    kind: Kind | None = None
    failed: bool = False
    least_ns: int | None = None
    grep: str | None = None
    path: bool = False
    findings: bool = False

    def matches(self, span: Span) -> bool:
        """Whether a span satisfies what can be seen at the span itself."""
        return (
            (self.agent is None or (span.agent or "").casefold() == self.agent.casefold())
            and (self.kind is None or span.kind == self.kind)
            and (not self.failed or span.status == "error")
            and (self.least_ns is None or (span.duration_ns or 0) >= self.least_ns)
            and (self.grep is None or _says(span, self.grep.casefold()))
        )


def _says(span: Span, words: str) -> bool:
    told = (span.name, span.agent, span.model, span.tool, span.error_type, span.error_message, span.input, span.output)
    return any(words in text.casefold() for text in told if text)


@dataclass(frozen=True, slots=True)
class Selected:
    """The spans that satisfy a filter, and these with all that stands above them."""

    matched: frozenset[Node[Span]]
    kept: frozenset[Node[Span]]


def select(
    forest: Forest[Span], wanted: Filter, path: Container[Node[Span]], marked: Container[Node[Span]]
) -> Selected:
    """What a filter leaves of a forest, given the spans of the critical path and those that findings are about."""
    matched = frozenset(
        node
        for node in forest.walk()
        if wanted.matches(node.span) and (not wanted.path or node in path) and (not wanted.findings or node in marked)
    )
    kept: set[Node[Span]] = set()
    for node in matched:
        at: Node[Span] | None = node
        while at is not None and at not in kept:
            kept.add(at)
            at = at.parent
    return Selected(matched, frozenset(kept))
