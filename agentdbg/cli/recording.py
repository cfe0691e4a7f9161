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
    from agentdbg.replay.call import Traces
    from agentdbg.replay.case import Case
    from agentdbg.replay.redacted import Redaction
    from agentdbg.replay.replayed import Replayed


@dataclass(frozen=True, slots=True)
class Recording:
    """Where to read what is replayed, and which span of it. `path` is the case's file, where it is a case."""

    reader: Traces
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
    """What `SPAN_ID [PATH]...` or `[SPAN_ID] CASE` means. A trace's id stands for the whole run."""
    from agentdbg.replay.case_file import is_case, read

    cases = [one for one in asked if is_case(one)]
    if len(cases) > 1:
        raise AgentdbgError(f"one case at a time, not {len(cases)}", f"agentdbg replay {cases[0]}")
    if cases and len(asked) <= 2:
        case = read(cases[0])
        named = [one for one in asked if one not in cases]
        span_id = _span_in(case, named[0]) if named else case.span_id
        yield Recording(case.reader, case.trace.trace_id, span_id, case=case, path=cases[0])
        return
    span, paths = one_id(asked, "span")
    with opened(paths, sources, [span]) as here:
        trace_id, span_id = _span_or_run(here, span)
        yield Recording(here.store.reader(), trace_id, span_id, here)


def _span_in(case: Case, asked: str) -> str:
    """The span of a case that begins so."""
    found = [span.span_id for span in case.trace.spans if span.span_id.startswith(asked.lower())]
    if len(found) != 1:
        held = ", ".join(span.span_id for span in case.trace.spans if span.is_call)
        raise AgentdbgError(f"the case has no span {asked}", f"its model calls are in {held}")
    return found[0]


def _span_or_run(here: Opened, asked: str) -> tuple[str, str]:
    from agentdbg.replay.inspect import WHOLE_RUN

    try:
        return span_of(here, asked)
    except AgentdbgError as unknown:
        try:
            return trace_of(here, asked), WHOLE_RUN
        except AgentdbgError:
            raise unknown from None
