"""A span that records too little in, the line of configuration that mends it out."""

from __future__ import annotations

from typing import Any

import pytest

from agentdbg.model import Grade, Span
from agentdbg.replay.fixes import fixes

WHOLE = {"input": "[]", "output": "[]"}


def lines(grade: Grade, scope: str | None, convention: str, **fields: Any) -> str:
    span = Span(
        "t", "s", None, "chat", "llm", 0, 1, fields.pop("status", "ok"), scope=scope, convention=convention, **fields
    )
    return " / ".join(fixes(span, grade))


@pytest.mark.parametrize(
    ("grade", "scope", "convention", "fields", "fragment"),
    [
        (
            "no",
            "opentelemetry.instrumentation.openai_v2",
            "otel_genai",
            {},
            "CAPTURE_MESSAGE_CONTENT=true, and export log",
        ),
        ("no", "opentelemetry.util.genai.handler", "otel_genai", {}, "CAPTURE_MESSAGE_CONTENT=SPAN_ONLY"),
        ("no", "opentelemetry.instrumentation.langchain", "otel_genai", {}, "TRACELOOP_TRACE_CONTENT=true"),
        ("no", "openinference.instrumentation.crewai", "openinference", {}, "OPENINFERENCE_HIDE_INPUTS"),
        ("no", "ai", "vercel", {}, "recordInputs: true"),
        ("no", "acme.own", "otel_genai", {}, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true"),
        ("content", "gcp.vertex.agent", "otel_genai", WHOLE, "openinference-instrumentation-google-adk"),
        ("content", "strands.telemetry.tracer", "otel_genai", WHOLE, "gen_ai_tool_definitions"),
        ("content", "acme.own", "plain", WHOLE, "install the OpenInference instrumentation of the model's SDK"),
        ("partial", None, "openinference", {**WHOLE, "dropped": 71}, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000"),
        ("partial", None, "openinference", WHOLE, "unset OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        ("partial", "langsmith-fetch", "conversation", WHOLE, "export the runs themselves"),
    ],
)
def test_every_gap_has_its_line(
    grade: Grade, scope: str | None, convention: str, fields: dict[str, Any], fragment: str
) -> None:
    assert fragment in lines(grade, scope, convention, **fields)


def test_nothing_is_advised_where_nothing_helps() -> None:
    assert lines("exact", "openinference.instrumentation.openai", "openinference", **WHOLE) == ""
    assert lines("no", "openinference.instrumentation.openai", "openinference", status="error") == ""
    assert lines("no", "aihub", "unheard-of") == ""


def test_a_call_that_was_put_together_again_lacks_nothing_but_room_for_attributes() -> None:
    told = lines("content", "openinference.instrumentation.openai", "openinference", **WHOLE, dropped=6)
    assert told == "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000"
