"""How faithfully one model call can be replayed from what its span records, and why not better."""

from __future__ import annotations

from agentdbg.model import Grade


def grade(
    *,
    has_input: bool,
    has_output: bool,
    has_tools: bool,
    has_parameters: bool,
    records_tools: bool,
    records_parameters: bool,
    calls_tools: bool,
    payload_cut: bool,
    dropped: int,
    failed: bool,
) -> tuple[Grade, str]:
    """The grade of a call and its reason in words, worst first.

    has_*: the payload is recorded. records_*: False where this instrumentation never records tool definitions / all
    parameters, so that an absence proves nothing; where it is True, an absence means that none were sent. calls_tools:
    the answer asks for tools, which it cannot without their definitions. payload_cut: part of the messages is missing.
    dropped: attributes that the SDK threw away, which may have held anything. failed: the call ended in an error, which
    then is its answer.
    """
    if not has_input and not has_output:
        return "no", "only the error is recorded" if failed else "neither the messages nor the answer are recorded"
    lost = _lost(has_input, has_output or failed, payload_cut, dropped)
    unknown = _unknown(has_tools, has_parameters, records_tools and not calls_tools, records_parameters)
    if lost or unknown:
        return "partial" if lost else "content", "; ".join(lost + unknown)
    if failed and not has_output:
        return "exact", "all that was sent is recorded; the answer is the recorded error"
    return "exact", "all that was sent and answered is recorded"


def _lost(has_input: bool, has_answer: bool, payload_cut: bool, dropped: int) -> list[str]:
    out = []
    if not has_input:
        out.append("the messages are not recorded, only the answer")
    elif not has_answer:
        out.append("no answer is recorded, only the messages")
    if dropped:
        out.append(f"the SDK dropped {dropped} attribute{'s' if dropped > 1 else ''} of this span")
    if payload_cut and has_input:
        out.append("part of the messages is missing")
    return out


def _unknown(has_tools: bool, has_parameters: bool, tools_told: bool, parameters_told: bool) -> list[str]:
    out = []
    if not has_tools and not tools_told:
        out.append("tool definitions are not recorded")
    if not parameters_told:
        out.append("not all parameters are recorded" if has_parameters else "parameters are not recorded")
    return out
