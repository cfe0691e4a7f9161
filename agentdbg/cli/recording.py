"""What is to be replayed: a span of the store or of trace files, or a case."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agentdbg.cli import nexts
from agentdbg.cli.asked import span_of, trace_of
from agentdbg.cli.opening import one_id, opened
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.opening import Opened
    from agentdbg.cli.options import Sources
    from agentdbg.model import Reader
    from agentdbg.replay.case import Case
    from agentdbg.replay.redacted import Redaction
    from agentdbg.replay.replayed import Replayed


@dataclass(frozen=True, slots=True)
class Recording:
    """Where to read what is replayed, and which span of it. `path` is the case's file, where it is a case."""

    reader: Reader
    trace_id: str
    span_id: str
    here: Opened | None = None
    case: Case | None = None
    path: str = ""

    @property
    def redaction(self) -> Redaction | None:
        """Needed where the recording hides something."""
        from agentdbg.replay.redacted import redaction_of

        return redaction_of(self.reader.trace(self.trace_id))

    def typed(self, commands: Sequence[str]) -> tuple[str, ...]:
        """The next commands as they are to be typed: with the files behind them, or on the case."""
        if self.here is not None:
            here = self.here
            return tuple(nexts.typed(here, command, self.trace_id) for command in commands)
        again = [command.partition(" -- ")[1:] for command in commands if command.startswith("agentdbg replay ")]
        return tuple(f"agentdbg replay {shlex.quote(self.path)}{''.join(program)}" for program in again)

    def told(self, done: Replayed) -> Replayed:
        """What came of a replay, its next commands as `typed`."""
        from agentdbg.replay.replayed import of_case

        if self.case is not None:
            return of_case(done, shlex.quote(self.path), self.case.is_whole)
        assert self.here is not None
        return replace(done, findings=tuple(nexts.in_findings(self.here, done.findings)), next=self.typed(done.next))


@contextmanager
def recording(asked: Sequence[str], sources: Sources) -> Iterator[Recording]:
    """What `SPAN_ID [PATH]...` or `CASE` means. A trace's id stands for the whole run."""
    from agentdbg.replay.case_file import is_case, read

    if len(asked) > 1 and all(map(is_case, asked)):
        raise AgentdbgError(f"one case at a time, not {len(asked)}", f"agentdbg replay {asked[0]}")
    if len(asked) == 1 and is_case(asked[0]):
        case = read(asked[0])
        yield Recording(case.reader, case.trace.trace_id, case.span_id, case=case, path=asked[0])
        return
    span, paths = one_id(asked, "span")
    with opened(paths, sources, [span]) as here:
        trace_id, span_id = _span_or_run(here, span)
        yield Recording(here.store.reader(), trace_id, span_id, here)


def _span_or_run(here: Opened, asked: str) -> tuple[str, str]:
    from agentdbg.replay.inspect import WHOLE_RUN

    try:
        return span_of(here, asked)
    except AgentdbgError as unknown:
        try:
            return trace_of(here, asked), WHOLE_RUN
        except AgentdbgError:
            raise unknown from None
