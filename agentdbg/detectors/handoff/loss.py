"""handoff.loss: what one agent wrote reached the next one cut, or without the values that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.contracts.payload import sent
from agentdbg.detectors.course import Course
from agentdbg.detectors.utterances import given_to
from agentdbg.detectors.values import values
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import Evidence, Finding, Handoff, Reader, Skipped, Span
from agentdbg.steps.keys import content_words, opened, scalars

_ASKS = (
    r"\bmissing\b|\bnot (?:been )?(?:provided|given|included|stated|passed|told|specified)\b|\black(?:s|ing)?\b"
    r"|\bplease provide\b|\b(?:i|we) (?:still )?need\b|\bno \w+ (?:\w+ )?(?:was|were|is) (?:given|provided|included)\b"
)
_CANDIDATES = f"""
    SELECT DISTINCT trace_id FROM spans
    WHERE trace_id IN (SELECT trace_id FROM handoffs) AND kind = 'llm' AND regexp_matches(output, '(?i){_ASKS}')
       OR (trace_id, span_id) IN (
            SELECT trace_id, unnest([sender_span_id, via_span_id]) FROM handoffs
        ) AND greatest(strlen(output), strlen(input)) >= $least
    ORDER BY trace_id
"""
_SHORTEST = 300
"""Characters of the shortest text in which a cut is looked for."""
_BEGINNING = 100
_LOST_LEAST = 200
_MARK = re.compile(r"\s*(?:\.\.\.|…|[\[<(]\W{0,3}(?:\d+ \w+ )?(?:truncated|cut|omitted|shortened|more)\b)", re.I)
_WHOLE = re.compile(r"[.!?:;\n)\]}\"'”]\s*$")
_COMPLAINS = re.compile(_ASKS, re.I)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_NEAR = 80
"""Characters before a value that tell what it is."""
_READ = 32


@dataclass(frozen=True, slots=True)
class _Loss:
    """What got lost at one handoff. kept and length are characters; how says how the cut shows."""

    handoff: Handoff
    writer_span_id: str
    reader: Span
    text: str
    kept: int = 0
    how: str = ""
    gone: tuple[str, ...] = ()
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """A message that reached the next agent without its end, or without values that the next agent asks for.

    **What it finds**: texts of which the receiver was given a proper beginning: at least 200 characters are missing,
    and the cut shows (a mark such as `…` or `[truncated]`, a round length, or a word or sentence that ends in the
    middle). As a hint: ids, amounts and dates of the message that stand in no prompt of the receiver, where the
    receiver says that just such a thing is missing. Texts that were summarised are none, nor is a beginning that ends
    with a sentence.

    **Why it matters**: the receiver does not know that there was more. What it leaves out looks like a decision.

    **Bad**:

        workflow claims
          agent intake -> {"note": "Ms Berg, policy number PN-88231, water damage on 2031-05-02"}
          agent assessor {"note": "Ms Berg, water damage"}
            llm gpt-4o -> "I cannot decide, the policy number is missing."

    **Good**:

        workflow claims
          agent intake -> {"note": "Ms Berg, policy number PN-88231, water damage on 2031-05-02"}
          agent assessor {"note": "Ms Berg, policy PN-88231, water damage"}
            llm gpt-4o -> "Policy PN-88231 covers it."

    **What to do**: hand on the whole text or a reference to it; where it must be short, let its author summarise it,
    and pass ids, amounts and dates as fields of their own.

    Options: lost = characters that must be missing at least.
    """

    lost: int = _LOST_LEAST

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace and message, at the span that wrote it."""
        judged = set(reader.trace_ids())
        rows = reader.rows(_CANDIDATES, least=_SHORTEST)
        for trace in reader.traces(trace_id for (trace_id,) in rows if trace_id in judged):
            course, told = trace.once(Course), set[tuple[str, str]]()
            for loss in self._losses(course):
                place = (loss.writer_span_id, loss.handoff.to_agent)
                if place not in told:
                    told.add(place)
                    yield _finding(course, loss)

    def _losses(self, course: Course) -> Iterator[_Loss]:
        for handoff in course.trace.handoffs:
            reader = course.forest.by_id.get(handoff.receiver_span_id or "")
            span_id, message = sent(course.trace, handoff)
            texts = [text for _, text in scalars(opened(message) if isinstance(message, str) else message)]
            if reader is None or not texts:
                continue
            given = given_to(course, reader.span)
            cut = (self._cut(handoff, span_id, reader.span, text, given) for text in texts if len(text) >= _SHORTEST)
            loss = next(filter(None, cut), None) or _missed(course, handoff, span_id, reader.span, texts, given)
            if loss is not None:
                yield loss

    def _cut(self, handoff: Handoff, writer: str, reader: Span, text: str, given: Sequence[str]) -> _Loss | None:
        """The longest beginning of a text that the receiver was given, where that is not all and the cut shows."""
        if any(text.strip() in other for other in given):
            return None
        for other in given:
            at = other.find(text[:_BEGINNING])
            if at < 0:
                continue
            kept = _common(text, other[at:])
            if len(text.rstrip()) - kept < self.lost:
                return None
            how = _shows(text[:kept], text[kept:], other[at + kept :])
            return _Loss(handoff, writer, reader, text, kept, how) if how else None
        return None


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _shows(kept: str, rest: str, follows: str) -> str:
    """How a cut shows, in words; "" where it may be where the author of the shorter text wanted to end."""
    if mark := _MARK.match(follows):
        return f"with the mark {mark.group().strip()!r}"
    if follows.strip() and not follows[:1].isspace() and follows[:1] not in "\"'`<)]}":
        return ""  # another text goes on differently
    if any(abs(len(kept) - unit * round(len(kept) / unit)) <= 1 for unit in (500, 512) if len(kept) >= unit - 1):
        return f"after {len(kept):,} characters"
    if kept[-1:].isalnum() and rest[:1].isalnum():
        return "in the middle of a word"
    return "" if _WHOLE.search(kept) else "in the middle of a sentence"


def _missed(
    course: Course, handoff: Handoff, writer: str, reader: Span, texts: Sequence[str], given: Sequence[str]
) -> _Loss | None:
    """Values that the receiver was not given, and says are missing."""
    everything = "\n".join(given)
    if not everything.strip() or any(text.strip() in everything for text in texts):
        return None
    said = [course.said(model) for model in course.turn_models_after(reader, course.start(reader), _READ)]
    complaints = [one for answer in said if answer for one in _SENTENCE.split(answer.text) if _COMPLAINS.search(one)]
    known = values(everything)
    for text in texts if complaints else ():
        gone = {written: text.find(written) for normal, written in values(text).items() if normal not in known}
        for complaint in complaints:
            asked = content_words(complaint) - content_words(handoff.from_agent)
            told = [w for w, at in gone.items() if asked & content_words(text[max(0, at - _NEAR) : at])]
            if told:
                return _Loss(handoff, writer, reader, text, gone=tuple(told), complaint=complaint)
    return None


def _finding(course: Course, loss: _Loss) -> Finding:
    writer, reader = loss.handoff.from_agent, loss.handoff.to_agent
    if loss.how:
        missing = len(loss.text) - loss.kept
        title = f"{reader} got {loss.kept:,} of {len(loss.text):,} characters that {writer} wrote"
        text = f'{title}; the text was cut {loss.how}. Lost: "{clipped(loss.text[loss.kept :], 160)}"'
        gone = [v for k, v in values(loss.text[loss.kept :]).items() if k not in values(loss.text[: loss.kept])]
        text += f" with {clipped(', '.join(gone[:6]), 120)}." if gone else "."
        note = f"{reader} was given it without its last {counted(missing, 'character')}"
    else:
        lost = clipped(", ".join(loss.gone[:6]), 120)
        title = f"{writer} told {lost}, which did not reach {reader}"
        text = f'{title}; {reader} says: "{clipped(loss.complaint, 160)}"'
        note = f"{reader} says what is missing"
    return Finding(
        detector="handoff.loss",
        severity="high" if loss.how else "medium",
        confidence="certain" if loss.how else "hint",
        title=clipped(title, 100),
        message=text,
        trace_id=course.trace.trace_id,
        agent=writer,
        evidence=(
            Evidence(loss.writer_span_id, "primary", f"{writer} wrote {counted(len(loss.text), 'character')}"),
            Evidence(loss.reader.span_id, "related", note),
        ),
        advice=(
            f"Hand on the whole text or a reference to it. Where it must be short, let {writer} summarise it, and pass "
            "ids, amounts and dates as fields of their own."
        ),
        next=f"agentdbg span {short(loss.reader.span_id, course.forest.by_id)}",
        key=f"{writer} → {reader}: {'cut' if loss.how else 'values lost'}",
    )
