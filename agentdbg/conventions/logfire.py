"""Logfire's own instrumentations beside `gen_ai.*`: the OpenAI Agents SDK, and the answers of streamed calls, which a
zero-length span tells when the stream has ended."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.agents_sdk import read_span_data
from agentdbg.vocabulary.fields import fill, first, keep, keep_messages, number
from agentdbg.vocabulary.jsontext import parsed, parsed_object
from agentdbg.vocabulary.messages import messages
from agentdbg.vocabulary.responses import usage

AGENTS_SDK = "logfire.openai_agents"
CLIENTS = {"logfire.openai", "logfire.anthropic"}
# How the templates of the Agents SDK's spans begin, and the kind of span each stands for.
TEMPLATES = {
    "Agent run:": "agent", "Function:": "function", "Handoff:": "handoff", "Guardrail ": "guardrail",
    "Chat completion ": "generation", "Responses API": "response", "OpenAI Agents trace:": "trace",
}  # fmt: skip
CACHE = {"cached_tokens": ("cached_tokens",), "reasoning_tokens": ("reasoning_tokens",)}


class Logfire:
    """Spans of the scopes `logfire.openai`, `logfire.anthropic` and `logfire.openai_agents`."""

    name = "logfire"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return span.scope == AGENTS_SDK or span.scope in CLIENTS

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        template = str(attributes.get("logfire.msg_template", span.name))
        if span.scope == AGENTS_SDK:
            failure = parsed_object(attributes.get("error")).get("message")
            if row.status == "error":
                keep(row, "error_message", failure)
            # what it names are agents, tools and models, which are few; the template alone names nothing
            row.name = str(attributes.get("logfire.msg") or span.name).removesuffix(f" failed: {failure}")
            kind = next((kind for start, kind in TEMPLATES.items() if template.startswith(start)), None)
            model = first(attributes, ("gen_ai.response.model", "gen_ai.request.model"))
            read_span_data({**attributes, "type": kind, "model": model}, row)
        elif "gen_ai.request.model" in attributes or "request_data" in attributes:
            row.kind = "llm"
            _call(attributes, row)
            lasted = number(attributes.get("duration"))
            if attributes.get("logfire.span_type") == "log" and lasted is not None and span.end_ns is not None:
                row.start_ns = span.end_ns - int(lasted * 1e9)


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    """What versions before the message attributes tell: the request's keywords and the answer as the client got it."""
    request = parsed_object(attributes.get("request_data"))
    response = parsed_object(attributes.get("response_data"))
    system = messages(first(request, ("system", "instructions")), "system") or []
    if given := messages(first(request, ("messages", "input"))):
        keep_messages(row, "input", system + given)
    answer = parsed(first(response, ("message", "combined_chunk_content")))
    keep_messages(row, "output", messages(answer, "assistant"))
    fill(row, usage(first(attributes, ("gen_ai.usage.raw",))), CACHE)
