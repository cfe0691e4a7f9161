"""A line on stderr that tells how far reading has come: on a terminal, when it takes more than a second."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from agentdbg.view.clean import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE_S = 1.0


class Progress:
    """Use as a context manager; call with (source, spans read of it so far), or `doing` with what else takes time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Bar | None = None
        self._spans: dict[str, int] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, source: str, spans: int) -> None:
        self._spans[source] = spans
        self.doing(f"reading {source}")

    def doing(self, what: str) -> None:
        """Say what is going on, if it has gone on for long enough."""
        if not sys.stderr.isatty() or time.monotonic() - self._began < _PATIENCE_S:
            return
        if self._bar is None:
            self._bar = _bar()
        elapsed = time.monotonic() - self._began
        read = sum(self._spans.values())
        self._bar.update(
            self._bar.task_ids[0], description=one_line(what), spans=f"{read:,} spans, {read / elapsed:,.0f} a second"
        )


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[spans]}", markup=False),
    )
    bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=None, spans="")
    bar.start()
    return bar
