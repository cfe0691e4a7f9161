"""One recording, as four instrumentations would have written it to a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.stories.recording import Message, Recording, Step, text_of

START = datetime(2026, 3, 2, 8, 0, 0, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000

Convention = Callable[[Recording, Path], Path]


def otel_genai(recording: Recording, folder: Path) -> Path:
    """OpenTelemetry GenAI semantic conventions of 2026, OTLP/JSON, content on the spans."""
    return _otlp(recording, folder, "agents.telemetry", _genai)


def openinference(recording: Recording, folder: Path) -> Path:
    """OpenInference, as Phoenix's and Arize's instrumentors write it, OTLP/JSON."""
    return _otlp(recording, folder, "openinference.instrumentation.agents", _openinference)


def langsmith(recording: Recording, folder: Path) -> Path:
    """LangSmith runs of a LangGraph application, a run a line, newest first."""
    return _lines(folder / "runs.jsonl", (_langsmith(recording, step) for step in reversed(recording.steps)))


def json_lines(recording: Recording, folder: Path) -> Path:
    """Home-made JSON, a span a line."""
    return _lines(folder / "spans.jsonl", map(_plain, recording.steps))


def _lines(file: Path, records: Iterable[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


# OTLP


def _otlp(recording: Recording, folder: Path, scope: str, attributes: Callable[[Step], dict[str, Any]]) -> Path:
    spans = [_span(step, attributes(step) | step.attributes) for step in recording.steps]
    resource = {"attributes": [_pair("service.name", "agents")]}
    return _lines(
        folder / "traces.otlp.jsonl",
        (
            {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": scope}, "spans": [span]}]}]}
            for span in spans
        ),
    )


def _span(step: Step, attributes: dict[str, Any]) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": _trace(step.trace), "spanId": step.id, "parentSpanId": step.parent or "", "name": _name(step, attributes),
        "kind": 1, "startTimeUnixNano": _ns(step.start), "status": {},
        "attributes": [_pair(key, value) for key, value in attributes.items() if value is not None],
    }  # fmt: skip
    if step.end is not None:
        span["endTimeUnixNano"] = _ns(step.end)
    if step.links:
        span["links"] = [{"traceId": _trace(trace), "spanId": linked} for trace, linked in step.links]
    if step.error:
        kind, message = step.error
        span["status"] = {"code": 2, "message": message}
        exception = [_pair("exception.type", kind), _pair("exception.message", message)]
        span["events"] = [{"name": "exception", "timeUnixNano": _ns(step.end or step.start), "attributes": exception}]
    return span


def _trace(number: int) -> str:
    return f"{number:04x}" * 8


def _ns(seconds: float) -> str:
    return str(START_NS + round(seconds * 1e9))


def _pair(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": text_of(value)}}


def _name(step: Step, attributes: dict[str, Any]) -> str:
    operation = attributes.get("gen_ai.operation.name")
    return f"{operation} {step.name}" if operation else "ChatCompletion" if step.kind == "llm" else step.name


def _genai(step: Step) -> dict[str, Any]:
    common = {"gen_ai.conversation.id": step.session, "error.type": step.error[0] if step.error else None}
    if step.kind == "agent":
        return common | {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": step.agent,
            "gen_ai.input.messages": _turned("user", step.input), "gen_ai.output.messages": _turned("assistant", step.output),
        }  # fmt: skip
    if step.kind == "llm":
        return common | {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": _provider(step.model), "gen_ai.request.model": step.model,
            "gen_ai.response.model": step.model if step.answer else None, "gen_ai.input.messages": [_parts(one) for one in step.messages],
            "gen_ai.output.messages": [_parts(step.answer) | {"finish_reason": _finish(step.answer)}] if step.answer else None,
            "gen_ai.usage.input_tokens": step.tokens[0] if step.tokens else None,
            "gen_ai.usage.output_tokens": step.tokens[1] if step.tokens else None, "operation.cost": step.cost,
        }  # fmt: skip
    if step.kind == "tool":
        return common | {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": step.name, "gen_ai.tool.call.arguments": json.dumps(step.input),
            "gen_ai.tool.call.result": None if step.error or step.end is None else json.dumps(step.output),
        }  # fmt: skip
    if step.kind == "workflow":
        return common | {"input": step.input, "output": step.output}
    return common


def _turned(role: str, value: Any) -> list[Any] | None:
    return [{"role": role, "parts": [{"type": "text", "content": text_of(value)}]}] if value is not None else None


def _parts(message: Message) -> dict[str, Any]:
    if message["role"] == "tool":
        return {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": message["call_id"], "response": message["content"]}],
        }
    parts: list[dict[str, Any]] = [{"type": "text", "content": message["content"]}] if message["content"] else []
    return {
        "role": message["role"],
        "parts": parts + [{"type": "tool_call", **call} for call in message.get("calls", ())],
    }


def _finish(answer: Message) -> str:
    return "tool_calls" if answer.get("calls") else "stop"


def _provider(model: str | None) -> str:
    return "anthropic" if model and model.startswith("claude") else "openai"


def _openinference(step: Step) -> dict[str, Any]:
    kind = {"workflow": "CHAIN", "agent": "AGENT", "llm": "LLM", "tool": "TOOL"}.get(step.kind)
    made: dict[str, Any] = {"openinference.span.kind": kind, "session.id": step.session}
    if step.kind == "agent":
        made["agent.name"] = step.agent
    if step.kind == "tool":
        made |= {"tool.name": step.name}
    if step.kind == "llm":
        return made | _openinference_call(step)
    for side, value in (("input", step.input), ("output", None if step.error else step.output)):
        if value is not None:
            made[f"{side}.value"] = text_of(value)
            made[f"{side}.mime_type"] = "text/plain" if isinstance(value, str) else "application/json"
    return made


def _openinference_call(step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {
        "llm.model_name": step.model,
        "llm.provider": _provider(step.model),
        "llm.cost.total": step.cost,
    }
    if step.tokens:
        prompt, completion = step.tokens
        made |= {
            "llm.token_count.prompt": prompt,
            "llm.token_count.completion": completion,
            "llm.token_count.total": prompt + completion,
        }
    for side, messages in (("input", step.messages), ("output", [step.answer] if step.answer else [])):
        for number, message in enumerate(messages):
            at = f"llm.{side}_messages.{number}.message"
            made |= {
                f"{at}.role": message["role"],
                f"{at}.content": message["content"] or None,
                f"{at}.tool_call_id": message.get("call_id"),
            }
            for index, call in enumerate(message.get("calls", ())):
                below = f"{at}.tool_calls.{index}.tool_call"
                made |= {
                    f"{below}.id": call["id"], f"{below}.function.name": call["name"],
                    f"{below}.function.arguments": json.dumps(call["arguments"]),
                }  # fmt: skip
    return made


# LangSmith and JSON lines


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _uuid(trace: int, step_id: str) -> str:
    return f"01a1f7d1-{trace:04x}-7000-8000-{step_id[-12:]}"


def _openai(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {"role": message["role"], "content": message["content"] or None}
    if message.get("calls"):
        made["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
            }
            for call in message["calls"]
        ]
    if "call_id" in message:
        made["tool_call_id"] = message["call_id"]
    return made


def _langsmith(recording: Recording, step: Step) -> dict[str, Any]:
    root = next(one for one in recording.steps if one.trace == step.trace)
    metadata = dict(step.attributes)
    if step.session:
        metadata["thread_id"] = step.session
    if step.agent:
        metadata |= {
            "langgraph_node": step.agent,
            "langgraph_checkpoint_ns": f"{step.agent}:{_uuid(step.trace, root.id)}",
        }
    made: dict[str, Any] = {
        "id": _uuid(step.trace, step.id), "trace_id": _uuid(step.trace, root.id),
        "parent_run_id": _uuid(step.trace, step.parent) if step.parent else None, "name": "ChatOpenAI" if step.kind == "llm" else step.name,
        "run_type": step.kind if step.kind in ("llm", "tool") else "chain", "start_time": _time(step.start), "end_time": _time(step.end),
        "status": "error" if step.error else "pending" if step.end is None else "success",
        "error": f"{step.error[0]}({step.error[1]!r})\n\nTraceback (most recent call last):\n{step.error[0]}: {step.error[1]}" if step.error else None,
        "inputs": _state(step.input, "human"), "outputs": None if step.error else _state(step.output, "ai"),
    }  # fmt: skip
    if step.kind == "llm":
        metadata |= {"ls_model_name": step.model, "ls_provider": _provider(step.model), "ls_model_type": "chat"}
        made["inputs"] = {"messages": [_openai(one) for one in step.messages], "model": step.model}
        if step.answer:
            choice = {"index": 0, "message": _openai(step.answer), "finish_reason": _finish(step.answer)}
            made["outputs"] = {"model": step.model, "choices": [choice]}
        if step.tokens:
            prompt, completion = step.tokens
            made |= {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        made["total_cost"] = str(step.cost) if step.cost is not None else None
    elif step.kind == "tool":
        made["inputs"], made["outputs"] = (
            step.input,
            None if step.error or step.end is None else {"output": step.output},
        )
    return made | {"extra": {"metadata": metadata}}


def _state(value: Any, speaker: str) -> Any:
    if value is None or isinstance(value, dict):
        return value or {}
    return {"messages": [{"type": speaker, "content": text_of(value)}]}


def _plain(step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {
        "trace_id": f"run-{step.trace}", "span_id": f"{step.trace:04x}-{step.id}", "parent_id": f"{step.trace:04x}-{step.parent}" if step.parent else None,
        "name": step.name, "kind": step.kind, "agent": step.agent, "start_time": _time(step.start), "end_time": _time(step.end),
        "status": "error" if step.error else "ok" if step.end is not None else None, "input": step.input, "output": None if step.error else step.output,
        "session_id": step.session, "metadata": step.attributes,
    }  # fmt: skip
    if step.error:
        made |= {"error_type": step.error[0], "error": step.error[1]}
    if step.kind == "tool":
        made["tool"] = step.name
    if step.kind == "llm":
        made |= {"model": step.model, "input": [_openai(one) for one in step.messages], "cost_usd": step.cost}
        if step.tokens:
            made |= {"input_tokens": step.tokens[0], "output_tokens": step.tokens[1]}
        if step.answer:
            made["output"] = step.answer["content"] or _openai(step.answer)
    return {key: value for key, value in made.items() if value is not None or key == "end_time"}
