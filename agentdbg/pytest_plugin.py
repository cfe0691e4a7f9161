"""The fixture `agentdbg_case` and its marker. Nothing of agentdbg is loaded until a test asks for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agentdbg.replay.journal import Request
    from agentdbg.replay.matching import Mode
    from agentdbg.replay.replayed import Replayed

_LINES = 20
"""Lines that are shown of a difference, and of what the program printed last."""
_MARKER = (
    "agentdbg_case(path, program=[...], target='module:function'): what the fixture agentdbg_case runs; the path is"
    " seen from the test's folder"
)
_NOTHING_TO_RUN = (
    "the marker names nothing to run: @pytest.mark.agentdbg_case(path, program=['python', 'app.py']) or"
    " target='module:function'"
)
_MODES = ("content", "strict", "ordered")
_LISTS = {"program", "args", "tools", "allow_network"}
_TAKEN = _LISTS | {"target", "mode", "hard", "soft", "off", "cwd"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def agentdbg_case(request: pytest.FixtureRequest) -> CaseRun:
    """The case that the test's marker names, ready to run."""
    marker = request.node.get_closest_marker("agentdbg_case")
    return case_run(marker, request.path.parent, request.config.rootpath)


def case_run(marker: pytest.Mark | None, folder: Path, root: Path) -> CaseRun:
    """What a marker means in this folder; UsageError for what would silently mean something else."""
    if marker is None or not marker.args:
        raise pytest.UsageError("agentdbg_case: no case is named: @pytest.mark.agentdbg_case('x.case.json', …)")
    told: dict[str, Any] = {"cwd": root, **marker.kwargs}
    if unknown := sorted(set(told) - _TAKEN):
        raise pytest.UsageError(f"agentdbg_case: takes no {unknown[0]}, but {', '.join(sorted(_TAKEN))}")
    if single := sorted(name for name in _LISTS & set(told) if isinstance(told[name], str)):
        raise pytest.UsageError(f"agentdbg_case: {single[0]} is a list of texts, not {told[single[0]]!r}")
    if told.get("mode", _MODES[0]) not in _MODES:
        raise pytest.UsageError(f"agentdbg_case: mode is one of {', '.join(_MODES)}, not {told['mode']!r}")
    return CaseRun(folder / marker.args[0], **told)


@dataclass(frozen=True, slots=True)
class CaseRun:
    """A case and how its program is run, in words of `agentdbg replay`'s options. `python` at the beginning of a
    program is the interpreter that runs pytest. cwd: where it runs, the project's root unless told otherwise."""

    path: Path
    program: Sequence[str] | None = None
    target: str | None = None
    args: Sequence[str] = ()
    mode: Mode = "content"
    hard: str = ""
    soft: str = ""
    off: str = ""
    tools: Sequence[str] = ()
    allow_network: Sequence[str] = ()
    cwd: Path | None = None
    _printed: list[str] = field(default_factory=list, init=False)
    _parted: list[Request] = field(default_factory=list, init=False)

    def run(self) -> Replayed:
        """Run the program with the recorded answers. AgentdbgError where there is nothing to run."""
        from secrets import token_urlsafe

        from agentdbg.replay.case_file import read
        from agentdbg.replay.matching import HARD, USUAL
        from agentdbg.replay.program import of_target, run
        from agentdbg.replay.redacted import redaction_of
        from agentdbg.replay.replayed import of_case
        from agentdbg.replay.rerun import layers, prepare
        from agentdbg.replay.server import served
        from agentdbg.replay.tape import Policies
        from agentdbg.replay.verdict import judge

        case = read(str(self.path))
        weights = layers(self.hard, self.soft, self.off, HARD if self.mode == "strict" else USUAL)
        ready = prepare(
            case.reader, case.trace.trace_id, case.span_id, Policies.of(self.tools), self.mode, weights,
            self.target is not None, self.args, redaction=redaction_of(case.trace),
        )  # fmt: skip
        line = of_target(self.target) if self.target is not None else _here(self.program or ())
        token = token_urlsafe()
        with (
            served(ready.playback, token) as address,
            TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        ):
            code = run(line, address, token, self.allow_network, self.cwd, output.fileno())
            output.seek(0)
            self._printed[:] = output.read().splitlines()
        self._parted[:] = [one for one in ready.playback.journal.requests if one.match.difference is not None]
        return of_case(judge(ready, code), str(self.path), case.is_whole)

    def assert_reproduced(self) -> None:
        """Fail with the page that `agentdbg replay` shows where the program does not do what was recorded."""
        __tracebackhide__ = True
        from agentdbg.errors import AgentdbgError

        if self.target is None and not self.program:
            pytest.skip(_NOTHING_TO_RUN)
        try:
            done = self.run()
            told = "" if done.verdict == "reproduced" else self._page(done)
        except AgentdbgError as problem:
            told = f"{problem.message}\n{problem.hint or ''}"
        if told:  # out here, since pytest shows what is being handled beside what is told
            pytest.fail(told, pytrace=False)

    def _page(self, done: Replayed) -> str:
        """In a few lines what parts, then all of it."""
        import io

        from agentdbg.replay.difference import side_by_side
        from agentdbg.reporters.rerun import text
        from agentdbg.reporters.terminal import Look

        told = [f"{self.path.name}: {done.reason}"]
        for request in self._parted[:1]:
            if found := request.match.difference:
                told += [
                    f"call {request.number}, {found.path}",
                    *(f"  {line}" for line in side_by_side(found)[:_LINES]),
                ]
        page = io.StringIO()
        text(done, page, Look(width=100))
        told += ["", page.getvalue().rstrip()]
        if self._printed:
            told += ["", "the program printed:", *(f"  {line}" for line in self._printed[-_LINES:])]
        return "\n".join(told)


def _here(program: Sequence[str]) -> list[str]:
    name, *rest = program
    return [sys.executable if name in ("python", "python3") else name, *rest]
