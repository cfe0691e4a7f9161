"""calls.hidden: model calls that a framework makes besides the one that answers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors import candidates, spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.turns import Turn, turns_of
from agentdbg.detectors.wording import clipped, counted, listed, usage
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span
from agentdbg.steps.messages import parsed_messages, text_of

_CANDIDATES = """
    SELECT DISTINCT trace_id FROM spans WHERE is_call AND turn_id IS NOT NULL
    GROUP BY trace_id, turn_id HAVING count(*) >= $calls ORDER BY trace_id
"""
_HEAD = 60  # characters of a prompt's first words by which calls of one conversation know each other
_OPENING = 600  # characters of a prompt that tell what a call is for
_PURPOSES = (
    ("repair", re.compile(r"\b(?:repair|correct|fix|invalid|malformed|not valid|try again|re-?format)", re.I)),
    (
        "routing",
        re.compile(r"\b(?:rout(?:e|er|ing)|classif\w+|intent|which (?:agent|tool|department)|who is next)", re.I),
    ),
    ("summary", re.compile(r"\b(?:summar\w+|condens\w+|memor\w+|compress\w*|shorten)", re.I)),
    ("parsing", re.compile(r"\b(?:pars(?:e|er|ing)|extract\w*|as json|json object|schema|structured)", re.I)),
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """Several model calls behind one turn of an agent, of which all but the answer serve the framework.

    **What it finds**: turns of an agent with four model calls or more, three of which have another prompt than the
    conversation itself, call no tool, and serve two purposes at least: routing, parsing, summaries for a memory, repair
    of a format. Where prompts are not recorded, nothing is said.

    **Why it matters**: five messages that a person sees are 15 to 20 calls on the bill, and each can fail.

    **Bad**:

        agent concierge
          llm gpt-4o "Classify the intent of: book me a room" -> "booking"
          llm gpt-4o "Extract the dates as JSON from: book me a room" -> "{}"
          llm gpt-4o "You are a concierge. Book me a room" -> "For which night?"
          llm gpt-4o "Summarise the conversation for the memory" -> "A guest wants a room."

    **Good**:

        agent concierge
          llm gpt-4o "You are a concierge. Book me a room" -> "For which night?"

    **What to do**: use structured output instead of a call that parses, rules instead of a call that routes, and a
    smaller model or none at all for what is left.

    Options: calls = model calls in a turn; hidden = those beside the conversation.
    """

    calls: int = 4
    hidden: int = 3

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each agent, by trace and first turn."""
        if candidates.unrecorded(reader, "is_call", "input"):
            yield Skipped("calls.hidden", None, "no payloads of model calls")
            return
        known = {row[0] for row in reader.rows(_CANDIDATES, calls=self.calls)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            agents: dict[str, list[tuple[Turn, list[Span]]]] = defaultdict(list)
            for turn in turns_of(course):
                beside = _beside(course, turn) if len(turn.models) >= self.calls else []
                if len(beside) >= self.hidden:
                    agents[turn.agent].append((turn, beside))
            for turns in agents.values():
                if _serve(turns):
                    yield _finding(course, turns)


def _serve(turns: Sequence[tuple[Turn, list[Span]]]) -> bool:
    """Whether the calls serve two purposes at least: known ones, or prompts that begin alike in turn after turn. One
    purpose alone is a map over items, and so are prompts that have nothing in common."""
    known = {purpose for _, models in turns for model in models if (purpose := _of(model)) != "other"}
    begins = Counter(begin for _, models in turns for begin in {tuple((_head(m) or "").split()[:2]) for m in models})
    return len(known) > 1 or sum(count > 1 for count in begins.values()) > 1


def _beside(course: Course, turn: Turn) -> list[Span]:
    """The calls of a turn that are no part of its conversation, and ask for no tool."""
    heads = {model.span_id: _head(model) for model in turn.models}
    if None in heads.values():
        return []
    working = [heads[model.span_id] for model in turn.models if (said := course.said(model)) and said.asks_for]
    talk = (Counter(working) or Counter(heads.values())).most_common(1)[0][0]
    if not working and list(heads.values()).count(talk) == 1:
        talk = next((h for h in reversed(heads.values()) if _purpose(h or "") == "other"), talk)
    return [m for m in turn.models if heads[m.span_id] != talk and not ((s := course.said(m)) and s.asks_for)]


def _head(model: Span) -> str | None:
    """The first words of a prompt, the same in all calls of one conversation."""
    messages = parsed_messages(model.input)
    return " ".join(text_of(messages[:1]).split())[:_HEAD] or None if messages else None


def _purpose(text: str) -> str:
    return next((name for name, pattern in _PURPOSES if pattern.search(text)), "other")


def _of(model: Span) -> str:
    return _purpose(text_of(parsed_messages(model.input) or [])[:_OPENING])


def _finding(course: Course, turns: Sequence[tuple[Turn, list[Span]]]) -> Finding:
    first, beside = turns[0]
    every = [model for _, models in turns for model in models]
    calls = sum(len(turn.models) for turn, _ in turns)
    purposes = Counter(map(_of, every))
    split = listed([f"{count} {name}" for name, count in sorted(purposes.items(), key=lambda one: (-one[1], one[0]))])
    tokens, usd = spending.spent(course.trace, [model.span_id for model in every])
    cost = usage(tokens, usd)
    each = f"{calls / len(turns):.0f} model calls a turn"
    return Finding(
        detector="calls.hidden",
        severity="low",
        confidence="certain",
        title=clipped(
            f"{first.agent} makes {each}, {len(every) / len(turns):.0f} of them beside its conversation", 100
        ),
        message=(
            f"{first.agent} makes {each} in {counted(len(turns), 'turn')}; beside the conversation itself are {split}"
            + (f", which took {cost}." if cost else ".")
        ),
        trace_id=course.trace.trace_id,
        agent=first.agent,
        evidence=tuple(
            Evidence(
                model.span_id, "related" if i else "primary", _purpose(text_of(parsed_messages(model.input) or []))
            )
            for i, model in enumerate(beside[:5])
        ),
        advice="Use structured output instead of a call that parses, and rules or a smaller model for what routes.",
        next=f"agentdbg show {course.trace.trace_id}",
        key="hidden calls",
    )
