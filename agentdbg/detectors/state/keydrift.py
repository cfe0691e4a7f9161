"""state.keydrift: one agent writes under a key, another reads under a key like it and finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agentdbg.detectors.accesses import WHOLE, Access, accesses
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.emptiness import is_empty

_SHOWN = 4
_SHORTENED = 3
_OF_ONE_RECORD = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{20,}\b|(?<![A-Za-z0-9])\d+(?![A-Za-z0-9])")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


@dataclass(slots=True)
class _Run:
    """The accesses of one trace by the name of their key. filled: names of which a read gave something."""

    reads: dict[str, list[Access]] = field(default_factory=dict)
    writes: dict[str, list[Access]] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Keydrift:
    """Two names for one place in the state.

    **What it finds**: a key that is written and never read in a run, and a key that is read, always empty and never
    written, where the one took the place of the other: an earlier run read what was written, under the name that is
    still used by one side (high), or the two names are forms of the same words (medium). A key that gives something in
    any later run, or is written in any run by the same name, is none: it may only not be filled yet.

    **Why it matters**: a renamed key raises no error. The reader takes nothing for an answer and goes on politely.

    **Bad**:

        workflow shop
          agent ranker
            state save_tips state.key=product_tips state.op=write state.value=["lamp"]
          agent greeter
            state load_tips state.key=productTips state.op=read state.value=[]
            llm gpt-4o -> "There are no tips today."

    **Good**:

        workflow shop
          agent ranker
            state save_tips state.key=product_tips state.op=write state.value=["lamp"]
          agent greeter
            state load_tips state.key=product_tips state.op=read state.value=["lamp"]
            llm gpt-4o -> "Have a look at our lamp."

    **What to do**: keep names of keys in one place that both sides import, write under both names while a migration
    lasts, and let a reader tell "no such key" from "empty".
    """

    compares_runs: ClassVar = True

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace and pair of keys, at the first empty read."""
        runs: dict[str, _Run] = {}
        for access in sorted(accesses(reader), key=lambda one: (one.start_ns, one.trace_id, one.span_id)):
            if access.basis != "recorded" or not access.ok:
                continue
            run = runs.setdefault(access.trace_id, _Run())
            name = _name(access)
            (run.reads if access.verb == "read" else run.writes).setdefault(name, []).append(access)
            if access.verb == "read" and _gave_nothing(access) is False:
                run.filled.add(name)
        order = list(runs)
        judged = set(reader.trace_ids())
        pairs: dict[tuple[str, str], list[str]] = {}
        for trace_id, run in runs.items():
            for pair in _pairs(run):
                pairs.setdefault(pair, []).append(trace_id)
        for (written, read), traces in sorted(pairs.items()):
            first = order.index(traces[0])
            before, after = [runs[i] for i in order[:first]], [runs[i] for i in order[first:]]
            if any(read in run.writes or read in run.filled for run in after):
                continue
            swapped = _swapped(before, written, read)
            if swapped or (_are_forms(written, read) and not any(read in run.writes for run in before)):
                together = [runs[i] for i in traces]
                yield from (_finding(runs[i], written, read, swapped, together) for i in traces if i in judged)


def _name(access: Access) -> str:
    """The key without what tells one record from another: `user:42:tips` is `user:#:tips`."""
    return _OF_ONE_RECORD.sub("#", access.thing[0])


def _gave_nothing(read: Access) -> bool | None:
    """None where what a read gave is not recorded."""
    return is_empty(read.fields[WHOLE]) if WHOLE in read.fields else None


def _pairs(run: _Run) -> Iterator[tuple[str, str]]:
    """(written and never read, read and always empty) of one run."""
    lost = [name for name in run.writes if name not in run.reads]
    for read, found in run.reads.items():
        if read not in run.writes and all(_gave_nothing(one) for one in found):
            yield from ((written, read) for written in lost)


def _are_forms(one: str, other: str) -> bool:
    """Whether two names are made of the same words, however written or shortened. One word that differs names another
    thing: `draft_a` is not `draft_b`."""
    a, b = (_HUMP.sub(" ", name).lower().split() for name in (one, other))
    return len(a) == len(b) > 0 and all(_is_form(*words) for words in zip(a, b, strict=True))


def _is_form(word: str, other: str) -> bool:
    """Whether two words are one, or the one shortens the other: `recs` and `recommendations`."""
    few, many = sorted((word, other), key=len)
    return few == many or (len(few) >= _SHORTENED and many.startswith(few[:_SHORTENED]) and set(few) <= set(many))


def _swapped(before: Sequence[_Run], written: str, read: str) -> bool:
    """Whether an earlier run read what was written under one of the two names, and knew nothing of the other."""
    for run in before:
        for here, other in ((written, read), (read, written)):
            if here in run.writes and here in run.filled and other not in run.writes and other not in run.reads:
                return True
    return False


def _finding(run: _Run, written: str, read: str, swapped: bool, runs: Sequence[_Run]) -> Finding:
    first, write = run.reads[read][0], run.writes[written][0]
    reader, writer = first.agent or "the program", write.agent or "the program"
    asked, kept = first.thing[0], write.thing[0]
    empty = sum(len(one.reads[read]) for one in runs)
    since = f"{counted(empty, 'read')} in {counted(len(runs), 'run')} found nothing"
    why = "earlier runs used one name for both" if swapped else "the two names are forms of the same words"
    return Finding(
        detector="state.keydrift",
        severity="high" if swapped else "medium",
        confidence="likely",
        title=clipped(f"{reader} reads `{asked}`, {writer} writes `{kept}`", 100),
        message=(
            f"{reader} reads `{asked}` and finds nothing, while {writer} writes `{kept}`, which "
            f"nobody reads; {why}. {since}."
        ),
        trace_id=first.trace_id,
        agent=first.agent or None,
        evidence=(
            Evidence(first.span_id, "primary", f"{reader} reads `{asked}`: empty"),
            Evidence(write.span_id, "related", f"{writer} writes `{kept}`"),
            *(Evidence(again.span_id, "related", "empty again") for again in run.reads[read][1:_SHOWN]),
        ),
        advice=(
            f"Use one name for `{written}` and `{read}`, kept in one place that both sides import; while a migration "
            "lasts, write under both."
        ),
        next=f"agentdbg span {short(first.span_id, [first.span_id, write.span_id])}",
        key=f"{written} / {read}",
    )
