"""loop.degenerate: one output that says the same again and again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from agentdbg.detectors import candidates
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.messages import parsed_messages, text_of

# What chants does so to its end: the 50 signs before the middle, the third quarter or the end come several times.
_CHANTING = """
    SELECT trace_id, span_id, agent, output, output_tokens, finish_reason FROM (
        SELECT *, [substr(output, length(output) // 2, 50), substr(output, length(output) * 3 // 4, 50),
                   substr(output, length(output) - 120, 50)] AS pieces
        FROM spans WHERE is_call AND length(output) >= $least
    ) WHERE list_bool_or(list_transform(pieces,
        lambda piece: length(output) - length(replace(output, piece, '')) >= 4 * length(piece)))
    ORDER BY trace_id, start_ns, span_id
"""
_PIECE = 50
_LONGEST = 100_000  # characters of an output that are looked at, counted from its end
_CODE = re.compile(r"```.*?(?:```|\Z)", re.S)
_LINE_OF_A_TABLE = re.compile(r"^\s*(?:\|.*|[\W_]*)$", re.M)


@dataclass(frozen=True, slots=True)
class Degenerate:
    """An answer in which the model fell into saying the same again and again.

    **What it finds**: a piece of 50 characters that comes ten times or more in one output, on average no more than 250
    characters apart, with no more than five different texts between. Code, tables and rulers are left out; lists whose
    entries begin alike differ between.

    **Why it matters**: the model does not come out of it by itself. It writes until its limit of tokens, is paid for
    every word, and whoever reads the answer next has its window full of it.

    **Bad**:

        agent writer
          llm gpt-4o -> "I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please. I will check that again now, one moment please."

    **Good**:

        agent writer
          llm gpt-4o -> "I checked the account, the invoice and the two payments of March, and all of them agree."

    **What to do**: set a limit of output tokens for the step, stop the stream when a sentence comes back for the third
    time, and look at what the prompt asks to be repeated; a frequency penalty helps with some models.

    Options: times = how often a piece must come; gap = characters between two of them at most, on average; texts =
    different texts between them at most.
    """  # noqa: E501 - an output stands on one line

    times: int = 10
    gap: float = 250.0
    texts: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each output, by trace and start."""
        if candidates.unrecorded(reader, "is_call", "output"):
            yield Skipped("loop.degenerate", None, "no payloads of model calls")
            return
        judged = set(reader.trace_ids())
        least = self.times * _PIECE // 2
        for trace_id, span_id, agent, output, tokens, finish in reader.rows(_CHANTING, least=least):
            text = _prose(output)[-_LONGEST:]
            if trace_id not in judged or (found := self._chant(text)) is None:
                continue
            piece, count, begun = found
            who = agent or "the model"
            cut = " and was cut off at its limit of tokens" if finish in ("length", "max_tokens") else ""
            wasted = None if tokens is None else int(tokens * (1 - min(1.0, (begun + _PIECE) / len(text))))
            yield Finding(
                detector="loop.degenerate",
                severity="medium",
                confidence="likely",
                title=clipped(f'{who} said the same {count} times in one answer: "{clipped(piece, 40)}"', 100),
                message=(
                    f'In one answer of {counted(len(text), "character")}, {who} said "{clipped(piece, 60)}" '
                    f"{counted(count, 'time')}{cut}; it began at character {begun:,}."
                ),
                trace_id=trace_id,
                agent=agent,
                evidence=(Evidence(span_id, "primary", f"the same piece of text, {counted(count, 'time')}"),),
                advice=(
                    "Limit the output tokens of this step, stop the stream when a sentence comes back for the third"
                    " time, and look at what the prompt asks to be repeated."
                ),
                next=f"agentdbg span {span_id}",
                key="the same again in one output",
                wasted_tokens=wasted,
            )

    def _chant(self, text: str) -> tuple[str, int, int] | None:
        """(piece, how often, where first) of the piece that comes most often, where it comes often enough."""
        places: dict[str, list[int]] = defaultdict(list)
        for at in range(len(text) - _PIECE + 1):
            places[text[at : at + _PIECE]].append(at)
        often = ((piece, found) for piece, found in places.items() if len(found) >= self.times)
        for piece, found in sorted(often, key=lambda one: (-len(one[1]), one[1][0])):
            near = (found[-1] - found[0]) / (len(found) - 1) <= self.gap
            between = {text[one + _PIECE : other] for one, other in pairwise(found)}
            if near and len(between) <= self.texts and len(set(piece)) > 3:
                return piece, len(found), found[0]
        return None


def _prose(output: str) -> str:
    """The text of an answer, without code, lines of tables and rulers, on one line."""
    text = text_of(parsed_messages(output) or [])
    return " ".join(_LINE_OF_A_TABLE.sub(" ", _CODE.sub(" ", text)).split())
