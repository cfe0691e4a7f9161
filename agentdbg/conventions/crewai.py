"""CrewAI as OpenInference tells it. Whom a coworker's work belongs to stands only in the argument of the tool that
delegates it. In older versions every task is an AGENT span called `Task._execute_core`, and whose work it is stands in
the text of its input."""

from __future__ import annotations

import re

from agentdbg.rows import DELEGATION, RawSpan, SpanRow
from agentdbg.vocabulary.fields import keep
from agentdbg.vocabulary.jsontext import parsed_object

_ESCAPED = re.compile(r"\\(.)")
_ROLE = re.compile(r"\brole=(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")")


_TASK = "Task._execute_core"
_DELEGATING = {"delegate_work_to_coworker", "ask_question_to_coworker"}


class CrewAI:
    """Spans of `openinference.instrumentation.crewai`: older task spans, and tools that delegate."""

    name = "crewai"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "openinference.instrumentation.crewai" and (span.name == _TASK or _delegates(span))

    def read(self, span: RawSpan, row: SpanRow) -> None:
        given = parsed_object(span.attributes.get("input.value"))
        if span.name != _TASK:
            keep(row, "handoff_to", str(given.get("coworker") or "").strip())
            row.handoff_rule = DELEGATION if row.handoff_to else None
            return
        agent = given.get("agent")
        found = _ROLE.search(agent) if isinstance(agent, str) else None
        if found and (role := _ESCAPED.sub(r"\1", found[1] or found[2] or "").strip()):
            row.agent_hint, row.agent_rule = role, "agent role"


def _delegates(span: RawSpan) -> bool:
    tool = str(span.attributes.get("tool.name") or span.name.removesuffix(".run"))
    return tool.lower().replace(" ", "_") in _DELEGATING
