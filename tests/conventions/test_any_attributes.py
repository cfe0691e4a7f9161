"""Whatever a span's attributes hold: a row, and no exception. Spans come from strangers."""

from __future__ import annotations

import ast
import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import agentdbg.conventions
from agentdbg.conventions import from_logs, normalise
from agentdbg.rows import RawEvent, RawSpan

SOURCES = sorted(Path(agentdbg.conventions.__file__).parent.glob("*.py"))
WORDS = sorted(
    {
        node.value
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 60
    }
)
"""Every name and word the conventions know."""
NAMES = [word for word in WORDS if "." in word and " " not in word]
NAMES += [
    f"{prefix}{rest}"
    for prefix, rest in itertools.product(
        [name for name in NAMES if name.endswith(".")],
        ("0.message.role", "0.message.content", "0.tool.json_schema", "name", "0"),
    )
]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)
VALUES |= VALUES.map(lambda value: json.dumps(value, default=str))
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
SPANS = st.builds(
    RawSpan, st.just("t"), st.just("s"), st.none(), st.text(max_size=5) | st.sampled_from(WORDS), st.just(0), st.just(1), status=st.sampled_from(["ok", "error", "unset"]),
    status_message=st.none() | st.text(max_size=5), attributes=ATTRIBUTES, scope=st.none() | st.sampled_from(WORDS), resource=ATTRIBUTES,
    events=st.lists(st.builds(RawEvent, st.sampled_from(WORDS), st.none(), ATTRIBUTES, VALUES), max_size=3),
)  # fmt: skip


@given(span=SPANS)
@example(span=RawSpan("t", "s", None, "x", 0, 1, attributes={"gen_ai.operation.name": []}))
@example(span=RawSpan("t", "s", None, "x", 0, 1, attributes={"openinference.span.kind": "LLM", "llm.tools.0.tool": 7}))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_attributes(span: RawSpan) -> None:
    assert msgspec.json.encode(normalise(span))
    assert msgspec.json.encode(from_logs("t", "s", span.events))


KINDS: list[dict[str, Any]] = [
    {"openinference.span.kind": "LLM"}, {"gen_ai.operation.name": "chat"}, {"gen_ai.operation.name": "execute_tool"}, {"langfuse.type": "GENERATION"}, {"langfuse.type": "TOOL"},
    {"mlflow.spanType": "CHAT_MODEL"}, {"mlflow.spanType": "TOOL"}, {"weave.op_name": "langchain.Llm.x"}, {"atif.object": "step", "atif.input": []}, {"atif.object": "tool_call"},
    {"claude_code.span": "call"}, {"claude_code.span": "tool"}, {"codex.span": "call"}, {"codex.span": "tool"}, {"traceloop.span.kind": "tool"}, {"langsmith.run_type": "llm"},
    {"ai.operationId": "ai.generateText.doGenerate"}, {"openai_agents.type": "generation"},
]  # fmt: skip


ODD: tuple[Any, ...] = (
    7,
    True,
    1e308,
    2**70,
    "x",
    "",
    "{",
    "[1]",
    [],
    [1],
    {},
    {"a": 1},
    [[]],
    [{}],
    [{"role": 7}],
    {"role": [], "content": {}},
    "null",
    {"x": {"y": []}},
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_odd_values_under_every_name(kind: dict[str, Any]) -> None:
    own = next(iter(kind)).partition(".")[0]
    for name in NAMES:
        if name.startswith(own):
            for odd in ODD:
                for attributes in ({**kind, name: odd}, {name: odd}):
                    assert normalise(RawSpan("t", "s", None, "x", 0, 1, attributes=attributes)).kind


def test_a_shape_that_nobody_writes_costs_its_payload_and_no_more():
    told = {"openinference.span.kind": "TOOL", "output.value": '{"raw_output": 1, "tool_name": "x", "blocks": 1.5}'}
    row = normalise(
        RawSpan("t", "s", None, "x", 0, 1, attributes=told, scope="openinference.instrumentation.llama_index")
    )
    assert (row.kind, row.span_id) == ("tool", "s")
    timed = {"gen_ai.request.model": "m", "logfire.span_type": "log", "duration": 1e300, "logfire.msg_template": "x"}
    assert normalise(RawSpan("t", "s", None, "x", 0, 1, attributes=timed, scope="logfire.openai")).model == "m"
