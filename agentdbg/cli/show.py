"""`agentdbg show`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from agentdbg.cli import messages
from agentdbg.cli.asked import trace_of, worst_recent
from agentdbg.cli.judged import of_trace
from agentdbg.cli.nexts import in_findings, typed
from agentdbg.cli.opening import opened, split
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import write
from agentdbg.cli.times import length_ns
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.model import Trace
    from agentdbg.view.show import Options

Kinds = Literal["workflow", "agent", "llm", "tool", "retriever", "state", "guard", "other"]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which spans are shown, and how closely."""

    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Only spans of this agent.")] = None
    kind: Annotated[Kinds | None, typer.Option(help="Only spans of this kind.")] = None
    status: Annotated[Literal["error"] | None, typer.Option(help="Only spans that failed.")] = None
    min_time: Annotated[str | None, typer.Option(metavar="2s", help="Only spans that took at least so long.")] = None
    grep: Annotated[str | None, typer.Option(metavar="TEXT", help="Only spans that hold it, payloads too.")] = None
    path: Annotated[bool, typer.Option("--path", help="Only what the run waited for.")] = False
    findings: Annotated[bool, typer.Option("--findings", help="Only spans that a finding is about.")] = False
    expand: Annotated[
        list[str], typer.Option(metavar="ID|all", help="Open a fold (C1), a span, or all; repeatable.")
    ] = ()  # type: ignore[assignment]  # typer makes a list of it
    no_fold: Annotated[bool, typer.Option("--no-fold", help="Fold nothing.")] = False
    depth: Annotated[int | None, typer.Option(min=1, metavar="N", help="Levels of the tree; else what fits.")] = None

    def options(self) -> Options:
        """The same for the view."""
        from agentdbg.view.select import Filter
        from agentdbg.view.show import Options

        least = length_ns(self.min_time, "--min-time") if self.min_time else None
        chosen = Filter(
            self.agent, self.kind, self.status == "error", least, self.grep, path=self.path, findings=self.findings
        )
        return Options(
            depth=self.depth,
            fold=not self.no_fold,
            expand=frozenset(self.expand),
            filter=None if chosen == Filter() else chosen,
        )


def command(
    narrowing: Narrowing,
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="[TRACE_ID] [PATH]...",
            default_factory=list,
            show_default=False,
            help="A run (4 characters of its id, or `latest`), trace files.",
        ),
    ],
    sketch: Annotated[
        bool, typer.Option("--sketch", help="As a sketch, one span a line: for tests and bug reports.")
    ] = False,
) -> None:
    """One run as a tree, findings at their rows.

    Without an id it is the worst run of the newest hour. Filters leave what stands above the spans they ask for.

    \b
    Examples:
      agentdbg show run.jsonl
      agentdbg show latest
      agentdbg show 4bf9 --agent researcher --expand C1
      agentdbg show 4bf9 run.jsonl --json
    """
    _ahead("agentdbg.view.show", "agentdbg.reporters.terminal", "agentdbg.check.judging")
    ids, paths = split(asked)
    if len(ids) > 1:
        raise AgentdbgError(
            f"one run at a time, not {len(ids)}: {', '.join(ids)}",
            "`agentdbg traces` lists runs; files that do not exist are taken for ids",
        )
    if sketch:
        drawing = replace(drawing, formats=[*drawing.formats, "sketch"])
    with opened(paths, sources, ids) as here:
        from agentdbg.reporters import terminal
        from agentdbg.reporters.json import show as as_json
        from agentdbg.view.show import show

        trace_id = trace_of(here, ids[0]) if ids else worst_recent(here)
        trace = here.store.reader().trace(trace_id)
        view = show(trace, () if sketch else of_trace(here, trace_id).findings, narrowing.options())
        view = replace(view, next=typed(here, view.next, trace_id), findings=tuple(in_findings(here, view.findings)))
        for name in view.unknown:
            messages.note(f"--expand {name}: there is no such fold or span here")
        write(
            drawing,
            {
                "text": lambda stream, look: terminal.show(view, stream, look),
                "json": lambda stream, look: as_json(view, stream),
                "sketch": lambda stream, look: _as_sketch(trace, stream),
            },
        )


def _ahead(*modules: str) -> None:
    """Import modules while DuckDB opens the store, which waits for the disk and for threads of its own."""

    def work() -> None:
        with suppress(ImportError):  # whoever needs it says so
            for module in ("duckdb", *modules):  # waits for the one that imports duckdb already
                import_module(module)

    Thread(target=work, daemon=True).start()


def _as_sketch(trace: Trace, stream: TextIO) -> None:
    from agentdbg.sketch import write as sketch_of

    stream.write(sketch_of(trace))
