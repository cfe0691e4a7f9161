"""CrewAI as OpenInference's older instrumentation tells it: every task is an AGENT span called `Task._execute_core`,
and whose work it is stands in the text of its input."""

from __future__ import annotations

import re

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.jsontext import parsed

_ESCAPED = re.compile(r"\\(.)")
_ROLE = re.compile(r"\brole=(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")")


class CrewAI:
    """Task spans of `openinference.instrumentation.crewai`. Newer ones are called after the agent."""

    name = "crewai"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "openinference.instrumentation.crewai" and span.name == "Task._execute_core"

    def read(self, span: RawSpan, row: SpanRow) -> None:
        given = parsed(span.attributes.get("input.value"))
        agent = given.get("agent") if isinstance(given, dict) else None
        found = _ROLE.search(agent) if isinstance(agent, str) else None
        if found and (role := _ESCAPED.sub(r"\1", found[1] or found[2] or "").strip()):
            row.agent_hint, row.agent_rule = role, "agent role"
