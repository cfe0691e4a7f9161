"""context.overflow: a window that is full, and what was cut to make room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors import handling
from agentdbg.detectors.constraints import constraints
from agentdbg.detectors.course import Course
from agentdbg.detectors.failure import failed, named
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import SEVERITIES, Confidence, Evidence, Finding, Reader, Severity, Skipped, Span
from agentdbg.pricing import window
from agentdbg.steps.keys import canonical, content_words
from agentdbg.steps.messages import Message, parsed_messages, text_of

_LIMIT = ("length", "max_tokens", "max_output_tokens", "model_length")
_TOO_LONG = (
    r"context[_ ]length|context[_ ]window|maximum context|prompt is too long|input is too long"
    r"|too many (?:input |prompt )?tokens|exceeds? (?:the )?(?:maximum|limit).{0,40}tokens"
)
_LONG = 1000
"""Tokens of the shortest prompt that anything is cut from for its length."""
_CANDIDATES = f"""
    WITH calls AS (
        SELECT c.trace_id, c.agent, c.span_id, c.start_ns, c.input_tokens, c.finish_reason, c.status, c.model,
               s.error_message, s.error_type, strlen(s.input) AS size
        FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    ), pairs AS (
        SELECT *, lag(size) OVER w AS size_before, lag(input_tokens) OVER w AS tokens_before FROM calls
        WINDOW w AS (PARTITION BY trace_id, agent ORDER BY start_ns, span_id)
    )
    SELECT DISTINCT trace_id FROM pairs
    WHERE input_tokens >= $least OR lower(finish_reason) IN {_LIMIT}
       OR coalesce(tokens_before, size_before / 4) >= {_LONG} AND (size < size_before OR input_tokens < tokens_before)
       OR status = 'error' AND regexp_matches(concat_ws(' ', error_type, error_message), '(?i){_TOO_LONG}')
    ORDER BY trace_id
"""
_REFUSED = re.compile(_TOO_LONG, re.I)
_SMALLEST_WINDOW = 4000
"""Tokens of the smallest window a model in use has: prompts below its share cannot fill any."""
_LONG_ANSWER = 64
"""Output tokens below which a limit on the answer is meant: classifiers are given one token to answer with."""
_TASK_WORDS = 4


@dataclass(frozen=True, slots=True)
class _Case:
    severity: Severity
    confidence: Confidence
    span: Span
    title: str
    text: str
    evidence: tuple[Evidence, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """A model's window that is full, and an agent that lost its task over it.

    **What it finds**: prompts from which the oldest messages were cut, the task with them: a prompt that holds
    messages of the one before it in the same conversation, and no longer holds most words of the first thing that was
    asked (high). It is at least 30 % shorter than that, or begins with its last messages: a window slid past the
    task. A call that the provider refused because the prompt was too long (high; low when a shorter one went well).
    Prompts that fill more than 90 % of the window of their model, and answers that end at the limit and are not
    continued (medium). Prompts that are shortened while the task stays are none, nor is a summary in the place of what
    was dropped that takes up the task, nor are chats in which a later request took the place of the first.

    **Why it matters**: libraries cut silently. The agent answers something, fluently, but not what was asked.

    **Bad**:

        agent clerk
          llm gpt-4 in=4100 out=40 -> "Next page."
          llm gpt-4 in=7900 out=40 -> "Next page."

    **Good**:

        agent clerk
          llm gpt-4 in=4100 out=40 -> "Next page."
          llm gpt-4 in=4300 out=40 -> "Next page."

    **What to do**: keep the task in the system prompt, or send it again with every call; summarise or drop tool
    results first; stop the agent when the window is nearly full.

    Options: full = share of the window that counts as full; kept = size of a prompt over that of the one before it,
    below which it was cut.
    """

    full: float = 0.9
    kept: float = 0.7

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace and agent: the worst, at its first call."""
        judged = set(reader.trace_ids())
        rows = reader.rows(_CANDIDATES, least=int(self.full * _SMALLEST_WINDOW))
        for trace in reader.traces(trace_id for (trace_id,) in rows if trace_id in judged):
            course = trace.once(Course)
            agents: dict[str | None, list[Span]] = {}
            for model in course.models:
                agents.setdefault(course.agent(model), []).append(model)
            for agent, models in agents.items():
                cases = list(self._cases(course, models))
                if cases:
                    worst = max(cases, key=lambda case: SEVERITIES.index(case.severity))
                    yield _finding(course, agent, worst)

    def _cases(self, course: Course, models: Sequence[Span]) -> Iterator[_Case]:
        before: Span | None = None
        for model in models:
            if before is not None and (case := self._forgot(course, before, model)):
                yield case
            if failed(model):
                if _REFUSED.search(named(model)):
                    yield _refused(course, model)
                continue
            if (share := _share(model)) and self.full < share <= 1:
                yield _filled(course, model, share)
            elif _ends_at_limit(course, model):
                yield _cut(course, model)
            before = model

    def _forgot(self, course: Course, before: Span, model: Span) -> _Case | None:
        """The task, where it was in the prompt before and is in this one no more."""
        if not before.input or not model.input or _goes_on(before.input, model.input):
            return None
        earlier, now = _conversation(before), _conversation(model)
        if not _shrank(before, model, self.kept) and not _slid(earlier, now):
            return None
        place = next((i for i, message in enumerate(earlier) if message.get("role") == "user"), None)
        if place is None:
            return None
        task, rest = text_of([earlier[place]]), earlier[place + 1 :]
        left = {canonical(message) for message in now}
        carried = [message for message in rest if canonical(message) in left]
        if len(carried) == 1 and _instructions(before) != _instructions(model):
            return None  # an answer that is handed on to other work
        full = (_share(before) or 0) > self.full
        asked_later = any(message.get("role") == "user" for message in [*carried, *_new(earlier, now)])
        if not carried or (not full and asked_later):
            return None  # another conversation, or one whose later requests replaced the first
        everything = " ".join([model.input, *(str(message) for message in now)])
        words = content_words(task)
        if len(words & content_words(_in_their_place(before, model))) >= _TASK_WORDS:
            return None
        if len(words) < _TASK_WORDS or 2 * len(words & content_words(everything)) >= len(words):
            return None
        return _forgotten(course, before, model, task, everything)


def _conversation(span: Span) -> list[Message]:
    return [message for message in parsed_messages(span.input) or [] if message.get("role") != "system"]


def _instructions(span: Span) -> str:
    return text_of([message for message in parsed_messages(span.input) or [] if message.get("role") == "system"])


def _new(earlier: Sequence[Message], now: Sequence[Message]) -> list[Message]:
    """What stands behind the last message that was there before: what is asked or found now."""
    known = {canonical(message) for message in earlier}
    last = max((i for i, message in enumerate(now) if canonical(message) in known), default=-1)
    return list(now[last + 1 :])


def _in_their_place(before: Span, model: Span) -> str:
    """The text that stands before what is left of a conversation and was not in it: a summary of what was dropped."""
    earlier = parsed_messages(before.input) or []
    known = {canonical(message) for message in earlier if message.get("role") != "system"}
    instructions = {canonical(message) for message in earlier if message.get("role") == "system"}
    now = parsed_messages(model.input) or []
    first = next((i for i, message in enumerate(now) if canonical(message) in known), len(now))
    return text_of([message for message in now[:first] if canonical(message) not in instructions])


def _goes_on(before: str, prompt: str) -> bool:
    """Whether a prompt begins as the one before it: nothing was cut from its beginning."""
    return prompt.startswith(before[: len(before) * 9 // 10])


def _slid(earlier: Sequence[Message], now: Sequence[Message]) -> bool:
    """Whether a conversation goes on without its first messages: it begins with the last ones of what it was, several
    of them (one alone may be an answer that is handed on), and asks nothing new."""
    left = next((len(earlier) - i for i in range(1, len(earlier)) if earlier[i:] == now[: len(earlier) - i]), 0)
    return left > 1 and not any(message.get("role") == "user" for message in now[left:])


def _shrank(before: Span, model: Span, kept: float) -> bool:
    if before.input_tokens and model.input_tokens:
        return model.input_tokens < kept * before.input_tokens
    return len(model.input or "") < kept * len(before.input or "")


def _share(model: Span) -> float | None:
    """How much of its window a call used."""
    size = window(model.model, model.provider) if model.model else None
    if not size or not model.input_tokens:
        return None
    ended_at_limit = (model.finish_reason or "").lower() in _LIMIT
    return (model.input_tokens + (model.output_tokens or 0 if ended_at_limit else 0)) / size


def _ends_at_limit(course: Course, model: Span) -> bool:
    """Whether an answer was cut at its limit and nothing of the same turn went on after it."""
    if (model.finish_reason or "").lower() not in _LIMIT or (model.output_tokens or _LONG_ANSWER) < _LONG_ANSWER:
        return False
    said = course.said(model)
    if said is not None and said.asks_for:
        return False
    return not course.turn_models_after(course.turn(model), course.moment(model), 1)


def _size(model: Span) -> str:
    if model.input_tokens:
        share = _share(model)
        return counted(model.input_tokens, "token") + (f", {share:.0%} of the window" if share and share <= 1 else "")
    return counted(len(model.input or ""), "character")


def _room(model: Span) -> str:
    size = window(model.model, model.provider) if model.model else None
    return f" to fit the window of {size:,} tokens" if size and _share(model) else ""


def _forgotten(course: Course, before: Span, model: Span, task: str, everything: str) -> _Case:
    lost = [one.text for one in constraints(task) if not one.kept_in(everything)]
    missing = "; ".join(f'"{clipped(text, 60)}"' for text in lost[:6])
    return _Case(
        "high",
        "likely",
        model,
        "lost its task when the prompt was cut",
        (
            f"went on without its task: the oldest messages were cut from the prompt{_room(model)} ({_size(before)} "
            f'before, {_size(model)} after), and what was asked first is no longer in it ("{clipped(task, 160)}").'
            + (f" Gone with it: {missing}." if missing else "")
        ),
        (
            Evidence(model.span_id, "primary", f"the first prompt without the task: {_size(model)}"),
            Evidence(before.span_id, "related", f"the last prompt with it: {_size(before)}"),
        ),
        "task cut from the prompt",
    )


def _refused(course: Course, model: Span) -> _Case:
    mended = handling.of_span(course, model) in ("recovered", "other model", "other arguments", "fallback")
    went_on = mended or bool(course.turn_models_after(course.turn(model), course.moment(model), 1))
    return _Case(
        "low" if went_on else "high",
        "certain",
        model,
        "sent a prompt that is too long" + (", and then a shorter one" if went_on else ""),
        f"sent a prompt that its model refused as too long: {clipped(named(model), 200)}.",
        (Evidence(model.span_id, "primary", clipped(named(model))),),
        "prompt too long",
    )


def _filled(course: Course, model: Span, share: float) -> _Case:
    return _Case(
        "medium",
        "certain",
        model,
        f"filled {share:.0%} of the window of {model.model}",
        f"sent a prompt of {_size(model)} of {model.model}; what comes on top is cut or refused.",
        (Evidence(model.span_id, "primary", f"the prompt: {_size(model)}"),),
        "window full",
    )


def _cut(course: Course, model: Span) -> _Case:
    said = course.said(model)
    ends = f' It ends: "…{clipped(said.text[-80:], 80)}"' if said is not None and said.text else ""
    return _Case(
        "medium",
        "certain",
        model,
        "gave an answer that was cut at its limit",
        f"gave an answer that ended at the limit of tokens ({model.finish_reason}), and nothing went on with it.{ends}",
        (Evidence(model.span_id, "primary", f"ended with finish reason {model.finish_reason}"),),
        "answer cut",
    )


def _finding(course: Course, agent: str | None, case: _Case) -> Finding:
    who = agent or "The program"
    return Finding(
        detector="context.overflow",
        severity=case.severity,
        confidence=case.confidence,
        title=clipped(f"{who} {case.title}", 100),
        message=f"{who} {case.text}",
        trace_id=course.trace.trace_id,
        agent=agent,
        evidence=case.evidence,
        advice=(
            "Keep the task in the system prompt or send it with every call, shorten tool results before anything else, "
            "and stop or summarise when the window is nearly full."
        ),
        next=f"agentdbg replay {short(case.span.span_id, course.forest.by_id)}",
        key=case.key,
    )
