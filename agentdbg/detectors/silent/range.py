"""silent.range: a score, confidence or probability outside of its range, or written as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from agentdbg.contracts.envelope import open_payload
from agentdbg.contracts.paths import visit
from agentdbg.detectors.course import answer
from agentdbg.detectors.effects import gives_answer
from agentdbg.detectors.results import value
from agentdbg.detectors.wording import clipped, counted
from agentdbg.errors import AgentdbgError
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped

_NAMES = r"score|confidence|probab|likelihood|certainty"
_SPANS = r"""
    SELECT s.trace_id, s.span_id, s.kind, s.agent, s.tool, t.name, s.output
    FROM spans s JOIN traces t ON s.trace_id = t.trace_id
    WHERE (s.is_call OR s.kind IN ('tool', 'retriever') OR s.kind = 'agent' AND s.span_id NOT IN (
              SELECT turn_id FROM spans l WHERE l.trace_id = s.trace_id AND l.is_call AND l.output IS NOT NULL))
      AND s.status <> 'error' AND regexp_matches(s.output, $names)
    ORDER BY s.start_ns, s.trace_id, s.span_id
"""
_PROBABILITY = re.compile(r"confidence|probab|likelihood|certainty", re.I)
_LEAF = re.compile(r"([\w-]+)[\]\"']*(?:\[\])*$")
_RULE = re.compile(r"\s*([\w-]+)\s+in\s+\[\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\]\s*")
_NO_VALUE = -1.0
"""What is written where there is no confidence."""
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class _Value:
    """A value at a path of what a tool or agent gave away. number: None where it is no number, not even as text."""

    trace_id: str
    span_id: str
    agent: str | None
    tool: str | None
    path: str
    field: str
    written: object
    number: float

    @property
    def is_text(self) -> bool:
        return isinstance(self.written, str)

    @property
    def by(self) -> str:
        return self.tool or self.agent or "the program"


@dataclass(frozen=True, slots=True)
class _Tally:
    """What is usual for a field: values, those that are numbers, of these those from 0 to 1 and those between."""

    count: int = 0
    plain: int = 0
    within: int = 0
    between: int = 0

    def plus(self, one: _Value, times: int = 1) -> _Tally:
        """With so many more values like this one."""
        plain = not one.is_text
        within, between = plain and 0 <= one.number <= 1, plain and 0 < one.number < 1
        added = (self.count + times, self.plain + times * plain)
        return _Tally(*added, self.within + times * within, self.between + times * between)


@dataclass(frozen=True, slots=True)
class _Odd:
    value: _Value
    severity: Severity
    confidence: Confidence
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Range:
    """A value that its reader cannot take for what it is.

    **What it finds**: in results of tools and answers of agents, scores, confidences and probabilities outside of 0 to
    1 where at least five others of the same tool or agent lie within (0.95 that became 95), and such numbers that came
    as text. Without others to compare, a probability below 0 or above 100. And whatever breaks a rule of your own.
    Amounts and counts without a rule are left alone: their tails are long.

    **Why it matters**: a threshold does not fail, it decides. A score of 95 is above every limit, and one that is text
    is read as 0 by a lenient reader.

    **Bad**:

        agent triage
          tool rate_claim {"id": 1} -> {"confidence": 0.91}
          tool rate_claim {"id": 2} -> {"confidence": 0.4}
          tool rate_claim {"id": 3} -> {"confidence": 0.77}
          tool rate_claim {"id": 4} -> {"confidence": 0.6}
          tool rate_claim {"id": 5} -> {"confidence": 0.88}
          tool rate_claim {"id": 6} -> {"confidence": 93}

    **Good**:

        agent triage
          tool rate_claim {"id": 1} -> {"confidence": 0.91}
          tool rate_claim {"id": 2} -> {"confidence": 0.4}
          tool rate_claim {"id": 3} -> {"confidence": 0.77}
          tool rate_claim {"id": 4} -> {"confidence": 0.6}
          tool rate_claim {"id": 5} -> {"confidence": 0.88}
          tool rate_claim {"id": 6} -> {"confidence": 1}

    **What to do**: check values and their types where they are handed over, not only that they are there, and name
    the scale in the schema.

    Options: expect = rules of your own, such as "fraud_score in [0, 1]" (the name of a field, whatever is above it).
    others = values that must be at hand to say what is usual.
    """

    compares_runs: ClassVar = True

    expect: tuple[str, ...] = ()
    others: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace, agent or tool, and field, at the first such value."""
        rules = dict(_rule(rule) for rule in self.expect)
        names = "|".join([_NAMES, *map(re.escape, sorted(rules))])
        judged = set(reader.trace_ids())
        groups: dict[tuple[str, str, str], list[_Value]] = {}
        rows = reader.rows(_SPANS, names=rf'(?i)(?:{names})\w*\\?"\s*:\s*\\?"?-?\.?[0-9]')
        for row in rows:
            for one in _values(row, re.compile(names, re.I)):
                groups.setdefault((row[5], one.by, one.path), []).append(one)
        for _, group in sorted(groups.items()):
            for odd in self._of_field(group, judged, rules):
                again = (v.span_id for v in group if v.trace_id == odd.value.trace_id)
                yield _finding(odd, list(dict.fromkeys(again)))

    def _of_field(
        self, group: Sequence[_Value], judged: set[str], rules: dict[str, tuple[float, float]]
    ) -> Iterator[_Odd]:
        """The first odd value of each judged trace, among the values of one field by time."""
        before, every, told = _Tally(), _Tally(), set[str]()
        for one in group:
            every = every.plus(one)
        for one in group:
            if one.trace_id in judged and one.trace_id not in told:
                odd = self._broken(one, rules) or self._odd(one, before, every.plus(one, -1))
                if odd is not None:
                    told.add(one.trace_id)
                    yield odd
            before = before.plus(one)

    def _broken(self, one: _Value, rules: dict[str, tuple[float, float]]) -> _Odd | None:
        low, high = rules.get(one.field, (-math.inf, math.inf))
        if low <= one.number <= high:
            return None
        return _Odd(one, "high", "certain", f"is {one.written!r}", f"the configuration expects {low:g} to {high:g}")

    def _odd(self, one: _Value, before: _Tally, every: _Tally) -> _Odd | None:
        for others, share in ((before, 1.0), (every, _MOSTLY)):
            if others.count < self.others:
                continue
            of = counted(others.count, "other value")
            if one.is_text and others.plain >= share * others.count:
                why = f"{others.plain} of {of} are numbers"
                return _Odd(one, "medium", "likely", f"is the text {one.written!r}", why)
            scaled = others.between and others.within >= share * others.count
            if scaled and not 0 <= one.number <= 1 and one.number != _NO_VALUE:
                why = f"{others.within} of {of} lie between 0 and 1"
                return _Odd(one, "high", "likely", f"is {one.written!r}", why)
        impossible = not 0 <= one.number <= 100 and one.number != _NO_VALUE
        if impossible and _PROBABILITY.search(one.field):
            return _Odd(one, "high", "likely", f"is {one.written!r}", "no probability and no percentage is that")
        return None


def _rule(text: str) -> tuple[str, tuple[float, float]]:
    found = _RULE.fullmatch(text)
    if not found:
        raise AgentdbgError(f"silent.range cannot read the rule {text!r}", 'write it as "fraud_score in [0, 1]"')
    return found[1], (float(found[2]), float(found[3]))


def _values(row: tuple[str, str, str, str | None, str | None, str, str], names: re.Pattern[str]) -> Iterator[_Value]:
    trace_id, span_id, kind, agent, tool, _, output = row
    if gives_answer(tool):
        return  # what the model wrote there is read where it wrote it
    said = answer(output) if kind == "llm" else None
    payload = open_payload((said.text if said else "") if kind == "llm" else value(output))
    for path, _, _, written, _ in visit(payload):
        field = _LEAF.search(path)
        if field is None or not names.search(field[1]) or isinstance(written, bool):
            continue
        if isinstance(written, int | float | str) and (number := _number(written)) is not None:
            yield _Value(trace_id, span_id, agent, tool, path, field[1], written, number)


def _number(written: float | str) -> float | None:
    try:
        found = float(written)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _finding(odd: _Odd, spans: Sequence[str]) -> Finding:
    one = odd.value
    where = one.path.removeprefix("$.")
    return Finding(
        detector="silent.range",
        severity=odd.severity,
        confidence=odd.confidence,
        title=clipped(f"`{where}` of {one.by} {odd.what}", 100),
        message=(
            f"`{where}` of {one.by} {odd.what}; {odd.why}. Whoever compares it with a limit decides wrongly, and "
            "nothing fails."
        ),
        trace_id=one.trace_id,
        agent=one.agent,
        evidence=(
            Evidence(one.span_id, "primary", f"`{where}` {odd.what}"),
            *(Evidence(other, "related", f"`{where}` stands here too") for other in spans[:3] if other != one.span_id),
        ),
        advice=f"Check `{where}` and its type where it is handed over, and name its scale in the schema.",
        next=f"agentdbg span {one.span_id}",
        key=f"{one.by} {where}",
    )
