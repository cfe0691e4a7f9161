"""BeeAI's events as spans: OpenInference's instrumentation for it makes a span of every event, named by the event's
path and a number. One call of a model or a tool is a `start`, a `success` or `error`, and a `finish`."""

from __future__ import annotations

import re

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import keep_json

_EVENT = re.compile(r"(?P<path>.+)\.(?P<event>\w+)-\d+")


class BeeAI:
    """Spans of `openinference.instrumentation.beeai`. It speaks after OpenInference and corrects it: an event of an
    agent is no agent, and the three events of a call are one call."""

    name = "beeai"
    rank = 35

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "openinference.instrumentation.beeai"

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        if row.kind == "agent" and attributes.get("source"):
            row.agent_hint, row.agent_rule = str(attributes["source"]), "source"
            return
        # newer versions name the span by the thing itself, and an event by the last word of its path
        if row.kind in ("agent", "llm") and str(attributes.get("metadata.path") or "").endswith("." + span.name):
            row.kind, row.agent_hint, row.agent_rule = "other", None, None
            return
        # the name tells as much as `target`, which is lost where a span has more attributes than the SDK allows
        named = _EVENT.fullmatch(span.name)
        if named is None:
            return
        path, event = named["path"], named["event"]
        if row.kind == "agent":
            row.agent_hint = row.agent_rule = None
        # a model call is known by what it was sent, a tool call by what it gave back
        if row.kind == "tool" and event in ("success", "error"):
            row.tool = str(attributes.get("tool.name") or path.rpartition(".")[2])
            keep_json(row, "input", attributes.get("tool.parameters"))
        elif row.kind != "llm" or event != "start":
            row.kind, row.tool = "other", None
