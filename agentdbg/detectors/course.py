"""The course of one run: who worked when, what was called, what was said, and who came after whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from agentdbg.detectors.effects import gives_answer
from agentdbg.model import LLMCall, Span, Trace
from agentdbg.steps.messages import parsed_messages, text_of
from agentdbg.tree import SKEW_NS, Node, build

WORK = frozenset(("agent", "llm", "tool", "retriever"))


@dataclass(slots=True)
class Said:
    """What a model call answered: its text, and the names of the tools it asked for. Where an agent answers by
    calling a tool made for that, the arguments of this call are its text."""

    text: str
    asks_for: tuple[str, ...] = ()


@dataclass(slots=True)
class Hop:
    """An agent that went on after a given moment. `span` is where it began; the rest is all it did from there."""

    agent: str
    span: Span
    calls: int = 0
    tokens: int | None = None
    usd: float | None = None
    spans: list[Span] = field(default_factory=list)


class Course:
    """One trace, with what detectors ask about it again and again. Nothing in here changes the trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.forest = build(trace.spans)
        nodes = sorted(self.forest.by_id.values(), key=lambda node: (node.start_ns, node.span.span_id))
        self.spans = [node.span for node in nodes]
        self._said: dict[str, Said | None] = {}

    def node(self, span: Span) -> Node[Span]:
        return self.forest.by_id[span.span_id]

    def start(self, span: Span) -> int:
        """Its start, else its parent's, in nanoseconds."""
        return self.node(span).start_ns

    def end(self, span: Span) -> int:
        """Its end; of a span that never closed, its start. Never before its start."""
        start = self.start(span)
        return start if span.end_ns is None else max(start, span.end_ns)

    def above(self, span: Span) -> Iterator[Span]:
        """Its ancestors, the nearest first."""
        node = self.node(span).parent
        while node is not None:
            yield node.span
            node = node.parent

    def moment(self, span: Span) -> int:
        """From when on others could know of it: its end, less what clocks of a millisecond are off by."""
        return max(self.start(span), self.end(span) - SKEW_NS)

    def is_orphaned(self, span: Span) -> bool:
        """Whether it hangs below a span whose parent is not in the trace."""
        return any(self.node(above).orphan for above in (span, *self.above(span)))

    def below(self, span: Span) -> Iterator[Span]:
        """Its descendants, parents before children."""
        walk = self.node(span).walk()
        next(walk)
        return (node.span for node in walk)

    def agent(self, span: Span) -> str | None:
        """Whose work it is: its own agent, else that of the nearest span above that has one."""
        return span.agent or next((above.agent for above in self.above(span) if above.agent), None)

    def turn(self, span: Span) -> Span:
        """The top span of the agent turn it belongs to, itself outside any."""
        node = self.forest.by_id.get(span.turn_id) if span.turn_id else None
        if node is not None:
            return node.span
        agent, top = self.agent(span), span
        for above in self.above(span):
            if agent is None or above.agent != agent:
                break
            top = above
        return top

    @cached_property
    def calls(self) -> dict[str, LLMCall]:
        """The real model calls by span id; empty where the trace lists none."""
        return {call.span_id: call for call in self.trace.calls}

    @cached_property
    def models(self) -> list[Span]:
        """One span for each real model call, by start."""
        if self.calls:
            return [span for span in self.spans if span.span_id in self.calls]
        return [s for s in self.spans if s.kind == "llm" and not any(below.kind == "llm" for below in self.below(s))]

    @cached_property
    def tools(self) -> list[Span]:
        """The tool and retriever spans that did the work themselves, by start.

        Left out are handoffs, tools that give the answer, those behind which another agent or a model works, and
        wrappers around the same tool.
        """
        handoffs = {handoff.via_span_id for handoff in self.trace.handoffs}
        return [
            span
            for span in self.spans
            if span.kind in ("tool", "retriever")
            and span.span_id not in handoffs
            and span.handoff_to is None
            and not gives_answer(span.tool or span.name)
            and not any(below.kind in WORK for below in self.below(span))
        ]

    def said(self, span: Span) -> Said | None:
        """What a model call answered; None where its answer is not recorded."""
        if span.span_id not in self._said:
            self._said[span.span_id] = answer(span.output)
        return self._said[span.span_id]

    @cached_property
    def final(self) -> Span | None:
        """The model call whose text is the last word of the run; None where no answer with text is recorded."""
        with_text = [span for span in self.models if (said := self.said(span)) and said.text.strip()]
        return max(with_text, key=lambda span: (self.end(span), span.span_id), default=None)

    def ran_beside(self, span: Span, other: Span) -> bool:
        """Whether the turn of `span` had begun before `other` ended, and neither turn encloses the other."""
        turn, theirs = self.turn(span), self.turn(other)
        if turn is theirs or turn in list(self.above(other)) or theirs in list(self.above(span)):
            return False
        return self.start(turn) < self.end(other)

    def after(self, span: Span) -> list[Hop]:
        """The other agents that worked after this span had ended, in the order they began. Those that ran beside it
        could not know of it and are left out."""
        moment, own = self.moment(span), self.agent(span)
        hops: dict[str, Hop] = {}
        for later in self.spans:
            agent = self.agent(later)
            if later.kind not in WORK or agent in (None, own) or self.start(later) < moment:
                continue
            assert agent is not None
            if self.ran_beside(later, span):
                continue
            turn = self.turn(later)
            hop = hops.setdefault(agent, Hop(agent, turn if self.start(turn) >= moment else later))
            hop.spans.append(later)
        for hop in hops.values():
            _count(hop, self.calls)
        return list(hops.values())


def totals(hops: Sequence[Hop]) -> tuple[int, int | None, float | None]:
    """(model calls, tokens, US dollars) of all hops; None where no call reports tokens, or none has a price."""
    tokens = [hop.tokens for hop in hops if hop.tokens is not None]
    usd = [hop.usd for hop in hops if hop.usd is not None]
    return sum(hop.calls for hop in hops), sum(tokens) if tokens else None, sum(usd) if usd else None


def answer(output: str | None) -> Said | None:
    """Text and tool calls of an output in neutral messages (model.py). None where nothing is recorded."""
    if output is None:
        return None
    messages = parsed_messages(output) or []
    parts = [part for message in messages for part in message.get("parts") or ()]
    if not parts:
        return None  # roles and finish reasons are recorded, words are not
    calls = [part for part in parts if part.get("type") == "tool_call"]
    texts = [text_of(messages), *(_words(part.get("arguments")) for part in calls if gives_answer(part.get("name")))]
    asks = tuple(str(part.get("name") or "") for part in calls if not gives_answer(part.get("name")))
    return Said("\n".join(text for text in texts if text), asks)


def _words(arguments: object) -> str:
    """The answer among the arguments of a tool that gives it: the one value, or all of them as JSON."""
    if isinstance(arguments, dict) and len(arguments) == 1:
        arguments = next(iter(arguments.values()))
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)


def _count(hop: Hop, calls: dict[str, LLMCall]) -> None:
    made = [calls[span.span_id] for span in hop.spans if span.span_id in calls]
    hop.calls = len(made)
    counts = [(call.input_tokens or 0) + (call.output_tokens or 0) for call in made if _counted(call)]
    prices = [call.cost_usd for call in made if call.cost_usd is not None]
    hop.tokens, hop.usd = sum(counts) if counts else None, sum(prices) if prices else None


def _counted(call: LLMCall) -> bool:
    return call.input_tokens is not None or call.output_tokens is not None
