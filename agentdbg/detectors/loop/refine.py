"""loop.refine: a text that is polished on and on, with hardly a word changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from agentdbg.detectors import candidates, spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.wording import clipped, counted, usage
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span
from agentdbg.steps.interruptions import shingles
from agentdbg.steps.keys import things
from agentdbg.steps.messages import parsed_messages, text_of

_CANDIDATES = """
    WITH drafts AS (
        SELECT trace_id, agent, length(output) AS size, lag(size) OVER w AS before, lag(size, 2) OVER w AS older
        FROM spans WHERE is_call AND length(output) > 60
        WINDOW w AS (PARTITION BY trace_id, agent ORDER BY start_ns, span_id)
    )
    SELECT DISTINCT trace_id FROM drafts
    WHERE least(abs(size - before), abs(size - older)) <= greatest(40, 0.15 * size)
    GROUP BY trace_id, agent HAVING count(*) >= $rounds ORDER BY trace_id
"""
_FEWEST_WORDS = 10  # a shorter answer is a verdict or a status, no text that is being worked on
_MOST_WORDS = 4000  # beyond these a text is compared by its beginning: the comparison is not linear
_WORD_OR_TWO = 2
_READ = 0.5  # share of a draft that the next prompt must hold, where prompts are recorded
_FLIPS = 0.1  # how much nearer a draft must be to the one before the last than to the last, to go back and forth


@dataclass(frozen=True, slots=True)
class _Draft:
    span: Span
    text: str
    words: list[str]


@dataclass(frozen=True, slots=True)
class Refine:
    """A text that an agent rewrites again and again although hardly a word changes any more.

    **What it finds**: answers of one agent that are rewritings of its own answer before (the next prompt holds it,
    where prompts are recorded), three in a row that each change less than 5 % of the words, or no more than two words;
    or three in a row that go back and forth between two versions. Texts about other numbers or names are other texts.

    **Why it matters**: "improve until it is perfect" has no end: a model asked to improve will change something. Each
    round costs as much as the first one, and the text was done two rounds ago.

    **Bad**:

        agent editor
          llm gpt-4o -> "Our new bank account has no fees and can be opened from home in ten minutes today."
          llm gpt-4o -> "Our new bank account has no fees and can be opened at home in ten minutes today."
          llm gpt-4o -> "Our new bank account has no fees and may be opened at home in ten minutes today."
          llm gpt-4o -> "Our new bank account has no fees and may be opened at home within ten minutes today."

    **Good**:

        agent editor
          llm gpt-4o -> "Our new bank account has no fees and can be opened from home in ten minutes today."
          llm gpt-4o -> "Tired of fees? Open an account on your sofa, before the tea gets cold, and pay nothing."
          llm gpt-4o -> "Final."

    **What to do**: say what is good enough, limit the rounds (max_turns 3), and let a "decision finalised" flag end
    the work instead of the wish for perfection.

    Options: rounds = rewritings in a row at least; changed = share of the words up to which a change is none.
    """

    rounds: int = 3
    changed: float = 0.05

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each stretch of an agent's rewritings, by trace and first draft."""
        if candidates.unrecorded(reader, "is_call", "output"):
            yield Skipped("loop.refine", None, "no payloads of model calls")
            return
        known = {row[0] for row in reader.rows(_CANDIDATES, rounds=self.rounds)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            for drafts in _by_agent(course):
                yield from self._of_agent(course, drafts)

    def _of_agent(self, course: Course, drafts: Sequence[_Draft]) -> Iterator[Finding]:
        steps = [0, *(self._back(drafts, i) for i in range(1, len(drafts))), 0]
        first = 0  # the first of the rounds in a row that bring nothing
        for i, back in enumerate(steps):
            if back and not steps[i - 1]:
                first = i
            if not back and i and steps[i - 1] and i - first >= self.rounds:
                stretch = drafts[first - steps[first] : i]
                if len({draft.text for draft in stretch}) > 1:
                    yield self._finding(course, stretch)

    def _back(self, drafts: Sequence[_Draft], i: int) -> int:
        """1 where a draft is the one before with hardly a change, 2 where it goes back to the one before that, else
        0."""
        before, draft = drafts[i - 1], drafts[i]
        if not _was_read(before, draft):
            return 0
        alike = _alike(before.words, draft.words) if _is_about_the_same(before, draft) else 0.0
        if (1 - alike) * len(draft.words) <= max(_WORD_OR_TWO, self.changed * len(draft.words)):
            return 1
        older = drafts[i - 2] if i > 1 else None
        if older is None or not _is_about_the_same(older, draft):
            return 0
        return 2 if _alike(older.words, draft.words) > max(1 - self.changed, alike + _FLIPS) else 0

    def _finding(self, course: Course, drafts: Sequence[_Draft]) -> Finding:
        first, second, last = drafts[0], drafts[1], drafts[-1]
        who, rounds = first.span.agent or "the program", len(drafts) - 1
        change = _change(drafts[-2].words, last.words)
        tokens, usd = spending.spent(course.trace, [draft.span.span_id for draft in drafts[1:]])
        return Finding(
            detector="loop.refine",
            severity="medium",
            confidence="likely",
            title=clipped(f"{who} rewrote one text {rounds} times; the last change: {change}", 100),
            message=(
                f"{who} rewrote one text {counted(rounds, 'time')} with hardly a word changed in any round. The last "
                f"round changed {change}. The rounds after the first draft took {usage(tokens, usd) or 'their time'}."
            ),
            trace_id=course.trace.trace_id,
            agent=first.span.agent,
            evidence=(
                Evidence(second.span.span_id, "primary", "the first round that changes next to nothing"),
                Evidence(first.span.span_id, "related", "the draft that was good enough"),
                Evidence(last.span.span_id, "related", f"round {rounds}: {change}"),
            ),
            advice=(
                'Say what is good enough, limit the rounds (max_turns 3), and let a "decision finalised" flag end the'
                " work instead of the wish for perfection."
            ),
            next=f"agentdbg show {course.trace.trace_id}",
            key="polishing",
            wasted_tokens=tokens,
            wasted_usd=usd,
        )


def _by_agent(course: Course) -> list[list[_Draft]]:
    """The answers in words of each agent by start, without short ones."""
    drafts: dict[str | None, list[_Draft]] = defaultdict(list)
    for model in course.models:
        said = course.said(model)
        words = said.text.split()[:_MOST_WORDS] if said and not said.asks_for else []
        if said and len(words) >= _FEWEST_WORDS:
            drafts[course.agent(model)].append(_Draft(model, said.text, words))
    return list(drafts.values())


def _is_about_the_same(one: _Draft, other: _Draft) -> bool:
    return {t for t in things(one.text) if _is_number(t)} == {t for t in things(other.text) if _is_number(t)}


def _is_number(thing: str) -> bool:
    return any(sign.isdigit() for sign in thing)


def _was_read(before: _Draft, draft: _Draft) -> bool:
    """Whether the prompt of a draft holds most of the draft before it; yes where prompts are not recorded."""
    prompt = text_of(parsed_messages(draft.span.input) or [])
    if not prompt:
        return True
    own, read = shingles(before.text), set(shingles(prompt))
    return sum(shingle in read for shingle in own) >= _READ * len(own)


def _alike(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of words that two texts have in common in the same order."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() > 0.5 and matcher.quick_ratio() > 0.5 else 0.0


def _change(before: Sequence[str], after: Sequence[str]) -> str:
    """`"in" became "within"`, `nothing`."""
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            old, new = clipped(" ".join(before[i:j]), 30), clipped(" ".join(after[k:m]), 30)
            return f'"{old}" became "{new}"' if old and new else f'"{new}" came in' if new else f'"{old}" went out'
    return "nothing"
