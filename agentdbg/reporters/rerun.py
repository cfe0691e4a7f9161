"""What came of a program that ran with recorded answers, and of a recording that was verified: text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from agentdbg import __version__
from agentdbg.replay.difference import sides
from agentdbg.reporters import json as machine
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.findings import found
from agentdbg.reporters.terminal.line import Line, Look, command, wrapped, write
from agentdbg.view.ids import ShortIds
from agentdbg.view.units import count

if TYPE_CHECKING:
    from agentdbg.replay.replayed import Asked, Replayed
    from agentdbg.replay.supposed import Change
    from agentdbg.replay.verify import Verification

_VERDICTS = {
    "reproduced": ("reproduced", "ok"),
    "diverged": ("diverged", "failed"),
    "not_judged": ("not judged", "warn"),
    "unchanged": ("unchanged", "ok"),
    "changed": ("changed", "warn"),
    "evidence_ends": ("evidence ends", "warn"),
}
MOST = 40
"""Calls that are listed; all of them in JSON."""


def text(done: Replayed, stream: TextIO, look: Look) -> None:
    """What was asked and served, what was not real about it, the findings, and last the verdict."""
    write(_lines(done, look), stream, look)


def as_json(done: Replayed, stream: TextIO) -> None:
    """The same for programs; findings as `check` writes them."""
    told = asdict(done) | {
        "tool": {"name": "agentdbg", "version": __version__},
        "findings": [machine.finding(one) for one in done.findings],
        "tools": [{"tool": tool, "done": why, "count": n} for tool, why, n in done.tools],
    }
    document(told, stream)


def verification(done: Verification, stream: TextIO, look: Look) -> None:
    """How many calls each SDK read as recorded, and what it read otherwise."""
    write(_verified(done, look), stream, look)


def verification_json(done: Verification, stream: TextIO) -> None:
    """The same for programs."""
    document(asdict(done), stream)


def _lines(done: Replayed, look: Look) -> Iterator[Line]:
    head = Line("replay", "dim").add("  ").add(look.text(done.agent or done.trace_name), "bold")
    yield head.add(f"  trace {look.text(done.trace_id)}  span {look.text(done.span_id)}", "dim")
    short = ShortIds(one.span_id for one in done.asked if one.span_id)
    yield from changes(done.changes, look)
    yield from _asked(done, look, short)
    soft: dict[str, list[str]] = {}
    for one in done.asked:
        for words in one.soft:
            soft.setdefault(words, []).append(str(one.number))
    for words, numbers in soft.items():
        said = f"{words} (call{'s' if len(numbers) > 1 else ''} {', '.join(numbers)})"
        yield from wrapped(Line("  soft  ", "warn"), look.text(said), Line(" " * 8), look.width)
    for tool, why, n in done.tools:
        yield Line("  tool  ", "dim").add(look.text(tool), "tool").add(f"  {why} {look.glyphs.times}{n}")
    for words in done.unreal:
        yield from wrapped(Line("  note  ", "dim"), look.text(words), Line(" " * 8), look.width, "dim")
    if done.ends:
        yield from wrapped(Line("  ends  ", "warn"), look.text(done.ends), Line(" " * 8), look.width)
    yield Line()
    yield from found(done.findings, look)
    if done.hint:
        for n, line in enumerate(done.hint.split("\n")):
            start = Line("hint:   " if n == 0 else " " * 8, "dim")
            yield from wrapped(start, look.text(line), Line(" " * 8), look.width)
    if done.verdict not in ("diverged", "evidence_ends"):
        for n, line in enumerate(done.next):
            yield from command(Line("next:   " if n == 0 else " " * 8, "dim"), line, look)
    word, style = _VERDICTS[done.verdict]
    yield from wrapped(Line(word, style).add(": "), look.text(done.reason), Line("  "), look.width)


def changes(told: Sequence[Change], look: Look) -> Iterator[Line]:
    """What is supposed otherwise than it was recorded, a change each with what was and what is."""
    for change in told:
        parted = change.difference
        at = "" if parted is None else parted.path + (f", character {parted.at}" if parted.at else "")
        yield Line("  what if  ", "dim").add(look.text(change.where), "bold").add(f"  {look.text(at)}", "dim")
        before, after = (change.before, change.after) if parted is None else sides(parted)
        yield from _side("- ", before, "red", look)
        yield from _side("+ ", after, "ok", look)


def _side(sign: str, text: str, style: str, look: Look) -> Iterator[Line]:
    room = 3 * (look.width - 13)
    shown = look.cut(look.text(text), room)
    yield from wrapped(Line(f"           {sign}", style), shown, Line(" " * 13), look.width, style)


def _asked(done: Replayed, look: Look, short: ShortIds) -> Iterator[Line]:
    rows = [_row(done, one, look, short) for one in done.asked[:MOST]]
    if rows:
        shape = [Column("call"), Column("agent"), Column("recorded in"), Column("what came of it")]
        yield from columns(shape, rows, look, 2)
    if len(done.asked) > MOST:
        yield Line(f"  {look.glyphs.ellipsis} {count(len(done.asked) - MOST, 'more call')}", "dim")


def _row(done: Replayed, one: Asked, look: Look, short: ShortIds) -> list[str]:
    missed = "not recorded" if done.verdict == "evidence_ends" else "MISS"
    remarks = ["served" if one.outcome == "served" else f"{missed}: {one.outcome.partition(';')[0]}"]
    if one.span_id in {change.span_id for change in done.changes if change.kind == "answer"}:
        remarks[0] = "served with the answer supposed"
    if one.assumed:
        remarks.append("asks something else")
    if one.volatile:
        remarks.append(f"masked {', '.join(one.volatile)}")
    if one.repeats:
        remarks.append(f"sent again by the client {look.glyphs.times}{one.repeats}")
    span = short(one.span_id) if one.span_id else ""
    return [str(one.number), look.text(one.agent or ""), look.text(span), look.text("; ".join(remarks))]


def _verified(done: Verification, look: Look) -> Iterator[Line]:
    right = Counter((one.api, one.stream) for one in done.results if one.problem is None)
    for api, stream in dict.fromkeys((one.api, one.stream) for one in done.results):
        total = sum((one.api, one.stream) == (api, stream) for one in done.results)
        equal = right[api, stream]
        words = f"{equal} of {total} read as recorded"
        yield Line(f"{api}{', streamed' if stream else ''}  ").add(words, "ok" if equal == total else "error")
    for one in done.problems:
        start = Line("  span ", "dim").add(look.text(one.span_id), "bold").add(f" {one.api}: ")
        yield from wrapped(start, look.text(one.problem or ""), Line("    "), look.width)
    for api, line in done.skipped:
        yield Line(f"{api}  ", "dim").add(f"not verified: {line}", "dim")
    if done.left_out:
        words = "without question or answer, or that failed"
        yield Line(f"{count(done.left_out, 'call')} {words}: left out", "dim")
    if not done.results:
        yield Line("not judged", "warn").add(": no call is recorded with question and answer")
