"""A span in full, with where each part came from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.model import Trace
from agentdbg.view.payload import parsed
from agentdbg.view.span_detail import ChatMessage, SpanDetail, span_detail
from tests.view.runs import Builder, refund


def detail(trace: Trace, span_id: str) -> SpanDetail:
    return span_detail(trace, trace.by_id()[span_id])


def told(messages: tuple[ChatMessage, ...] | None) -> list[str]:
    """`role: text [source] | …`, with * for what the call before had as well."""
    return [
        ("*" if message.known else "")
        + f"{message.role}: "
        + " | ".join(
            piece.text + (f" [{piece.source.span_id}]" if piece.source else "")
            for part in message.parts
            for piece in part.pieces
        )
        for message in messages or ()
    ]


def test_a_model_call_is_a_chat_with_sources_and_what_the_call_before_knew() -> None:
    seen = detail(refund()[0], "d4")
    order = '{"order": 4711, "status": "delivered", "signed_by": "M. Muster", "paid_eur": 89.9}'
    assert told(seen.input) == [
        "*system: You are the refund desk. Be brief.",
        "*user: I want my money back for order 4711, it never came. [d0]",
        '*assistant: {"order": 4711}',
        f"tool: {order} [d3]",
    ]
    assert told(seen.output) == ["assistant: The order was delivered and signed for by M. Muster.\nI cannot refund it."]
    assert (seen.before, seen.path[-1], seen.call and seen.call.span_id) == ("d2", ("d4", "gpt-4o"), "d4")


def test_a_tool_is_its_values() -> None:
    seen = detail(refund()[0], "d3")
    assert (seen.input, seen.output, seen.call) == (None, None, None)
    assert seen.input_value == {"order": 4711}


def test_an_unknown_span_is_told() -> None:
    trace, _ = refund()
    with pytest.raises(AgentdbgError, match="no span gone in trace"):
        span_detail(trace, replace(trace.spans[0], span_id="gone"))


def test_only_findings_that_name_the_span_stand_at_it() -> None:
    trace, findings = refund()
    spans = trace.by_id()
    assert [len(span_detail(trace, spans[one], findings).findings) for one in ("d3", "d4")] == [0, 1]


def report(prompt: str, **more: Any) -> Trace:
    """A writer that is given a prompt, after a researcher's answer and a tool's."""
    run = Builder("1" * 32, "report")
    out = {"role": "assistant", "parts": [{"type": "text", "text": "Rome has 2.8 million people.\nIt is very old."}]}
    run.span("r", None, "workflow", "report", 0, 9, input=json.dumps({"question": "How many people live in Rome?"}))
    run.span("a", "r", "llm", "gpt-4o", 1, 2, agent="Researcher", output=json.dumps([out]))
    run.span("t", "r", "tool", "census", 3, 4, tool="census", output=json.dumps("The census of 2021 says 2 748 109."))
    given = {"role": "user", "parts": [{"type": "text", "text": prompt}]}
    run.span("w", "r", "llm", "gpt-4o", 5, 6, agent="Writer", input=json.dumps([given]), **more)
    later = {"role": "assistant", "parts": [{"type": "text", "text": "This was said much later."}]}
    run.span("z", "r", "llm", "gpt-4o", 7, 8, agent="Late", output=json.dumps([later]))
    return run.done()


def test_each_paragraph_tells_where_it_was_said_before() -> None:
    prompt = (
        "Question: How many people live in Rome?\n\nFacts:\n  Rome has 2.8 million people.\nIt is very old.\n\n"
        "The census of 2021 says 2 748 109.\nThis was said much later.\nHow many people live in Rome?"
    )
    assert told(detail(report(prompt), "w").input) == [
        "user: Question: How many people live in Rome?\n\nFacts:"
        " |   Rome has 2.8 million people. [a]"
        " | It is very old.\n"
        " | The census of 2021 says 2 748 109. [t]"
        " | This was said much later."
        " | How many people live in Rome? [r]"
    ]


def test_a_text_that_was_said_whole_is_one_piece() -> None:
    seen = detail(report("Rome has 2.8 million people.\nIt is very old."), "w")
    assert told(seen.input) == ["user: Rome has 2.8 million people.\nIt is very old. [a]"]


@pytest.mark.parametrize("payload", ["[" * 5_000, "[" * 500 + "]" * 500, "NaN", '{"a": NaN}', "", "\ud83d"])
def test_any_payload_can_be_shown_and_written_again(payload: str) -> None:
    trace = report("x")
    span = trace.by_id()["w"]
    span.input = span.output = span.parameters = span.attributes = payload
    seen = detail(trace, "w")
    json.dumps([seen.input_value, seen.parameters], allow_nan=False)


def test_payloads_that_are_no_json_or_too_deep_stay_text() -> None:
    assert parsed(None) is None
    assert parsed("{x") == "{x"
    assert parsed("[" * 101 + "]" * 101) == "[" * 101 + "]" * 101
    assert parsed("[" * 100 + "]" * 100) != "[" * 100 + "]" * 100
    assert parsed('{"a": NaN}') == {"a": "NaN"}
