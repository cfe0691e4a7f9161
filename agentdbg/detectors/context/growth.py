"""context.growth: an agent whose every call carries all that was said before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Confidence, Evidence, Finding, Reader, Skipped
from agentdbg.statistics import theil_sen
from agentdbg.steps.keys import canonical
from agentdbg.steps.messages import parsed_messages

_PROMPTS = """
    WITH prompts AS (
        SELECT c.trace_id, c.agent, s.turn_id, s.recorded_trace_id, c.span_id, c.start_ns, s.end_ns, c.input_tokens,
               c.cached_tokens
        FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id WHERE c.input_tokens > 0
    )
    SELECT * FROM prompts SEMI JOIN (
        SELECT trace_id, agent FROM prompts GROUP BY ALL
        HAVING count(*) >= $turns AND max(input_tokens) > $times * min(input_tokens)) a
    ON prompts.trace_id = a.trace_id AND prompts.agent IS NOT DISTINCT FROM a.agent
    ORDER BY prompts.trace_id, prompts.agent, start_ns, span_id
"""


@dataclass(frozen=True, slots=True)
class _Prompt:
    trace_id: str
    agent: str | None
    turn_id: str | None
    part: str
    span_id: str
    start_ns: int | None
    end_ns: int | None
    tokens: int
    cached: int | None


@dataclass(frozen=True, slots=True)
class Growth:
    """An agent whose prompts grow with every call, because each carries all that was said before.

    **What it finds**: five or more model calls of one agent, one after the other (in the whole run, or within one turn
    of its work), whose prompts rise steadily: the median slope between any two of them (Theil and Sen) is above 200
    tokens a call, and the last prompt is more than three times the first. Where prompts are recorded, most of them
    must repeat the one before: documents that grow are no history. Where they are not, it is likely, not certain. One
    large document that is loaded once is a step, not a slope.

    **Why it matters**: step 10 pays for steps 1 to 9 again. The bill grows with the square of the steps, answers get
    slower and worse, and in the end the window is full and the task itself is dropped.

    **Bad**:

        agent researcher
          llm gpt-4o in=900 out=60
          llm gpt-4o in=1900 out=60
          llm gpt-4o in=2900 out=60
          llm gpt-4o in=4100 out=60
          llm gpt-4o in=5000 out=60

    **Good**:

        agent researcher
          llm gpt-4o in=900 out=60
          llm gpt-4o in=1200 out=60
          llm gpt-4o in=1150 out=60
          llm gpt-4o in=1250 out=60
          llm gpt-4o in=1200 out=60

    **What to do**: keep the last few exchanges and a summary of the rest, drop tool results once they are used, and
    hand on results instead of histories. Caching of prompts makes it cheaper, and fills the window all the same.

    Options: turns = calls at least; slope = tokens a call; times = last prompt over first.
    """

    turns: int = 5
    slope: float = 200.0
    times: float = 3.0

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each agent of a trace: where the most was carried along."""
        judged = set(reader.trace_ids())
        if not reader.everywhere("SELECT 1 FROM llm_calls WHERE input_tokens > 0 LIMIT 1"):
            yield Skipped("context.growth", None, "no token counts recorded")
            return
        prompts = (_Prompt(*row) for row in reader.rows(_PROMPTS, turns=self.turns, times=self.times))
        for (trace_id, _), group in groupby(prompts, key=lambda one: (one.trace_id, one.agent)):
            if trace_id not in judged:
                continue
            growing = [one for one in _stretches(list(group)) if self._grows(one)]
            for stretch in sorted(growing, key=lambda one: (-_carried(one), -len(one))):
                carries = _carries(reader, stretch)
                apart = len({prompt.part for prompt in stretch}) > 1  # where nothing but sizes would tell of a history
                if carries or (carries is None and not apart):
                    yield _finding(stretch, "certain" if carries else "likely")
                    break

    def _grows(self, prompts: Sequence[_Prompt]) -> bool:
        tokens = [prompt.tokens for prompt in prompts]
        if len(tokens) < self.turns or tokens[-1] <= self.times * tokens[0]:
            return False
        pairs = list(pairwise(prompts))
        rising = sum(later.tokens > earlier.tokens for earlier, later in pairs)
        in_turn = all((later.start_ns or 0) >= (earlier.end_ns or 0) for earlier, later in pairs)
        return in_turn and 3 * rising > 2 * len(pairs) and theil_sen(tokens) > self.slope


def _stretches(prompts: list[_Prompt]) -> Iterator[list[_Prompt]]:
    """All calls of an agent, and those of each of its turns: where a turn begins anew, only within it can they grow."""
    yield prompts
    turns: dict[tuple[str | None, str], list[_Prompt]] = {}
    for prompt in prompts:
        turns.setdefault((prompt.turn_id, prompt.part), []).append(prompt)
    if len(turns) > 1:
        yield from turns.values()


def _carries(reader: Reader, prompts: Sequence[_Prompt]) -> bool | None:
    """Whether most prompts hold most of what the one before held, and more, system messages aside. None where none is
    recorded."""
    rows = reader.rows(
        "SELECT span_id, input FROM spans WHERE trace_id = $trace AND span_id IN (SELECT unnest($spans))",
        trace=prompts[0].trace_id,
        spans=[prompt.span_id for prompt in prompts],
    )
    told = {span_id: messages for span_id, text in rows if (messages := _said(text))}
    pairs = [(told[a.span_id], told[b.span_id]) for a, b in pairwise(prompts) if {a.span_id, b.span_id} <= told.keys()]
    if not pairs:
        return None
    repeated = sum(len(before & after) > len(before) / 2 and before != after for before, after in pairs)
    return repeated > len(pairs) / 2


def _said(text: str | None) -> set[str]:
    return {canonical(one) for one in parsed_messages(text) or () if one.get("role") != "system"}


def _carried(prompts: Sequence[_Prompt]) -> int:
    """Input tokens beyond what they would be, had every call cost what the first did."""
    return sum(prompt.tokens for prompt in prompts) - len(prompts) * prompts[0].tokens


def _finding(prompts: Sequence[_Prompt], confidence: Confidence) -> Finding:
    first, last = prompts[0], prompts[-1]
    who = first.agent or "the program"
    steps = [(later.tokens - earlier.tokens, later) for earlier, later in pairwise(prompts)]
    jump, largest = max(steps, key=lambda step: step[0])
    total, carried = sum(prompt.tokens for prompt in prompts), _carried(prompts)
    cached = sum(prompt.cached or 0 for prompt in prompts)
    related = [Evidence(first.span_id, "related", f"the first prompt: {first.tokens:,} tokens")]
    if largest.span_id != last.span_id and jump > 2 * median(step[0] for step in steps):
        related.append(Evidence(largest.span_id, "related", f"the largest step: {jump:,} tokens more than before"))
    return Finding(
        detector="context.growth",
        severity="medium",
        confidence=confidence,
        title=clipped(f"The prompts of {who} grew from {first.tokens:,} to {last.tokens:,} tokens", 100),
        message=(
            f"The prompts of {who} grew from {first.tokens:,} to {last.tokens:,} tokens in "
            f"{counted(len(prompts), 'call')}, {theil_sen([one.tokens for one in prompts]):,.0f} tokens a call. "
            f"{carried / total:.0%} of its {total:,} input tokens are what was carried along beyond the first prompt"
            + (f"; {cached:,} were read from the provider's cache." if cached else ".")
        ),
        trace_id=first.trace_id,
        agent=first.agent,
        evidence=(Evidence(last.span_id, "primary", f"the last prompt: {last.tokens:,} tokens"), *related),
        advice=(
            "Keep the last few exchanges and a summary of what came before, drop tool results once they are used, and "
            "hand on results instead of histories."
        ),
        next=f"agentdbg span {last.span_id}",
        key="prompts grow",
        wasted_tokens=carried,
    )
