"""`agentdbg demo`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentdbg.cli.opening import look_into
from agentdbg.cli.options import Sources
from agentdbg.errors import FINDINGS, AgentdbgError

STORY = "cut-json"
"""The sample whose failure is looked at more closely."""


def command() -> None:
    """The whole tour on bundled traces.

    Read, list, show a failure, replay it, and the gate with its exit code.

    Nothing is configured, nothing is kept, no network is used. Each step prints the command that it runs.

    \b
    Example:
      agentdbg demo
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="agentdbg-demo-") as folder, _tour(samples(), Path(folder)):
        _step("Traces of several frameworks go into one store, and are judged as they come in.", "ingest", ".")
        _step("A line a run, the worst first.", "traces", "--sort", "findings")
        trace_id, span_id = _failure()
        _step("One failed run as a tree: what went wrong stands where it went wrong.", "show", trace_id)
        _step("What exactly was the agent given that went wrong, and can that be replayed?", "replay", span_id)
        _step(
            "The same as a gate for CI, on files and without a store: exit 1 where there are findings.",
            "check",
            STORY,
            expected=FINDINGS,
        )
    _say("\nThat was it. Now your own: agentdbg show FILE, or agentdbg explain --symptoms\n")


def samples() -> Path:
    """The folder of bundled traces: in the package where it is installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "sample_traces", package.parent / "sample_traces"):
        if place.is_dir():
            return place
    raise AgentdbgError("the bundled traces are not there", "install agentdbg anew: they are part of the package")


@contextmanager
def _tour(folder: Path, own: Path) -> Iterator[None]:
    """Work in the folder of the samples, with a store and a configuration of the tour's own in `own`.

    The environment tells of them, so that commands are printed as they are typed. Without its own configuration the
    tour would go by one in a folder above the samples.
    """
    before = Path.cwd()
    environment = dict(os.environ)
    nothing = own / "agentdbg.toml"
    nothing.touch()
    os.environ.update(AGENTDBG_DB=str(own / "demo.duckdb"), AGENTDBG_CONFIG=str(nothing), PAGER="")
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)


def _step(words: str, *arguments: str, expected: int = 0) -> None:
    """Say what comes, print the command, run it. AgentdbgError where it does not do what the tour is about to tell."""
    from agentdbg.cli.main import main

    typed = f"agentdbg {shlex.join(arguments)}"
    _say(f"\n# {words}\n$ {typed}\n")
    found = main(arguments)
    if found != expected:
        raise AgentdbgError(f"the tour stopped: {typed} gave exit code {found}, not {expected}")
    _say(f"(exit code {found})\n" if expected else "")


def _failure() -> tuple[str, str]:
    """(trace id, span id) of the worst finding in the story's run."""
    from agentdbg.check.judging import judgement

    with look_into([STORY], Sources(config=Path(os.environ["AGENTDBG_CONFIG"]))) as here:
        for finding in judgement(here.store, here.config.detectors)[0].findings:
            return finding.trace_id, finding.primary.span_id
    raise AgentdbgError(f"the tour stopped: nothing was found in the sample {STORY}")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
