"""All detectors over one pass of the traces: a trace is loaded once, whoever looks at it, and is gone before the next
ones come.

A detector is plain code that asks the reader for its traces and goes through them. For many of them to share a pass,
each runs in a thread of its own, of which only one works at any time: whoever asks for traces waits until the others
have asked as well, then the traces that any of them wants are loaded, some at a time, and each in turn is given its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from agentdbg.detectors import id_of
from agentdbg.errors import OutOfMemory
from agentdbg.model import Detector, Finding, Reader, RunFigures, Skipped, Trace

_AT_ONCE = 2_000
"""Spans from which no further trace joins those that are held at once."""
Told = Finding | Skipped
T = TypeVar("T")


class _Stopped(BaseException):
    """Another detector failed, or the user gave up."""


def found(reader: Reader, detectors: Sequence[Detector]) -> Iterator[list[Told]]:
    """What each detector finds over the reader's traces, as `find` tells it, in the order of the detectors."""
    turns = [_Turn(detector, reader) for detector in detectors]
    try:
        for turn in turns:
            turn.begin()
        while waiting := [turn for turn in turns if turn.wanted is not None]:
            _one_pass(reader, waiting)
        yield from (turn.told for turn in turns)
    finally:
        for turn in turns:
            turn.stop()


def _one_pass(reader: Reader, waiting: Sequence[_Turn]) -> None:
    """Gives each of them all the traces it asked for."""
    wanted = {turn: turn.wanted or frozenset() for turn in waiting}
    for some in _some_at_a_time(reader.traces(sorted(frozenset().union(*wanted.values())))):
        for turn in waiting:
            own = [trace for trace in some if trace.trace_id in wanted[turn]]
            if own and turn.wanted is wanted[turn]:  # else it left off early and waits for the next pass
                turn.go_on(own)
    for turn in waiting:
        if turn.wanted is wanted[turn]:
            turn.go_on(None)


def _some_at_a_time(traces: Iterable[Trace]) -> Iterator[list[Trace]]:
    held: list[Trace] = []
    spans = 0
    for trace in traces:
        if held and spans + len(trace.spans) > _AT_ONCE:
            yield held
            held, spans = [], 0
        held.append(trace)
        spans += len(trace.spans)
    if held:
        yield held


class _Turn:
    """A detector in its thread, and the reader that it is given. wanted: the traces it waits for; None once it is
    through. told: what it found."""

    def __init__(self, detector: Detector, reader: Reader) -> None:
        self.wanted: frozenset[str] | None = None
        self.told: list[Told] = []
        self._detector = detector
        self._reader = reader
        self._given: SimpleQueue[list[Trace] | _Stopped | None] = SimpleQueue()
        self._asks: SimpleQueue[frozenset[str] | BaseException | None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._is_asking = False

    def begin(self) -> None:
        """Runs until it asks for traces or is through."""
        self._thread.start()
        self._wait()

    def go_on(self, traces: list[Trace] | None) -> None:
        """The same, from where it waits: with the next of its traces, or None after the last."""
        self._given.put(traces)
        self._wait()

    def stop(self) -> None:
        """Ends its thread, wherever it is."""
        self._given.put(_Stopped())
        if self._thread.ident is not None:
            self._thread.join()

    def _wait(self) -> None:
        asked = self._asks.get()
        if isinstance(asked, BaseException):
            raise asked
        self.wanted = asked

    def _run(self) -> None:
        try:
            self.told = list(self._detector.find(self))
        except OutOfMemory:  # the others are judged all the same
            self.told = [Skipped(id_of(self._detector), None, "so many runs take more memory than there may be")]
            self._asks.put(None)
        except BaseException as error:  # raised anew where it is waited for
            self._asks.put(error)
        else:
            self._asks.put(None)

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        return self._reader.rows(sql, **args)

    def everywhere(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        return self._reader.everywhere(sql, **args)

    def once(self, make: Callable[[Reader], T]) -> T:
        return self._reader.once(make)

    def trace_ids(self) -> Sequence[str]:
        return self._reader.trace_ids()

    def baseline(self) -> Sequence[RunFigures]:
        return self._reader.baseline()

    def trace(self, trace_id: str) -> Trace:
        return self._reader.trace(trace_id)

    def traces(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        ids = list(trace_ids)
        if self._is_asking or ids != sorted(set(ids)):  # the pass gives each trace once, by id
            yield from self._reader.traces(ids)
        elif ids:
            yield from self._shared(frozenset(ids))

    def _shared(self, wanted: frozenset[str]) -> Iterator[Trace]:
        self._is_asking = True
        try:
            while True:
                self._asks.put(wanted)
                some = self._given.get()
                if isinstance(some, _Stopped):
                    raise some
                if some is None:
                    return
                yield from some
        finally:
            self._is_asking = False
