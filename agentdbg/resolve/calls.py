"""Which spans are one real model call. Frameworks and SDKs report the same call two or three times, one inside the
other or side by side; wrappers sum up the calls below them. Tokens count once, at the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentdbg.resolve.facts import CallRow, Facts
from agentdbg.resolve.grading import grade
from agentdbg.tree import SKEW_NS, Forest

TOOL_FINISHES = ("tool_calls", "tool_call", "tool-calls", "tool_use", "function_call")
STREAMED = "streaming response from "  # Logfire's span of a stream's answer, beside the request's and after it
Price = Callable[[Facts], float | None]
FILLED = (
    "agent", "model", "provider", "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens",
    "reasoning_tokens", "reported_cost_usd", "finish_reason",
)  # fmt: skip


def calls(forest: Forest[Facts], price: Price) -> list[CallRow]:
    """One row per real call, in order of start; sets `is_call` on the span that stands for it."""
    rows = [_row(group, forest, price) for group in _beside(_by_response(_streamed(_nested(forest))))]
    return sorted(rows, key=lambda row: (row.start_ns or 0, row.span_id))


def _nested(forest: Forest[Facts]) -> list[list[Facts]]:
    """Groups of spans that report one call because they stand inside each other, innermost first. What a tool or an
    agent does is no part of the call around it: some frameworks run tools inside the span of the call that asked for
    them."""
    below: dict[str, list[list[Facts]]] = {}
    groups: list[list[Facts]] = []
    for node in reversed(list(forest.walk())):  # children before parents
        found = [group for child in node.children for group in below.pop(child.span.span_id, [])]
        if node.span.kind == "llm":
            if not found:
                found = [[node.span]]
            elif len(found) == 1:
                found[0].append(node.span)
        if node.parent is None or node.span.kind in ("tool", "agent"):
            groups += found
        else:
            below[node.span.span_id] = found
    return groups


def _streamed(groups: list[list[Facts]]) -> list[list[Facts]]:
    """Join the answer of a stream to the request that ended last before the stream began, among siblings of its model
    that have no answer. The call lasts from the one's start to the other's end."""
    told = [group for group in groups if group[0].name.startswith(STREAMED)]
    if not told:
        return groups
    requests = _requests(groups)
    waiting: dict[_Place, list[tuple[Facts, list[Facts]]]] = {}
    answered: set[int] = set()
    for group in sorted(told, key=lambda group: (group[0].start_ns or 0, group[0].span_id)):
        answer, place = group[0], (group[0].parent_id, group[0].model)
        before, ready = requests.get(place, []), waiting.setdefault(place, [])
        while before and _ended(before[-1][0]) <= (answer.start_ns or 0) + SKEW_NS:
            ready.append(before.pop())
        while ready:
            request, other = ready.pop()
            if id(other) not in answered:
                answered.add(id(other))
                group += other
                answer.start_ns = request.start_ns
                break
    return [group for group in groups if id(group) not in answered]


_Place = tuple[str | None, str | None]
"""Parent and model."""


def _requests(groups: list[list[Facts]]) -> dict[_Place, list[tuple[Facts, list[Facts]]]]:
    """Calls without an answer that went well, by parent and model, the last to end first."""
    found: dict[_Place, list[tuple[Facts, list[Facts]]]] = {}
    for group in groups:
        if not any(span.has_output for span in group):
            for span in group:
                if span.status != "error" and (span.end_ns or span.start_ns) is not None:
                    found.setdefault((span.parent_id, span.model), []).append((span, group))
    for calls in found.values():
        calls.sort(key=lambda one: (_ended(one[0]), one[0].span_id), reverse=True)
    return found


def _ended(span: Facts) -> int:
    return span.end_ns or span.start_ns or 0


def _by_response(groups: Sequence[list[Facts]]) -> list[list[Facts]]:
    """Join groups that tell the same response id while they overlap in time: two instrumentations side by side."""
    out: list[list[Facts]] = []
    seen: dict[str, list[Facts]] = {}
    for group in sorted(groups, key=lambda group: (group[0].start_ns or 0, group[0].span_id)):
        answer = next((span.response_id for span in group if span.response_id), None)
        twin = seen.get(answer) if answer else None
        if twin is not None and _overlap(twin[0], group[0]):
            twin.extend(group)
            continue
        if answer:
            seen[answer] = group
        out.append(group)
    return out


def _beside(groups: Sequence[list[Facts]]) -> list[list[Facts]]:
    """Join the reports of two instrumentations that stand side by side and tell the same input and output, where no ids
    of responses say otherwise: the framework's span of a stream is over before the SDK's begins."""
    out: list[list[Facts]] = []
    seen: dict[tuple[str, int, int], list[list[Facts]]] = {}
    for group in groups:
        span = group[0]
        if span.parent_id is None or span.input_key is None or span.output_key is None:
            out.append(group)
            continue
        alike = seen.setdefault((span.parent_id, span.input_key, span.output_key), [])
        twin = next((other for other in alike if _other_report(other, group)), None)
        if twin is None:
            alike.append(group)
            out.append(group)
        else:
            twin += group
    return out


def _other_report(a: Sequence[Facts], b: Sequence[Facts]) -> bool:
    ids = {span.response_id for span in (*a, *b) if span.response_id}
    return len(ids) < 2 and {span.scope for span in a}.isdisjoint(span.scope for span in b)


def _overlap(a: Facts, b: Facts) -> bool:
    if a.start_ns is None or b.start_ns is None:
        return False
    return a.start_ns <= (b.end_ns or b.start_ns) and b.start_ns <= (a.end_ns or a.start_ns)


def _richness(span: Facts) -> tuple[int, ...]:
    payloads = (span.has_output, span.has_input, span.has_tools, span.has_parameters)
    told = (*payloads, span.output_tokens is not None, span.response_id is not None)
    return tuple(int(one) for one in told)


def _offered_by(call: Facts, forest: Forest[Facts]) -> str | None:
    """The span of its agent that tells which tools the model was offered, where such calls do not."""
    if call.has_tools or call.records_tools is not False or call.turn_id is None:
        return None
    above = forest.by_id[call.span_id].parent
    while above is not None and above.span.turn_id == call.turn_id:
        if above.span.has_tools:
            return above.span.span_id
        above = above.parent
    return None


def _row(group: list[Facts], forest: Forest[Facts], price: Price) -> CallRow:
    best = max(group, key=_richness)  # of equals the innermost
    best.is_call = True
    for other in group:
        for field in FILLED:
            if getattr(best, field) is None:
                setattr(best, field, getattr(other, field))
    cost, basis = best.reported_cost_usd, "reported"
    if cost is None:
        cost = price(best)
        basis = "unknown" if cost is None else "computed"
    offered_by = _offered_by(best, forest)
    replayable, reason = grade(
        has_input=best.has_input,
        has_output=best.has_output,
        has_tools=best.has_tools or offered_by is not None,
        has_parameters=best.has_parameters,
        records_tools=best.records_tools is not False,
        records_parameters=best.records_parameters is not False,
        calls_tools=best.finish_reason in TOOL_FINISHES,
        payload_cut=best.payload_cut,
        dropped=best.dropped,
        failed=best.status == "error",
    )
    return CallRow(
        trace_id=best.trace_id,
        span_id=best.span_id,
        agent=best.agent,
        model=best.model,
        provider=best.provider,
        input_tokens=best.input_tokens,
        output_tokens=best.output_tokens,
        cached_tokens=best.cached_tokens,
        reasoning_tokens=best.reasoning_tokens,
        cost_usd=cost,
        cost_basis=basis,
        finish_reason=best.finish_reason,
        start_ns=best.start_ns,
        duration_ns=None if best.start_ns is None or best.end_ns is None else max(0, best.end_ns - best.start_ns),
        status=best.status,
        replayable=replayable,
        replay_reason=reason,
        other_span_ids=sorted(span.span_id for span in group if span is not best),
        offered_by=offered_by,
    )
