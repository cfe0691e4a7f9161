"""Reading in several processes: each reads whole files, or stretches of lines of a large one, and hands back packs; the
database has one writer, this process, which takes them in the order of the inputs. So the store is the same however
many processes there are."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input, Opened, format_of, nothing_in, open_input, read_input, read_lines
from agentdbg.importers.notes import Notebook
from agentdbg.store.collecting import uncollected
from agentdbg.store.files import Content
from agentdbg.store.packs import Pack, below, packed

STRETCH = 4 << 20  # bytes of lines that a process reads at a time: what it made of them is in memory as a whole
WHOLE = 16 << 20  # a file of other forms that is longer is read by the process that stores it
HELD = 128 << 20  # bytes of what was read of such a file: a compressed one may hold anything
BY_LINE = frozenset({"otlp-json", "langsmith"})
"""Formats in which every line says all by itself."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one process is to read: `part` of an input (None: all of it). format: of a stretch of lines."""

    item: Input
    forced: str | None
    mapping: Mapping[str, str]
    part: tuple[int, int] | None
    format: str | None = None


@dataclass(slots=True)
class Result:
    """What was read: up to an error, where there is one. lines: how many lines it was."""

    packs: list[Pack] = field(default_factory=list)
    importer: str = ""
    lines: int = 0
    error: AgentdbgError | None = None


def tasks(item: Input, forced: str | None, mapping: Mapping[str, str], content: Content) -> Iterator[Task]:
    """An input in parts that can be read side by side; none where it is to be read here."""
    size, by_line = content.bytes, content.head is not None
    if size <= STRETCH or (size <= WHOLE and not by_line):
        yield Task(item, forced, mapping, (0, size) if by_line else None)
    elif by_line and (name := format_of(item, forced, mapping)) in BY_LINE:
        for part in _stretches(item.path, size):
            yield Task(item, forced, mapping, part, name)


def _stretches(path: str, size: int) -> Iterator[tuple[int, int]]:
    with open(path, "rb") as file:
        start = 0
        while start < size:
            file.seek(min(size, start + STRETCH))
            file.readline()
            end = min(size, file.tell())
            yield start, end
            start = end


def read(task: Task) -> Result | None:
    """Runs in a process of its own. None where the input holds more than is good to have in memory as a whole."""
    result, held = Result(), 0
    with uncollected():
        try:
            if task.format is not None and task.part is not None:
                result.packs += packed(read_lines(task.item, task.format, task.part))
                result.importer, result.lines = task.format, _lines(task.item.path, *task.part)
            else:
                reading = read_input(task.item, forced=task.forced, mapping=task.mapping, opener=_opener(task))
                result.importer = reading.importer or ""
                for pack in packed(reading):
                    result.packs.append(pack)
                    if pack.spans is not None and (held := held + pack.spans.nbytes) > HELD:
                        return None
        except AgentdbgError as error:
            result.error = error
    return result


def _opener(task: Task) -> Callable[[str], Opened]:
    if task.part is not None:
        return lambda path: open_input(path, task.part)
    from agentdbg.store.columnar import opened  # brings the database with it

    return opened


def _lines(path: str, start: int, end: int) -> int:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(end - start).count(b"\n")


class Ahead:
    """Tasks under way: a few more than there are processes, so that none of them waits and memory is bounded. tasks:
    (name of the input, task) in the order of the inputs."""

    def __init__(self, executor: ProcessPoolExecutor, tasks: Iterator[tuple[str, Task]], jobs: int) -> None:
        self._executor, self._tasks, self._most = executor, tasks, jobs + 1
        self._running: deque[tuple[str, Task, Future[Result | None]]] = deque()

    def results(self, name: str) -> Iterator[tuple[Task, Result | None]]:
        """What was read of the input that is next, part by part; nothing where it is to be read here."""
        self._start()
        while self._running and self._running[0][0] == name:
            _, task, future = self._running.popleft()
            result = future.result()
            self._start()
            yield task, result

    def _start(self) -> None:
        while len(self._running) < self._most and (following := next(self._tasks, None)):
            self._running.append((*following, self._executor.submit(read, following[1])))


def joined(results: Iterable[tuple[Task, Result | None]]) -> Iterator[Pack]:
    """The packs of an input that was read in parts, as if one process had read it. Raises what reading it ended
    with."""
    notes = Notebook()
    lines = 0
    empty, told = True, None
    for task, result in results:
        assert result is not None  # of the only part of an input: it is read elsewhere then
        for pack in below(result.packs, lines):
            empty = empty and pack.spans is None and not pack.logs
            for note in pack.notes:
                notes.take(note)
            pack.notes = notes.drain()
            yield pack
        if result.error is not None:
            raise result.error
        lines += result.lines
        told = task
    rest = notes.finish()
    if empty and told is not None and told.format is not None:
        rest += nothing_in(told.item, told.format)
    yield Pack(None, [], rest)


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that read. One that dies is an AgentdbgError; none outlives this one."""
    executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)
    try:
        yield executor
    except BrokenProcessPool as error:
        raise AgentdbgError(
            "a process that read along was killed or died, maybe for want of memory",
            "--jobs 1 reads in one process; what was read whole is kept, and the same command goes on from there",
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """A Ctrl-C is the parent's to hear, and a child whose parent was killed ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
