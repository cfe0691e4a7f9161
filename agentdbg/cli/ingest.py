"""`agentdbg ingest`."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg.cli import messages
from agentdbg.cli.interrupts import interruptible
from agentdbg.cli.opening import baseline_of, import_options, no_trace_at_all, nothing_read
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import targets, write
from agentdbg.cli.progress import Progress
from agentdbg.errors import NOT_JUDGED

if TYPE_CHECKING:
    from agentdbg.config import Config
    from agentdbg.reporters.ingest import Ingested
    from agentdbg.store import FileReport, ImportOptions, Store


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, quoted globs, - for stdin.")],
    no_detect: Annotated[bool, typer.Option("--no-detect", help="Only read; `show` and `check` judge later.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, metavar="N", help="Processes that read; else one a processor for large inputs."),
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Placeholders for secrets and personal data; see docs/replay.md.")
    ] = False,
) -> None:
    """Read traces into the store and judge them.

    The store is made where there is none. Reading the same files again adds nothing. What could not be read is told by
    file and line. Exit 2 when a named file holds no trace; the others are kept.

    \b
    Examples:
      agentdbg ingest traces.jsonl
      agentdbg ingest exports/ 'more/**/*.json.gz'
      agentdbg ingest odd.jsonl --map agent=meta.worker --map trace_id=run
      kubectl logs collector | agentdbg ingest -
    """
    from agentdbg.config import STORE, load, nearest_store
    from agentdbg.reporters import ingest as pages
    from agentdbg.store import Store

    config = load(sources.config, Path.cwd())
    targets(drawing, {"text": None, "json": None})  # a wrong --format is told before an hour of reading
    with Store.create(sources.db or nearest_store(Path.cwd()) or Path.cwd() / STORE) as store:
        try:
            with interruptible():
                options = replace(import_options(sources, config), jobs=jobs, redact=redact)
                reports, judged = _take_in(store, paths, options, config, no_detect)
        except KeyboardInterrupt:
            messages.note("stopped: what was read whole is kept; the same command goes on from there")
            raise
        done = _told(store, reports, judged)
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(done, stream, look),
                "json": lambda stream, look: pages.as_json(done, stream),
            },
        )
    if any(report.state == "unreadable" for report in reports):
        raise typer.Exit(NOT_JUDGED)
    if nothing_read(reports):
        raise no_trace_at_all(paths)


def _take_in(
    store: Store, paths: list[str], options: ImportOptions, config: Config, no_detect: bool
) -> tuple[list[FileReport], list[str] | None]:
    """What became of the inputs, and which traces were judged; None where they were not to be."""
    from agentdbg.check.judging import judge_and_keep
    from agentdbg.importers import expand
    from agentdbg.store.ids import waiting_logs
    from agentdbg.view.units import count

    store.baseline = baseline_of(config)
    with Progress() as progress:
        began = time.monotonic()
        reports = store.ingest(expand(paths), options, progress)
        took = time.monotonic() - began
        judged = None
        if not no_detect:
            progress.doing("judging")
            judged = judge_and_keep(store, config.detectors)
    spans = sum(report.spans for report in reports)
    if spans:
        rate = f", {spans / took:,.0f} a second" if took > 1 else ""  # below, it would tell the start-up time
        messages.plain(f"{spans:,} spans in {took:.1f} s{rate}")
    if any(report.logs for report in reports) and (waiting := waiting_logs(store.reader())):
        messages.note(
            f"{count(waiting, 'log record')} without a span: they count when the file with theirs is read too"
        )
    return reports, judged


def _told(store: Store, reports: list[FileReport], judged: list[str] | None) -> Ingested:
    from agentdbg.reporters.ingest import FileLine, Ingested
    from agentdbg.store.reports import READ

    new = {report.source for report in reports if report.state in (*READ, "note")}
    reader = store.reader()
    kept = [note for note in reader.notes() if note.source in new or note.source.rpartition(":")[0] in new]
    traces = frozenset(judged or ())
    findings = [one for one in reader.findings() if one.trace_id in traces and one.confidence != "hint"]
    return Ingested(
        store=str(store.path),
        files=[
            FileLine(
                source=one.source,
                state=one.state,
                spans=one.spans,
                logs=one.logs,
                known=one.known,
                why=one.error.message if one.error else None,
                hint=one.error.hint if one.error else None,
            )
            for one in reports
        ],
        notes=[*kept, *(note for report in reports for note in report.notes)],
        judged=None if judged is None else len(judged),
        findings=dict(Counter(one.severity for one in findings)),
    )
