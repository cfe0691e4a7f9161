"""What some of a run's spans cost: the tokens and the money of the model calls among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from agentdbg.model import LLMCall, Trace


def calls_of(trace: Trace, span_ids: Collection[str]) -> list[LLMCall]:
    """The real model calls that these spans report, each once."""
    among = frozenset(span_ids)
    return [call for call in trace.calls if not among.isdisjoint((call.span_id, *call.other_span_ids))]


def tokens(calls: Iterable[LLMCall]) -> int | None:
    """Tokens in and out; None where no call reports any."""
    counts = [n for call in calls for n in (call.input_tokens, call.output_tokens) if n is not None]
    return sum(counts) if counts else None


def usd(calls: Iterable[LLMCall]) -> float | None:
    """US dollars of the calls that have a price; None where none has."""
    prices = [call.cost_usd for call in calls if call.cost_usd is not None]
    return sum(prices) if prices else None


def spent(trace: Trace, span_ids: Collection[str]) -> tuple[int | None, float | None]:
    """(tokens, US dollars) of these spans."""
    calls: Sequence[LLMCall] = calls_of(trace, span_ids)
    return tokens(calls), usd(calls)
