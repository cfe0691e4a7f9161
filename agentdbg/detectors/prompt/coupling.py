"""prompt.coupling: an agent whose answers change their form with the model behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import ClassVar

from agentdbg.contracts.difference import ENVELOPE_WORDS
from agentdbg.contracts.envelope import Envelope, open_payload
from agentdbg.detectors.course import answer
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.statistics import fisher_exact
from agentdbg.steps.messages import parsed_messages, text_of

# An agent is read only where one model took the place of another, as far as answers tell that are words for certain.
_ANSWERS = r"""
    WITH said AS (
        SELECT c.trace_id, t.name AS run, c.agent, c.model, c.span_id, c.start_ns,
               CASE WHEN regexp_matches(s.output, '"type":"text","text":"[\w{[]')
                    AND NOT contains(s.output, '"tool_call"') THEN c.start_ns END AS words_ns
        FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
        JOIN traces t ON c.trace_id = t.trace_id
        WHERE c.agent IS NOT NULL AND c.model IS NOT NULL AND c.status <> 'error' AND s.output IS NOT NULL
    ), runs AS (
        SELECT run, agent, trace_id, min(model) AS model, max(model) AS other, min(words_ns) AS words_ns
        FROM said GROUP BY run, agent, trace_id
    ), swapped AS (
        SELECT run, agent
        FROM (SELECT *, arg_min(model, words_ns) OVER (PARTITION BY run, agent) AS former FROM runs)
        GROUP BY run, agent HAVING count(DISTINCT model) > 1 AND count(*) > $least AND bool_and(model = other)
            AND coalesce(max(words_ns) FILTER (model = former) <= min(words_ns) FILTER (model <> former), true)
    )
    SELECT c.trace_id, c.run, c.agent, c.model, c.span_id, c.start_ns, s.input, s.output
    FROM (FROM said SEMI JOIN swapped USING (run, agent)) c JOIN spans s USING (trace_id, span_id)
    ORDER BY c.run, c.agent, c.start_ns, c.trace_id, c.span_id
"""
_MOSTLY = 0.9
_LIKELY = 0.05
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Answer:
    trace_id: str
    agent: str
    model: str
    span_id: str
    system: str
    envelope: Envelope
    length: int


@dataclass(frozen=True, slots=True)
class Coupling:
    """A prompt that only works with the model it was written for.

    **What it finds**: an agent of the same workflow that answered in bare JSON in at least five runs and, from the run
    on in which another model was put behind the same prompt, answers in another form: in a fence, with sentences around
    it, or in prose. All runs before must be by the one model and all runs after by the other, and the difference must
    be no chance (Fisher's exact test, p < 0.05). Agents that ask several models in one run ask them for different
    things and are left out, as are those whose system prompt was changed at the same time.

    **Why it matters**: the better model is the one that talks more. What reads its answer finds no JSON, loads nothing
    and raises nothing.

    **Bad**:

        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"sales\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"other\\"}"
        trace a
        agent tagger
          llm claude-sonnet-4-5 -> "Sure, here it is: {\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm claude-sonnet-4-5 -> "Sure, here it is: {\\"tag\\": \\"sales\\"}"

    **Good**:

        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"sales\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm gpt-4o -> "{\\"tag\\": \\"other\\"}"
        trace a
        agent tagger
          llm claude-sonnet-4-5 -> "{\\"tag\\": \\"refund\\"}"
        trace a
        agent tagger
          llm claude-sonnet-4-5 -> "{\\"tag\\": \\"sales\\"}"

    **What to do**: take the form of the answer out of the prompt: use structured output or a response format, and run
    recorded prompts against a new model before it is put in.

    Options: least = runs with the earlier model at least.
    """

    compares_runs: ClassVar = True

    least: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each judged run whose answer changed its form with the model."""
        judged = set(reader.trace_ids())
        if reader.everywhere("SELECT count(*) FROM traces")[0][0] <= self.least:
            return
        rows = reader.rows(_ANSWERS, least=self.least)
        for _, group in groupby(rows, key=lambda row: (row[1], row[2])):
            runs = _last_of_each_run(list(group))
            split = self._swap(runs)
            if split is None:
                continue
            usual = Counter(one.envelope for one in runs[:split]).most_common(1)[0][0]
            if usual == "json":
                odd = [one for one in runs[split:] if one.envelope not in ("json", "empty")]
                if odd and self._is_told(runs[:split], runs[split:], odd):
                    yield from (_finding(runs, split, one) for one in odd if one.trace_id in judged)

    def _swap(self, runs: Sequence[_Answer]) -> int | None:
        """The first run with the second model, where one model took the place of another and nothing else changed."""
        split = next((i for i, one in enumerate(runs) if one.model != runs[0].model), len(runs))
        if split < self.least or len(runs) - split < 2:
            return None
        same = {one.model for one in runs[split:]} == {runs[split].model}
        return split if same and len({one.system for one in runs}) == 1 else None

    def _is_told(self, before: Sequence[_Answer], after: Sequence[_Answer], odd: Sequence[_Answer]) -> bool:
        bare = sum(one.envelope == "json" for one in before)
        p = fisher_exact(bare, len(before) - bare, len(after) - len(odd), len(odd))
        return bare >= _MOSTLY * len(before) and p < _LIKELY


def _last_of_each_run(rows: Sequence[tuple[str, str, str, str, str, int, str | None, str]]) -> list[_Answer]:
    """The last answer in words of each run by time; none where any run asks several models."""
    models: dict[str, set[str]] = {}
    found: dict[str, _Answer] = {}
    for trace_id, _, agent, model, span_id, _, prompt, output in rows:
        models.setdefault(trace_id, set()).add(model)
        said = answer(output)
        if said is not None and said.text.strip() and not said.asks_for:
            system = text_of([m for m in parsed_messages(prompt) or [] if m.get("role") == "system"])
            envelope = open_payload(said.text).envelope
            found[trace_id] = _Answer(trace_id, agent, model, span_id, system, envelope, len(said.text))
    return list(found.values()) if all(len(used) == 1 for used in models.values()) else []


def _finding(runs: Sequence[_Answer], split: int, one: _Answer) -> Finding:
    before, after = runs[:split], runs[split:]
    first = after[0]
    form = ENVELOPE_WORDS[one.envelope]
    began = "It is the first run with it." if one is first else f"It began in run {first.trace_id[:8]}."
    return Finding(
        detector="prompt.coupling",
        severity="high",
        confidence="likely",
        title=clipped(f"{one.agent} answers in {form} since it runs on {one.model}", 100),
        message=(
            f"{one.agent} answers in {form} since {one.model} took the place of {before[0].model} "
            f"behind the same prompt. {_row(before)}; {_row(after)}. {began}"
        ),
        trace_id=one.trace_id,
        agent=one.agent,
        evidence=(Evidence(one.span_id, "primary", f"{one.model}: {form}"),),
        advice=(
            f"Use structured output or a response format instead of asking for JSON in the prompt of {one.agent}, and "
            "run recorded prompts against a new model before it is put in."
        ),
        next=f"agentdbg replay {short(one.span_id, [other.span_id for other in runs])}",
        key=f"{one.agent}: {before[0].model} → {one.model}",
    )


def _row(group: Sequence[_Answer]) -> str:
    """`gpt-4o: 5 runs, 5 in bare JSON, median 18 characters`."""
    forms = Counter(ENVELOPE_WORDS[one.envelope] for one in group)
    said = ", ".join(f"{count} in {form}" for form, count in sorted(forms.items(), key=lambda f: (-f[1], f[0])))
    length = counted(int(median(one.length for one in group)), "character")
    return f"{group[0].model}: {counted(len(group), 'run')}, {said}, median {length}"
