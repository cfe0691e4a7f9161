"""Spans of the openai-agents SDK's own exporters, as the importer keeps them (`openai_agents.*`)."""

from __future__ import annotations

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.agents_sdk import read_span_data
from agentdbg.vocabulary.fields import keep


class OpenaiAgents:
    """Native spans of the OpenAI Agents SDK."""

    name = "openai_agents"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "openai-agents native"

    def read(self, span: RawSpan, row: SpanRow) -> None:
        read_span_data({key.removeprefix("openai_agents."): value for key, value in span.attributes.items()}, row)
        keep(row, "session_id", span.resource.get("openai_agents.group_id"))
        keep(row, "workflow_name", span.resource.get("openai_agents.workflow_name"))
