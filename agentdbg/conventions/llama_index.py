"""LlamaIndex as OpenInference tells it: an agent is named only in the text of the event that a workflow's step is
given, arguments and results of tools stand in wrappers, and the making of a request is reported like a model call."""

from __future__ import annotations

import re

from agentdbg.rows import AGENT_BEFORE, RawSpan, SpanRow
from agentdbg.vocabulary.fields import keep
from agentdbg.vocabulary.jsontext import dump, parsed, parsed_object

# The last field of the event: what was said before it cannot end in this.
_AGENT = re.compile(r"\bcurrent_agent_name='([^'\\]+)'\)$")
_REQUEST = "_prepare_chat_with_tools"
_REFUSED = re.compile(r"Agent (?:(?!is now handling).)+? (?:not found|cannot hand ?off to)\b")


class LlamaIndex:
    """Spans of `openinference.instrumentation.llama_index`. It speaks after OpenInference and corrects it."""

    name = "llama_index"
    rank = 35

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "openinference.instrumentation.llama_index"

    def read(self, span: RawSpan, row: SpanRow) -> None:
        step = span.name.rpartition(".")[2]
        if row.kind == "tool":
            _tool(span, row)
        elif step == _REQUEST:  # what is sent is told by the call itself
            row.kind = "other"
        elif step == "run_agent_step":
            event = parsed_object(span.attributes.get("input.value")).get("ev")
            if isinstance(event, str) and (found := _AGENT.search(event)):
                row.agent_hint, row.agent_rule = found[1], "current_agent_name"
        elif step == "call_tool":
            row.agent_rule = AGENT_BEFORE


def _tool(span: RawSpan, row: SpanRow) -> None:
    given = parsed_object(span.attributes.get("input.value")).get("kwargs")
    if isinstance(given, dict):
        # the workflow's own context is passed to a tool that asks for it; the model did not give it
        given = {key: value for key, value in given.items() if not str(value).startswith("<workflows.context.")}
        row.input = dump(given)
    answered = parsed_object(span.attributes.get("output.value"))
    if "raw_output" in answered and "tool_name" in answered:
        blocks = answered.get("blocks")
        texts = [block.get("text") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
        told = texts[0] if len(texts) == 1 and texts[0] is not None else answered["raw_output"]
        row.output = dump(parsed(told))
        if row.tool == "handoff" and isinstance(given, dict) and not _REFUSED.match(str(told)):
            keep(row, "handoff_to", given.get("to_agent"))
            row.handoff_rule = "to_agent" if row.handoff_to else None
