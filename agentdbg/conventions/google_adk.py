"""Google ADK's own attributes beside `gen_ai.*`: whole requests and responses in Gemini's shape, tool arguments and
results."""

from __future__ import annotations

import re
from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import first, keep, keep_json, keep_messages, speaks
from agentdbg.vocabulary.jsontext import dump, parsed, parsed_object
from agentdbg.vocabulary.messages import messages, tool_definitions
from agentdbg.vocabulary.responses import usage

OWN = "gcp.vertex.agent."
SCOPES = {"gcp.vertex.agent", "openinference.instrumentation.google_adk"}
AGENT_RUN = re.compile(r"agent_run \[(.+)\]")  # how agents are called up to ADK 1.15
# Fields of Gemini's generation config that are parameters, under the name the other providers give them.
PARAMETERS = {
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_output_tokens": "max_tokens", "seed": "seed",
    "stop_sequences": "stop", "presence_penalty": "presence_penalty", "frequency_penalty": "frequency_penalty",
    "response_mime_type": "response_mime_type", "response_schema": "response_schema",
}  # fmt: skip


class GoogleAdk:
    """Spans of the scope `gcp.vertex.agent`, and of OpenInference's instrumentation around it."""

    name = "google_adk"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return span.scope in SCOPES or speaks(span.attributes, OWN)

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        if found := AGENT_RUN.fullmatch(span.name):
            row.kind, row.agent_hint, row.agent_rule = "agent", found[1], "span name"
        keep(row, "session_id", attributes.get(OWN + "session_id"))
        request, response = (parsed_object(attributes.get(OWN + name)) for name in ("llm_request", "llm_response"))
        if request:
            row.kind = "llm"
            _request(request, row)
        if request and response:
            _response(response, row)
            if "gen_ai.usage.input_tokens" not in attributes:  # the first versions told them in the response alone
                for field, tokens in usage(response.get("usage_metadata")).items():
                    keep(row, field, tokens)
        if "gen_ai.tool.name" in attributes:
            row.kind = "tool"
            keep_json(row, "input", first(attributes, (OWN + "tool_call_args", "gen_ai.tool.call.arguments")))
            _result(attributes, row)


def _request(request: dict[str, Any], row: SpanRow) -> None:
    config = parsed_object(request.get("config"))
    system = messages(config.get("system_instruction"), "system") or []
    keep_messages(row, "input", system + (messages(request.get("contents")) or []))
    if tools := tool_definitions(config.get("tools")):
        row.tools = dump(tools)
    found = {ours: config[theirs] for theirs, ours in PARAMETERS.items() if config.get(theirs) is not None}
    row.parameters = dump(found) if found else None
    row.records_tools = row.records_parameters = True


def _response(response: dict[str, Any], row: SpanRow) -> None:
    keep_messages(row, "output", messages([response["content"]] if response.get("content") else None, "assistant"))
    used = parsed_object(response.get("usage_metadata"))
    keep(row, "cached_tokens", used.get("cached_content_token_count"))
    keep(row, "reasoning_tokens", used.get("thoughts_token_count"))
    finish = response.get("finish_reason")
    keep(row, "finish_reason", finish.lower() if isinstance(finish, str) else None)


def _result(attributes: dict[str, Any], row: SpanRow) -> None:
    """A tool's result; ADK wraps what is no object in {"result": …}, also nothing at all."""
    value = parsed(first(attributes, (OWN + "tool_response", "gen_ai.tool.call.result")))
    if isinstance(value, dict) and set(value) == {"result"}:
        row.output = dump(parsed(value["result"]))
    else:
        keep_json(row, "output", value)
