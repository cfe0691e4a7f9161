"""Detectors side by side: they share one pass of the traces and find what each would find alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import active_count

import pytest

from agentdbg.detectors.abreast import found
from agentdbg.errors import OutOfMemory
from agentdbg.model import Finding, Reader, Skipped, Trace


class Store:
    """Traces a to e of ten spans' silence; remembers which were loaded."""

    def __init__(self) -> None:
        self.loaded = ""

    def trace_ids(self) -> list[str]:
        return list("abcde")

    def traces(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        for trace_id in trace_ids:
            self.loaded += trace_id
            yield Trace(trace_id, "run", "ok", 0, 0, [])


@dataclass
class Seeing:
    """Tells which traces it sees, of one pass for each of its words; `!` is where it stops looking, `?` breaks it,
    `#` takes too much memory."""

    words: str

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        for word in self.words.split():
            for trace in reader.traces(word.rstrip("!?#")):
                yield Skipped("seeing", trace.trace_id, word)
                if word.endswith("!"):
                    break
                if word.endswith("?"):
                    raise ValueError("broken")
                if word.endswith("#"):
                    raise OutOfMemory("the store cannot be read")


@pytest.mark.parametrize(
    ("words", "told", "loaded"),
    [
        (["abc", "bcd", "e"], "abc bcd e", "abcde"),
        (["abc ab", "c"], "abcab c", "abcab"),  # who looks twice costs a second pass
        (["abc! de", "ab"], "ade ab", "abcde"),  # leaving off early keeps nobody back
        (["cab", "abc"], "cab abc", "cababc"),  # another order than that of the pass
        (["", "a"], " a", "a"),
    ],
)
def test_a_trace_is_loaded_once_for_all_who_look_at_it(words: list[str], told: str, loaded: str) -> None:
    store = Store()
    seen = [[one.trace_id or "" for one in each] for each in found(store, [Seeing(text) for text in words])]  # type: ignore[arg-type]
    assert " ".join("".join(each) for each in seen) == told
    assert store.loaded == loaded


def test_what_is_made_of_a_trace_is_made_once() -> None:
    trace = Trace("a", "run", "ok", 0, 0, [])
    assert trace.once(Trace.by_id) is trace.once(Trace.by_id)


def test_a_failing_detector_ends_all_of_them() -> None:
    before = active_count()
    with pytest.raises(ValueError, match="broken"):
        list(found(Store(), [Seeing("abc"), Seeing("ab?"), Seeing("c")]))  # type: ignore[arg-type]
    assert active_count() == before


def test_what_takes_too_much_memory_is_not_judged_and_the_others_are() -> None:
    told = list(found(Store(), [Seeing("abc"), Seeing("ab#"), Seeing("c")]))  # type: ignore[arg-type]
    assert [[one.reason for one in some] for some in told] == [  # type: ignore[union-attr]
        ["abc", "abc", "abc"],
        ["so many runs take more memory than there may be"],
        ["c"],
    ]
