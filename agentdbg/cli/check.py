"""`agentdbg check`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentdbg.cli import messages
from agentdbg.cli.interrupts import interruptible
from agentdbg.cli.nexts import in_findings
from agentdbg.cli.opening import baseline_of, known_of, look_into
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import targets, write

if TYPE_CHECKING:
    from agentdbg.check.gate import Evidenced
    from agentdbg.cli.opening import Opened
    from agentdbg.model import Note

Thresholds = Literal["critical", "high", "medium", "low", "info", "never"]


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Paths,
    ignore: Annotated[
        list[str],
        typer.Option(
            metavar="DETECTOR",
            default_factory=list,
            show_default=False,
            help="Suppress what this detector finds; repeatable.",
        ),
    ],
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Runs to compare with, and findings that are known and fail nothing; "
            "else agentdbg.baseline.json beside the configuration.",
        ),
    ] = None,
    fail_on: Annotated[
        Thresholds | None, typer.Option(help="The least severity that fails the build; hints never do. Default high.")
    ] = None,
) -> None:
    """Judge every trace: the gate of a build.

    Exit 0: nothing at the threshold. 1: findings. 2: could not judge, such as a named file without a trace, whose good
    neighbours are judged all the same.

    \b
    Examples:
      agentdbg check traces/*.jsonl
      agentdbg check traces/ --fail-on medium --format json=report.json
      agentdbg check --ignore silent.empty
      agentdbg check new/ --baseline agentdbg.baseline.json
    """
    from agentdbg.check.gate import Rules, exit_code, gate
    from agentdbg.reporters import terminal
    from agentdbg.reporters.json import check as as_json

    targets(drawing, {"text": None, "json": None})
    with look_into(paths, sources, keep_partial=True) as here:
        config = replace(here.config, baseline=baseline or here.config.baseline)
        here.store.baseline = baseline_of(config)
        known = {one.fingerprint: one.severity for one in known_of(config)}
        today = datetime.now(UTC).date()
        rules = Rules(today, fail_on or config.fail_on, frozenset(ignore), config.suppressions, known)
        report = gate(_evidenced(here), rules)
        write(
            drawing,
            {
                "text": lambda stream, look: terminal.check(report, stream, look),
                "json": lambda stream, look: as_json(report, stream),
            },
        )
    raise typer.Exit(exit_code(report))


def _evidenced(here: Opened) -> Evidenced:
    """What there is to judge by; after a Ctrl-C what there was until then."""
    from agentdbg.check.alerts import alerts
    from agentdbg.check.contracts import broken
    from agentdbg.check.gate import Evidenced
    from agentdbg.check.judging import judgement
    from agentdbg.view.listing import summaries

    reader = here.store.reader()
    traces = summaries(reader)
    notes = _notes(here)
    unread = [report.source for report in here.unread]
    try:
        with interruptible():
            found, now = judgement(here.store, here.config.detectors)
    except KeyboardInterrupt:
        return Evidenced(traces, reader.findings(), reader.skipped(), notes, unread, "interrupted while judging")
    if now and not here.from_files:
        messages.note(f"{len(now)} of {len(traces)} traces judged now: the store holds no findings for them that fit")
    told, undeclared = broken(reader, here.config.contracts, found.findings)
    alarms, unjudged = alerts(reader, found.findings, here.config.alerts, here.config.alert_severity)
    findings = in_findings(here, [*told, *alarms])
    return Evidenced(traces, findings, [*found.skipped, *undeclared, *unjudged], notes, unread, here.cut_short)


def _notes(here: Opened) -> list[Note]:
    """Inputs that hold no trace, so that whoever reads the report is told as well, and what is odd in the others.

    Files in folders that are something else make one note together.
    """
    from agentdbg.model import Note
    from agentdbg.store.ids import stranded
    from agentdbg.view.units import count

    out: list[Note] = []
    for report in here.unread:
        if report.error is not None:
            message = report.error.message.removeprefix(report.source).lstrip(": ")  # the note names the source
            out.append(Note("error", report.source, message, report.error.hint or ""))
        out += report.notes
    foreign = [report.source for report in here.reports if report.state == "note"]
    out += [note for note in here.store.reader().notes() if note.source not in foreign]
    if lone := stranded(here.store.reader()):
        out.append(Note("error", ", ".join(here.paths), lone.message, lone.hint or ""))
    if foreign:
        others = f" and {count(len(foreign) - 1, 'more file')}" if len(foreign) > 1 else ""
        out.append(Note("info", foreign[0], f"this{others} hold no trace" if others else "this holds no trace"))
    return out
