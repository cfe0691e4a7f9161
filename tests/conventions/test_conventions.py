"""Attributes of each vocabulary in, our fields out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.conventions import from_logs, normalise
from agentdbg.rows import RawEvent, RawSpan, SpanRow


def read(attributes: dict[str, Any], *, name: str = "span", scope: str | None = None, **more: Any) -> SpanRow:
    return normalise(RawSpan("t", "s", None, name, 0, 1, attributes=attributes, scope=scope, **more))


def fields(row: SpanRow, *names: str) -> dict[str, Any]:
    payloads = ("input", "output", "tools", "parameters")
    told = {name: getattr(row, name) for name in names}
    return {
        name: json.loads(value) if name in payloads and value is not None else value for name, value in told.items()
    }


HI = [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]
HELLO = [{"role": "assistant", "parts": [{"type": "text", "text": "hello"}]}]
SEARCH = {"name": "search", "description": None, "parameters": {"type": "object"}}
USED = ("kind", "model", "input_tokens", "output_tokens", "finish_reason", "input", "output")


def test_otel_genai_latest_generation() -> None:
    row = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.agent.name": "planner",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.system_instructions": '[{"type": "text", "content": "be brief"}]',
            "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]',
            "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}]',
            "gen_ai.tool.definitions": '[{"type": "function", "name": "search", "parameters": {"type": "object"}}]',
        }
    )
    assert fields(row, *USED, "agent_hint", "provider", "cached_tokens", "tools", "parameters") == {
        "kind": "llm", "model": "gpt-4o-2024-08-06", "input_tokens": 10, "output_tokens": 2, "finish_reason": "stop",
        "input": [{"role": "system", "parts": [{"type": "text", "text": "be brief"}]}, *HI], "output": HELLO,
        "agent_hint": "planner", "provider": "openai", "cached_tokens": 4, "tools": [SEARCH], "parameters": {"temperature": 0.2},
    }  # fmt: skip


OLD = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}


def test_otel_genai_first_generation_content_in_span_events() -> None:
    events = [
        RawEvent("gen_ai.user.message", attributes={"content": "hi"}),
        RawEvent(
            "gen_ai.choice",
            attributes={"index": 0, "finish_reason": "stop", "message": '{"role": "assistant", "content": "hello"}'},
        ),
    ]
    row = read(OLD, events=events)
    assert fields(row, "kind", "provider", "finish_reason", "input") == {
        "kind": "llm", "provider": "openai", "finish_reason": "stop", "input": HI,
    }  # fmt: skip
    assert json.loads(row.output or "")[0]["parts"] == HELLO[0]["parts"]


def test_otel_genai_first_generation_content_in_log_records() -> None:
    row = from_logs("t", "s", [
        RawEvent("gen_ai.user.message", body={"content": "hi"}),
        RawEvent("gen_ai.choice", body={"index": 0, "message": {"role": "assistant", "content": "hello"}}),
    ])  # fmt: skip
    assert fields(row, "kind", "input", "output") == {"kind": "other", "input": HI, "output": HELLO}


def test_otel_genai_content_in_log_records_whose_body_is_json_text() -> None:
    row = from_logs("t", "s", [
        RawEvent("gen_ai.user.message", body='{"role": "user", "content": "hi"}'),
        RawEvent("gen_ai.choice", body='{"message": {"role": "assistant", "content": "hello"}}'),
    ])  # fmt: skip
    assert fields(row, "input", "output") == {"input": HI, "output": HELLO}


def test_a_finish_reason_is_told_by_its_value() -> None:
    told = {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reason": "FinishReason.TOOL_CALLS"}
    assert read(told).finish_reason == "tool_calls"


def test_otel_genai_details_event_holds_everything() -> None:
    row = from_logs("t", "s", [
        RawEvent("gen_ai.client.inference.operation.details", attributes={
            "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}],
        }),
    ])  # fmt: skip
    assert fields(row, "input", "output") == {"input": HI, "output": HELLO}


def test_otel_genai_tool_and_agent() -> None:
    tool = read({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": '{"q": "rome"}', "gen_ai.tool.call.result": "[]",
    })  # fmt: skip
    assert fields(tool, "kind", "tool", "tool_call_id", "input", "output") == {
        "kind": "tool", "tool": "search", "tool_call_id": "c1", "input": {"q": "rome"}, "output": [],
    }  # fmt: skip
    agent = read({"gen_ai.operation.name": "invoke_agent"}, name="invoke_agent planner")
    assert fields(agent, "kind", "agent_hint", "agent_rule") == {
        "kind": "agent", "agent_hint": "planner", "agent_rule": "span name",
    }  # fmt: skip


@pytest.mark.parametrize("operation", ["embeddings", "create_agent"])
def test_otel_genai_operations_that_are_no_model_call(operation: str) -> None:
    assert read({"gen_ai.operation.name": operation, "gen_ai.request.model": "m"}).kind == "other"


def test_usage_of_an_agent_span_is_no_usage_of_a_call() -> None:
    row = read({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "gen_ai.usage.input_tokens": 99})
    assert row.input_tokens is None
    assert "99" in (row.attributes or "")


def test_pydantic_ai_first_data_version() -> None:
    call = read(
        {
            **OLD,
            "events": '[{"event.name": "gen_ai.user.message", "content": "hi", "role": "user"},'
            ' {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "hello"}}]',
            "model_request_parameters": '{"function_tools": [{"name": "search", "parameters_json_schema": {"type": "object"}}]}',
        },
        scope="pydantic-ai",
    )
    assert fields(call, "kind", "input", "output", "tools") == {
        "kind": "llm",
        "input": HI,
        "output": HELLO,
        "tools": [SEARCH],
    }
    run = read(
        {"agent_name": "planner", "model_name": "gpt-4o", "final_result": "done"}, name="agent run", scope="pydantic-ai"
    )
    assert fields(run, "kind", "agent_hint", "output") == {"kind": "agent", "agent_hint": "planner", "output": "done"}
    tool = read(
        {"gen_ai.tool.name": "search", "tool_arguments": '{"q": 1}', "tool_response": "[]"}, scope="pydantic-ai"
    )
    assert fields(tool, "kind", "tool", "input", "output") == {
        "kind": "tool",
        "tool": "search",
        "input": {"q": 1},
        "output": [],
    }


def test_openinference_call() -> None:
    row = read(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.provider": "openai",
            "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0.2, "seed": 7, "user": "x"}',
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
            "llm.finish_reason": "stop",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "hi",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "hello",
            "llm.tools.0.tool.json_schema": '{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}',
        }
    )
    assert fields(row, *USED, "request_model", "tools", "parameters") == {
        "kind": "llm", "model": "gpt-4o-2024-08-06", "input_tokens": 10, "output_tokens": 2, "finish_reason": "stop",
        "input": HI, "output": HELLO, "request_model": "gpt-4o", "tools": [SEARCH], "parameters": {"temperature": 0.2, "seed": 7},
    }  # fmt: skip


def test_openinference_messages_that_the_sdk_evicted_are_told() -> None:
    row = read(
        {
            "openinference.span.kind": "LLM",
            "llm.input_messages.7.message.role": "user",
            "llm.input_messages.7.message.content": "hi",
        }
    )
    assert row.payload_cut
    assert not read({"openinference.span.kind": "LLM", "llm.input_messages.0.message.content": "hi"}).payload_cut


def test_openinference_langgraph_names_the_agent_in_its_metadata() -> None:
    metadata = '{"langgraph_node": "agent", "langgraph_checkpoint_ns": "planner:1|agent:2", "langgraph_step": 3}'
    row = read({"openinference.span.kind": "AGENT", "metadata": metadata}, name="agent")
    assert fields(row, "agent_hint", "agent_rule", "graph_step") == {
        "agent_hint": "planner", "agent_rule": "langgraph_checkpoint_ns", "graph_step": 3,
    }  # fmt: skip


def test_openinference_tool_result_comes_out_of_langchains_message() -> None:
    wrapped = '{"type": "tool", "data": {"content": "[]", "tool_call_id": "c1", "type": "tool"}}'
    row = read(
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "search",
            "input.value": "{'q': 'rome'}",
            "output.value": wrapped,
        }
    )
    assert fields(row, "tool", "input", "output") == {"tool": "search", "input": {"q": "rome"}, "output": []}


def test_openinference_handoff_span() -> None:
    row = read(
        {"openinference.span.kind": "TOOL", "input.value": "planner", "output.value": "writer"},
        name="handoff to writer",
    )
    assert fields(row, "handoff_from", "handoff_to", "handoff_rule") == {
        "handoff_from": "planner", "handoff_to": "writer", "handoff_rule": "handoff span",
    }  # fmt: skip


def run(**told: Any) -> SpanRow:
    status = "error" if told.get("error") else "ok"
    return read(
        {f"langsmith.{key}": value for key, value in told.items()}, name="ChatOpenAI", scope="langsmith",
        status=status, status_message=told.get("error"),
    )  # fmt: skip


def test_langsmith_langchain_call() -> None:
    message = {
        "lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"],
        "kwargs": {
            "content": "hello", "usage_metadata": {"input_tokens": 10, "output_tokens": 2, "input_token_details": {"cache_read": 4}},
            "response_metadata": {"model_name": "gpt-4o-2024-08-06", "finish_reason": "stop"},
        },
    }  # fmt: skip
    row = run(
        run_type="llm",
        inputs={"messages": [[{"type": "human", "content": "hi"}]]},
        outputs={"generations": [[{"text": "hello", "message": message}]]},
        extra={
            "invocation_params": {
                "model": "gpt-4o",
                "temperature": 0.2,
                "tools": [{"type": "function", "function": SEARCH}],
            },
            "metadata": {"langgraph_node": "planner", "thread_id": "42", "ls_provider": "openai"},
        },
        prompt_tokens=99,
        total_cost="0.25",
    )
    assert fields(row, *USED, "agent_hint", "session_id", "cached_tokens", "tools", "parameters", "reported_cost_usd") == {
        "kind": "llm", "model": "gpt-4o-2024-08-06", "input_tokens": 10, "output_tokens": 2, "finish_reason": "stop",
        "input": HI, "output": HELLO, "agent_hint": "planner", "session_id": "42", "cached_tokens": 4, "tools": [SEARCH],
        "parameters": {"temperature": 0.2}, "reported_cost_usd": 0.25,
    }  # fmt: skip


def test_langsmith_wrapped_openai_client() -> None:
    row = run(
        run_type="llm",
        inputs={"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "seed": 7},
        outputs={"model": "gpt-4o-x", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
                 "usage_metadata": {"input_tokens": 10, "output_tokens": 2}},
    )  # fmt: skip
    assert fields(row, "model", "input_tokens", "parameters", "input") == {
        "model": "gpt-4o-x", "input_tokens": 10, "parameters": {"seed": 7}, "input": HI,
    }  # fmt: skip
    assert json.loads(row.output or "")[0]["parts"] == HELLO[0]["parts"]


def test_langsmith_query_interface_tells_the_thread_and_the_metadata_beside_the_run() -> None:
    row = read(
        {
            "langsmith.run_type": "chain",
            "langsmith.thread_id": "t7",
            "langsmith.metadata": {"langgraph_node": "planner"},
        },
        scope="langsmith",
    )
    assert (row.session_id, row.agent_hint) == ("t7", "planner")


def test_langsmith_usage_of_anthropic_counts_what_its_cache_holds() -> None:
    usage = {"input_tokens": 9, "output_tokens": 5, "cache_read_input_tokens": 100}
    outputs = {"role": "assistant", "content": [{"type": "text", "text": "hello"}], "usage": usage}
    row = read({"langsmith.run_type": "llm", "langsmith.outputs": outputs}, scope="langsmith")
    assert (row.input_tokens, row.output_tokens, row.cached_tokens) == (109, 5, 100)


@pytest.mark.parametrize("outputs", [1, "hello", [], [1], {"generations": [[1]]}, {"choices": [1]}, {"message": 1}])
def test_langsmith_answers_of_an_odd_shape_are_read_as_far_as_they_go(outputs: Any) -> None:
    assert read({"langsmith.run_type": "llm", "langsmith.outputs": outputs}, scope="langsmith").kind == "llm"


def test_langsmith_handoffs_by_exception_are_no_failures() -> None:
    row = run(
        run_type="chain", error="ParentCommand(Command(graph='__parent__'))Traceback (most recent call last):\n ..."
    )
    assert fields(row, "status", "control_flow", "error_type") == {
        "status": "ok", "control_flow": "ParentCommand", "error_type": None,
    }  # fmt: skip


def test_langsmith_failures_are() -> None:
    row = run(run_type="tool", error="ConnectionError('no listener')Traceback (most recent call last):\n ...")
    assert fields(row, "status", "error_type", "error_message") == {
        "status": "error", "error_type": "ConnectionError", "error_message": "no listener",
    }  # fmt: skip


def test_langsmith_inputs_that_were_not_exported_are_absent_and_not_empty() -> None:
    row = run(run_type="tool", inputs={}, outputs=None)
    assert fields(row, "input", "output") == {"input": None, "output": None}


@pytest.mark.parametrize(
    ("status", "attributes", "told"),
    [
        ("error", {"error.type": "langgraph.errors.ParentCommand"}, ("ok", "ParentCommand")),
        ("unset", {"error.type": "ParentCommand"}, ("unset", "ParentCommand")),
        ("unset", {"error.type": "TimeoutError"}, ("error", None)),
        ("error", {}, ("error", None)),
    ],
)
def test_status(status: str, attributes: dict[str, Any], told: tuple[str, str | None]) -> None:
    row = read(attributes, status=status)
    assert (row.status, row.control_flow) == told


def test_what_nobody_understands_stays() -> None:
    row = read({"acme.shard": 7, "nested": {"a": [1, None]}})
    assert (row.kind, json.loads(row.attributes or "")) == ("other", {"acme.shard": 7, "nested": {"a": [1, None]}})


def test_two_vocabularies_on_one_span_complete_each_other() -> None:
    row = read(
        {
            "openinference.span.kind": "LLM",
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 10,
            "input.value": "hi",
        }
    )
    assert (row.convention, row.input_tokens, json.loads(row.input or "")) == ("openinference+otel_genai", 10, HI)


def test_nesting_beyond_what_can_be_walked_is_kept_as_recorded() -> None:
    deep: Any = "x"
    for _ in range(3000):
        deep = {"role": "user", "parts": [{"type": "text", "content": deep}]}
    row = read({"gen_ai.operation.name": "chat", "gen_ai.input.messages": [deep]})
    assert (row.input, row.payload_cut) == (None, True)


def test_messages_without_content_are_not_recorded() -> None:
    row = from_logs("t", "s", [
        RawEvent("gen_ai.system.message", body={}),
        RawEvent("gen_ai.user.message", body={}),
        RawEvent("gen_ai.assistant.message", body={"tool_calls": [{"id": "c1", "function": {"name": "search"}}]}),
        RawEvent("gen_ai.tool.message", body={"id": "c1"}),
        RawEvent("gen_ai.choice", body={"message": {"role": "assistant", "tool_calls": [{"id": "c2", "function": {"name": "search"}}]}}),
    ])  # fmt: skip
    assert fields(row, "input", "output") == {"input": None, "output": None}


def test_hidden_messages_are_not_recorded_and_partly_hidden_ones_are_cut() -> None:
    hidden = {"openinference.span.kind": "LLM", "llm.input_messages.0.message.content": "__REDACTED__"}
    assert read(hidden).input is None
    partly = read({**hidden, "llm.input_messages.1.message.content": "hi"})
    assert (partly.input is not None, partly.payload_cut) == (True, True)


def test_an_empty_tool_result_is_recorded() -> None:
    row = from_logs("t", "s", [
        RawEvent("gen_ai.user.message", body={"content": "hi"}),
        RawEvent("gen_ai.tool.message", body={"id": "c1", "content": ""}),
    ])  # fmt: skip
    assert (row.input is not None, row.payload_cut) == (True, False)


def test_openllmetry_first_generation() -> None:
    row = read({
        "traceloop.workflow.name": "w", "llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o",
        "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hi",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.id": "c1", "gen_ai.completion.0.tool_calls.0.name": "search",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"q": "rome"}',
        "llm.request.functions.0.name": "search", "llm.request.functions.0.parameters": '{"type": "object"}',
        "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 2,
    })  # fmt: skip
    assert fields(row, *USED, "tools", "records_parameters") == {
        "kind": "llm", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 2, "finish_reason": "tool_calls", "input": HI,
        "output": [{
            "role": "assistant", "finish_reason": "tool_calls",
            "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}],
        }],
        "tools": [SEARCH], "records_parameters": False,
    }  # fmt: skip


def test_openllmetry_langgraph_node_and_graph() -> None:
    node = read({"traceloop.span.kind": "task", "traceloop.association.properties.langgraph_node": "planner"})
    assert node.agent_hint == "planner"
    graph = {"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "langgraph", "gen_ai.agent.name": "w"}
    assert fields(read({**graph, "gen_ai.workflow.nodes": ["planner", "writer"]}), "kind", "agent_hint") == {
        "kind": "workflow", "agent_hint": None,
    }  # fmt: skip
    assert fields(read({**graph, "gen_ai.workflow.nodes": ["agent", "tools"]}), "kind", "agent_hint") == {
        "kind": "agent", "agent_hint": "w",
    }  # fmt: skip


def test_openllmetry_without_its_sdk_has_langgraphs_metadata_in_what_the_callback_was_given() -> None:
    metadata = {"langgraph_node": "agent", "langgraph_checkpoint_ns": "planner:1|agent:2", "langgraph_step": 2}
    told = {
        "traceloop.span.kind": "task",
        "traceloop.entity.input": json.dumps({"inputs": {}, "tags": [], "metadata": {**metadata, "thread_id": "t"}}),
    }
    assert fields(read(told), "agent_hint", "agent_rule", "graph_step", "session_id") == {
        "agent_hint": "planner", "agent_rule": "langgraph_checkpoint_ns", "graph_step": 2, "session_id": "t",
    }  # fmt: skip
    sdk = {**told, "traceloop.association.properties.langgraph_node": "writer"}
    assert read(sdk).agent_hint == "writer"


def test_openllmetry_langchain_tool_tells_the_call_it_answers() -> None:
    answer = {"lc": 1, "type": "constructor", "kwargs": {"content": "[1]", "type": "tool", "tool_call_id": "c1"}}
    told = {"traceloop.span.kind": "tool", "traceloop.entity.output": json.dumps({"output": answer, "kwargs": {}})}
    assert fields(read(told), "tool_call_id", "output") == {"tool_call_id": "c1", "output": [1]}


def test_no_tokens_at_all_were_not_counted() -> None:
    used = {"llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 0, "gen_ai.usage.completion_tokens": 0}
    assert fields(read(used), "input_tokens", "output_tokens") == {"input_tokens": None, "output_tokens": None}
    refused = {**used, "gen_ai.usage.prompt_tokens": 9}
    assert fields(read(refused), "input_tokens", "output_tokens") == {"input_tokens": 9, "output_tokens": 0}


def test_openllmetry_decorated_tool() -> None:
    row = read({
        "traceloop.span.kind": "tool", "traceloop.entity.name": "search",
        "traceloop.entity.input": '{"args": [], "kwargs": {"q": "rome"}}', "traceloop.entity.output": '"[]"',
    })  # fmt: skip
    assert fields(row, "tool", "input", "output") == {"tool": "search", "input": {"q": "rome"}, "output": []}


def test_vercel_ai_call_and_its_agent() -> None:
    inner = read({
        "ai.operationId": "ai.generateText.doGenerate", "ai.telemetry.functionId": "planner", "ai.model.id": "gpt-4o",
        "ai.prompt.messages": '[{"role": "user", "content": [{"type": "text", "text": "hi"}]}]',
        "ai.prompt.tools": ['{"type": "function", "name": "search", "inputSchema": {"type": "object"}}'],
        "ai.response.text": "hello", "ai.response.finishReason": "stop", "ai.usage.promptTokens": 10, "ai.usage.completionTokens": 2,
        "ai.settings.temperature": 0.2, "ai.settings.maxRetries": 0,
    })  # fmt: skip
    assert fields(inner, *USED, "agent_hint", "tools", "parameters") == {
        "kind": "llm", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 2, "finish_reason": "stop", "input": HI,
        "output": HELLO, "agent_hint": "planner", "tools": [SEARCH], "parameters": {"temperature": 0.2},
    }  # fmt: skip
    outer = read(
        {"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "planner", "ai.usage.promptTokens": 99}
    )
    assert fields(outer, "kind", "agent_hint", "input_tokens") == {
        "kind": "agent",
        "agent_hint": "planner",
        "input_tokens": None,
    }


def test_vercel_ai_records_all_that_was_sent_and_leaves_some_of_the_usage_to_its_provider() -> None:
    call = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "gpt-4o"}
    told = {"ai.response.providerMetadata": '{"openai": {"cachedPromptTokens": 8, "reasoningTokens": 3}}'}
    assert fields(read({**call, **told}), "cached_tokens", "reasoning_tokens", "records_tools", "records_parameters") == {
        "cached_tokens": 8, "reasoning_tokens": 3, "records_tools": True, "records_parameters": True,
    }  # fmt: skip
    newer = {"ai.usage.inputTokenDetails.cacheReadTokens": 5, "ai.usage.inputTokenDetails.cacheWriteTokens": 2}
    assert fields(read({**call, **newer}), "cached_tokens", "cache_write_tokens") == {
        "cached_tokens": 5,
        "cache_write_tokens": 2,
    }


def test_google_adk_complete_request() -> None:
    row = read({
        "gcp.vertex.agent.llm_request": '{"config": {"system_instruction": "be brief", "temperature": 0.2, "tools": [{"function_declarations":'
        ' [{"name": "search", "parameters": {"type": "object"}}]}]}, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}',
        "gcp.vertex.agent.llm_response": '{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finish_reason": "STOP"}',
        "gen_ai.request.model": "gemini-2.5-flash",
    }, scope="gcp.vertex.agent")  # fmt: skip
    assert fields(row, "kind", "input", "output", "tools", "parameters", "finish_reason", "records_parameters") == {
        "kind": "llm", "input": [{"role": "system", "parts": [{"type": "text", "text": "be brief"}]}, *HI], "output": HELLO,
        "tools": [SEARCH], "parameters": {"temperature": 0.2}, "finish_reason": "stop", "records_parameters": True,
    }  # fmt: skip


def test_google_adk_transfer() -> None:
    row = read({"gen_ai.tool.name": "transfer_to_agent", "gcp.vertex.agent.tool_call_args": '{"agent_name": "writer"}'})
    assert fields(row, "kind", "handoff_to") == {"kind": "tool", "handoff_to": "writer"}


def test_no_tokens_at_all_are_tokens_that_nobody_told() -> None:
    usage = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}
    assert fields(read(usage), "input_tokens", "output_tokens") == {"input_tokens": None, "output_tokens": None}
    assert read({**usage, "gen_ai.usage.input_tokens": 9}).output_tokens == 0
