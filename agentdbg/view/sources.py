"""Where words came from: which earlier span of the trace had put the same line out. Only exact copies, so never a
guess."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentdbg.model import Span, Trace
from agentdbg.view.label import work_name
from agentdbg.view.payload import compact, parsed

_LEAST = 16
"""Characters of a line that tells where it is from: shorter ones (`ok`, `[]`, `Thanks!`) are said by everybody."""


@dataclass(frozen=True, slots=True)
class Source:
    """The earliest span that had put something out (or, for the run's own input, was given it)."""

    span_id: str
    name: str
    given: bool = False


class Sources:
    """What had been put out before a span began. One pass over the payloads of the trace, then one look-up a line."""

    def __init__(self, trace: Trace, span: Span) -> None:
        self._lines: dict[str, Source] = {}
        self._results: dict[str, Source] = {}
        for earlier in trace.spans:
            if earlier.parent_id is None and earlier is not span:
                self._learn(earlier, earlier.input, given=True)
        for earlier in sorted(trace.spans, key=lambda one: (one.end_ns or 0, one.span_id)):
            if earlier is span or not _is_over(earlier, span):
                continue
            if earlier.kind == "tool" and earlier.tool_call_id:
                self._results.setdefault(earlier.tool_call_id, Source(earlier.span_id, work_name(earlier)))
            if earlier.kind in ("llm", "tool", "retriever"):
                self._learn(earlier, earlier.output)

    def of_line(self, line: str) -> Source | None:
        """Who had said this line before; None for lines that are too short to tell."""
        return self._lines.get(_squeezed(line))

    def of_result(self, call_id: object, text: str) -> Source | None:
        """The tool call that gave a result: by the id of the call, else by the whole text."""
        known = self._results.get(call_id) if isinstance(call_id, str) else None
        return known or self._lines.get(_squeezed(text))

    def _learn(self, span: Span, payload: str | None, given: bool = False) -> None:
        source = Source(span.span_id, span.agent or work_name(span) if span.kind == "llm" else work_name(span), given)
        value = parsed(payload)
        for text in _texts(value):
            for line in (text, *text.split("\n")):
                if len(squeezed := _squeezed(line)) >= _LEAST:
                    self._lines.setdefault(squeezed, source)
        if isinstance(value, dict | list) and len(whole := _squeezed(compact(value))) >= _LEAST:
            self._lines.setdefault(whole, source)


def _is_over(earlier: Span, span: Span) -> bool:
    return earlier.end_ns is not None and span.start_ns is not None and earlier.end_ns <= span.start_ns


def _squeezed(text: str) -> str:
    """White space folded, JSON in one form: a tool's object and its text in a prompt are the same."""
    text = text.strip()
    if text[:1] in ("{", "["):
        text = compact(parsed(text))
    return " ".join(text.split())


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, with an explicit stack: payloads may be deep."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            stack.extend(reversed(one.values()))
        elif isinstance(one, list):
            stack.extend(reversed(one))
