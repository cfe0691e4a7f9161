"""context.tools: prompts that are mostly definitions of tools nobody calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped

_SIGNS_A_TOKEN = 4
_SHOWN = 4
_OFFERED = """
    SELECT c.trace_id, c.agent, c.span_id, c.input_tokens, length(s.tools), s.output IS NOT NULL,
           TRY(json_extract_string(s.tools, '$[*].name')) AS names
    FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    WHERE length(s.tools) >= $size AND c.status <> 'error' AND len(names) >= $tools
    ORDER BY c.trace_id, c.agent, c.start_ns, c.span_id
"""
# What was called: spans of tools, and calls that models asked for.
_CALLED = """
    SELECT trace_id, tool FROM spans WHERE trace_id IN (SELECT unnest($traces)) AND tool IS NOT NULL
    UNION SELECT trace_id, unnest(regexp_extract_all(output, '"name":\\s*"([^"]+)"', 1)) FROM spans
    WHERE trace_id IN (SELECT unnest($traces)) AND is_call AND output LIKE '%"tool_call"%'
"""


@dataclass(frozen=True, slots=True)
class _Call:
    """A model call and the tools that it was offered. size: characters of their definitions."""

    trace_id: str
    agent: str | None
    span_id: str
    input_tokens: int | None
    size: int
    answered: bool
    names: Sequence[str]

    @property
    def tokens(self) -> int:
        """Of the definitions, estimated; no more than the whole prompt has."""
        estimated = self.size // _SIGNS_A_TOKEN
        return min(estimated, self.input_tokens) if self.input_tokens else estimated


@dataclass(frozen=True, slots=True)
class Tools:
    """An agent that is offered far more tools than it uses, so that its prompts are mostly their definitions.

    **What it finds**: model calls of one agent that are offered 20 tools or more, of which at most a fifth is called
    anywhere in the run, and whose definitions are at least half of the prompt and 1,000 tokens. Medium where what is
    never called takes more than 20,000 tokens in the run. Tokens are estimated from the length of the definitions.

    **Why it matters**: every call pays for every definition again, and the more tools there are, the more often a model
    picks the wrong one or none.

    **Bad**:

        agent secretary
          llm gpt-4o in=2600 out=20 "When am I free?" -> "I look." tools=[{"name":"get_calendar","description":"get calendar. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"add_event","description":"add event. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"move_event","description":"move event. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"drop_event","description":"drop event. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"list_rooms","description":"list rooms. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"book_room","description":"book room. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"free_room","description":"free room. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"list_mails","description":"list mails. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"read_mail","description":"read mail. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"send_mail","description":"send mail. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"drop_mail","description":"drop mail. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"find_file","description":"find file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"read_file","description":"read file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"move_file","description":"move file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"copy_file","description":"copy file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"drop_file","description":"drop file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"list_tasks","description":"list tasks. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"add_task","description":"add task. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"close_task","description":"close task. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"get_weather","description":"get weather. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"get_rates","description":"get rates. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"find_flight","description":"find flight. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"find_train","description":"find train. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"translate","description":"translate. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."}]
          tool get_calendar {"day": "monday"} -> ["9:00 dentist"]
          llm gpt-4o in=2700 out=20 "And on Monday at ten?" -> "You are free at ten." tools=[{"name":"get_calendar","description":"get calendar. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"add_event","description":"add event. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"move_event","description":"move event. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"drop_event","description":"drop event. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"list_rooms","description":"list rooms. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"book_room","description":"book room. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"free_room","description":"free room. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"list_mails","description":"list mails. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"read_mail","description":"read mail. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"send_mail","description":"send mail. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"drop_mail","description":"drop mail. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"find_file","description":"find file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"read_file","description":"read file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"move_file","description":"move file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"copy_file","description":"copy file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"drop_file","description":"drop file. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"list_tasks","description":"list tasks. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"add_task","description":"add task. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"close_task","description":"close task. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"get_weather","description":"get weather. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"get_rates","description":"get rates. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"find_flight","description":"find flight. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"find_train","description":"find train. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"translate","description":"translate. What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."}]

    **Good**:

        agent secretary
          llm gpt-4o in=300 out=20 "When am I free?" -> "I look." tools=[{"name":"get_calendar","description":"What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."},{"name":"add_event","description":"What it is for, when to call it, when not to, what each of its arguments means, which of them may be left out, what comes back, in which order, and which errors there are; with two examples of a call and of what it returned in a case that went well."}]
          tool get_calendar {"day": "monday"} -> ["9:00 dentist"]

    **What to do**: give each agent the tools of its task, load the others when they are asked for (a tool that finds
    tools), and shorten definitions to what tells them apart.

    Options: tools = tools offered in one call; used = share of them that is called; share = of the prompt; tokens = of
    the definitions; many = tokens of what is never called in the run, from which it is medium.
    """  # noqa: E501 - a payload stands on one line

    tools: int = 20
    used: float = 0.2
    share: float = 0.5
    tokens: int = 1000
    many: int = 20_000

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each agent of a trace, at its first such call."""
        rows = reader.rows(_OFFERED, size=self.tokens * _SIGNS_A_TOKEN, tools=self.tools)
        judged = set(reader.trace_ids())
        offered = [call for row in rows if (call := _Call(*row)).trace_id in judged]
        called: dict[str, set[str]] = {}
        for trace_id, tool in (
            reader.rows(_CALLED, traces=sorted({call.trace_id for call in offered})) if offered else ()
        ):
            called.setdefault(trace_id, set()).add(tool)
        for (trace_id, _), group in groupby(offered, key=lambda call: (call.trace_id, call.agent)):
            calls = list(group)
            if any(call.answered for call in calls) and (found := self._judged(calls, called.get(trace_id, set()))):
                yield found

    def _judged(self, calls: Sequence[_Call], called: set[str]) -> Finding | None:
        names = {name for call in calls for name in call.names}
        use = sorted(names & called)
        known = [call.tokens / call.input_tokens for call in calls if call.input_tokens]
        if len(use) > self.used * len(names) or not known or median(known) < self.share:
            return None
        return _finding(calls, names, use, median(known), self.many)


def _finding(calls: Sequence[_Call], names: set[str], use: Sequence[str], share: float, many: int) -> Finding:
    first, spent = calls[0], sum(call.tokens for call in calls)
    who, wasted = first.agent or "The program", int(spent * (1 - len(use) / len(names)))
    severity: Severity = "medium" if wasted > many else "low"
    rest = f" and {len(use) - _SHOWN} more" if len(use) > _SHOWN else ""
    kept = f"it called {listed(list(use[:_SHOWN]))}{rest}" if use else "it called none of them"
    title = f"{who} is offered {len(names)} tools and calls {len(use)}; they are {share:.0%} of its prompts"
    return Finding(
        detector="context.tools",
        severity=severity,
        confidence="likely",
        title=clipped(title, 100),
        message=(
            f"{title}: about {first.tokens:,} of {first.input_tokens or 0:,} tokens in the first of"
            f" {counted(len(calls), 'call')}, about {spent:,} in all. Of the tools {kept}."
        ),
        trace_id=first.trace_id,
        agent=first.agent,
        evidence=(
            Evidence(first.span_id, "primary", f"{len(first.names)} tools: about {first.tokens:,} tokens"),
            *(Evidence(call.span_id, "related", "the same again") for call in calls[1:2]),
        ),
        advice=(
            f"Give {who} the tools of its task, load the others when they are asked for, and shorten definitions to"
            " what tells them apart."
        ),
        next=f"agentdbg span {first.span_id}",
        key="tools that nobody calls",
        wasted_tokens=wasted,
    )
