"""W&B Weave calls as the importer keeps them (`weave.<field>`).

`summary.usage` is summed up over the calls below; so a call is a model call by what it is, never by its usage alone."""

from __future__ import annotations

import re
from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import keep, keep_json, keep_messages, number
from agentdbg.vocabulary.jsontext import dump, parsed, parsed_object
from agentdbg.vocabulary.messages import messages, tool_definitions, tool_result
from agentdbg.vocabulary.requests import PARAMETERS
from agentdbg.vocabulary.responses import answers, figures, usage

KINDS = {"llm": "llm", "agent": "agent", "tool": "tool", "search": "retriever", "retriever": "retriever"}
# Integrations name their operations by what they trace: `langchain.Llm.ChatOpenAI`, `openai_agent_function`.
_NAMED = re.compile(r"(?:langchain\.|openai_agents?[_.])(?P<kind>[A-Za-z_]+)(?:\.(?P<name>.+))?")
_RUNS = {
    "llm": "llm", "chat_model": "llm", "chatmodel": "llm", "tool": "tool", "retriever": "retriever", "agent": "agent",
    "generation": "llm", "response": "llm", "function": "tool", "handoff": "tool", "guardrail": "guard",
    "trace": "workflow",
}  # fmt: skip
PROMPTS = ("messages", "prompt", "contents", "input")


class Weave:
    """Calls of a Weave export."""

    name = "weave"
    rank = 40

    def claims(self, span: RawSpan) -> bool:
        return "weave.op_name" in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        call = {k.removeprefix("weave."): v for k, v in span.attributes.items() if k.startswith("weave.")}
        inputs, output = parsed_object(call.get("inputs")), parsed(call.get("output"))
        told = _NAMED.fullmatch(_operation(str(call["op_name"])))
        if row.kind == "other":
            row.kind = _kind(call, told, inputs)
        keep(row, "session_id", call.get("thread_id"))
        if row.kind == "agent" and row.agent_hint is None:
            row.agent_hint, row.agent_rule = span.name, "display name" if call.get("display_name") else "operation"
        if row.kind == "llm":
            _call(call, inputs, output, row)
        elif row.kind == "tool":
            keep(row, "tool", (told["name"] if told else None) or span.name)
            _handoff(told, inputs, row)
            _payload(row, "input", inputs)
            keep_json(row, "output", tool_result(output))
        else:
            _payload(row, "input", inputs)
            keep_json(row, "output", output)


def _operation(op_name: str) -> str:
    return op_name.rpartition("/")[2].partition(":")[0] if op_name.startswith("weave:///") else op_name


def _kind(call: dict[str, Any], told: re.Match[str] | None, inputs: dict[str, Any]) -> str:
    named = str(parsed_object(parsed_object(call.get("attributes")).get("weave")).get("kind"))
    if named in KINDS:
        return KINDS[named]
    if told:
        return _RUNS.get(told["kind"].lower(), "other")
    asked = type(inputs.get("model")) is str and any(key in inputs for key in PROMPTS)
    return "llm" if asked and (_usage(call) or figures(call.get("output")).get("model")) else "other"


def _usage(call: dict[str, Any]) -> dict[str, Any]:
    found = parsed_object(call.get("summary")).get("usage")
    return found if isinstance(found, dict) else {}


def _handoff(told: re.Match[str] | None, inputs: dict[str, Any], row: SpanRow) -> None:
    if told and told["kind"].lower() == "handoff" and inputs.get("to_agent"):
        row.handoff_to, row.handoff_rule = str(inputs["to_agent"]), "handoff span"
        keep(row, "handoff_from", inputs.get("from_agent"))


def _payload(row: SpanRow, field: str, value: dict[str, Any]) -> None:
    if value:
        keep_json(row, field, value)


def _call(call: dict[str, Any], inputs: dict[str, Any], output: Any, row: SpanRow) -> None:
    spent = _usage(call)
    model = next(iter(spent), None) if len(spent) == 1 else None
    told = figures(output)
    keep(row, "request_model", inputs.get("model") if type(inputs.get("model")) is str else None)
    keep(row, "model", told.get("model") or model or row.request_model)
    for field, count in usage(spent.get(model or "")).items():
        keep(row, field, count)
    for field in ("response_id", "finish_reason", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
        keep(row, field, told.get(field))
    costs = parsed_object(parsed_object(parsed_object(call.get("summary")).get("weave")).get("costs"))
    parts = [
        number(value)
        for one in costs.values()
        for key, value in parsed_object(one).items()
        if key.endswith("total_cost")
    ]
    known = [part for part in parts if part is not None]
    keep(row, "reported_cost_usd", sum(known) if known else None)
    system = messages(inputs.get("system") or inputs.get("instructions"), "system") or []
    asked = next((messages(inputs[key]) for key in PROMPTS if inputs.get(key) is not None), None)
    keep_messages(row, "input", system + asked if asked else None)
    keep_messages(row, "output", answers(output))
    if row.tools is None and (tools := tool_definitions(inputs.get("tools"))):
        row.tools = dump(tools)
    found = {key: inputs[key] for key in PARAMETERS if inputs.get(key) is not None}
    if row.parameters is None and found:
        row.parameters = dump(found)
