"""Sums over subtrees. Tokens and money come from real model calls alone, so that a call that three spans report
counts once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentdbg.model import LLMCall, Span
from agentdbg.tree import Forest, Node


@dataclass(slots=True)
class Totals:
    """What a part of a trace holds. None where no call tells; `unpriced` counts the calls that used tokens but have
    no price."""

    spans: int = 0
    errors: int = 0
    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    uncounted: int = 0
    unpriced: int = 0

    @property
    def tokens(self) -> int | None:
        return plus(self.input_tokens, self.output_tokens)

    def add(self, other: Totals) -> None:
        self.spans += other.spans
        self.errors += other.errors
        self.calls += other.calls
        self.input_tokens = plus(self.input_tokens, other.input_tokens)
        self.output_tokens = plus(self.output_tokens, other.output_tokens)
        if other.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + other.cost_usd
        self.uncounted += other.uncounted
        self.unpriced += other.unpriced

    def without(self, other: Totals) -> Totals:
        """These totals without a part of them."""
        calls = self.calls - other.calls
        return Totals(
            spans=self.spans - other.spans,
            errors=self.errors - other.errors,
            calls=calls,
            input_tokens=_minus(self.input_tokens, other.input_tokens) if calls else None,
            output_tokens=_minus(self.output_tokens, other.output_tokens) if calls else None,
            cost_usd=max(0.0, (self.cost_usd or 0.0) - (other.cost_usd or 0.0)) if calls and self.cost_usd else None,
            uncounted=self.uncounted - other.uncounted,
            unpriced=self.unpriced - other.unpriced,
        )

    def count(self, call: LLMCall) -> None:
        """Add one real call."""
        self.calls += 1
        self.input_tokens = plus(self.input_tokens, call.input_tokens)
        self.output_tokens = plus(self.output_tokens, call.output_tokens)
        counted = call.input_tokens is not None or call.output_tokens is not None
        self.uncounted += not counted and call.status != "error"
        if call.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + call.cost_usd
        else:
            self.unpriced += counted or call.status != "error"


def plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b


def _minus(a: int | None, b: int | None) -> int | None:
    return None if a is None else a - (b or 0)


def gather(totals: Iterable[Totals]) -> Totals:
    out = Totals()
    for one in totals:
        out.add(one)
    return out


def subtree_totals(forest: Forest[Span], calls: Iterable[LLMCall]) -> dict[Node[Span], Totals]:
    """For every node the totals of itself and all below. A call stands at its `span_id`; one without a span counts
    nowhere."""
    nodes = list(forest.walk())
    sums = {node: Totals(spans=1, errors=int(node.span.status == "error")) for node in nodes}
    for call in calls:
        node = forest.by_id.get(call.span_id)
        if node is not None:
            sums[node].count(call)
    for node in reversed(nodes):
        if node.parent is not None:
            sums[node.parent].add(sums[node])
    return sums
