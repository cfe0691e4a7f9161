"""Passages of text in what agents read and write: sentences and lines long enough to be told from set phrases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from agentdbg.detectors.course import Course
from agentdbg.model import Span
from agentdbg.steps.messages import parsed_messages, text_of

SIGNS_A_TOKEN = 4
"""Characters that make up a token, about: where only texts are compared, their tokens are estimates."""
_LEAST = 40
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+|\\n")


def read_by(model: Span) -> set[str]:
    """The passages of a model call's prompt, without its system messages."""
    messages = [message for message in parsed_messages(model.input) or () if message.get("role") != "system"]
    return {passage for text in _texts(messages) for passage in _passages(text)}


def written_by(course: Course, span: Span) -> set[str]:
    """The passages of a model's answer or a tool's result."""
    if span.kind == "llm":
        said = course.said(span)
        return set(_passages(said.text)) if said else set()
    return set(_passages(span.output or ""))


def _texts(messages: list[dict[str, object]]) -> Iterator[str]:
    for message in messages:
        yield text_of([message])
        for part in message.get("parts") or ():  # type: ignore[attr-defined]
            if part.get("type") == "tool_result":
                yield str(part.get("result") or "")


@lru_cache(maxsize=1024)
def _passages(text: str) -> tuple[str, ...]:
    """Kept for a while: each prompt repeats the messages of the one before, and two detectors ask for each."""
    pieces = _ENDS.split(text.replace('\\"', '"'))
    passages = (" ".join(piece.split()).strip("\"'`{}[],") for piece in pieces if len(piece) >= _LEAST)
    return tuple(passage for passage in passages if len(passage) >= _LEAST)
