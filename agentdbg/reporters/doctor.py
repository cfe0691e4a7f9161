"""`doctor`: how whole the traces are in one line, then what is missing, worst first, and last the least whole runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, TextIO

from agentdbg.analysis.coverage import Coverage, Gap, RunCoverage
from agentdbg.analysis.gaps import KINDS
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, command, wrapped, write
from agentdbg.view.ids import ShortIds, short_trace_id
from agentdbg.view.units import count

MOST_RUNS = 10
MOST_FILES = 10
MOST_MENDS = 3
MOST_WORDS = 3
_LABEL = 9
_STYLE = {"lost": "error", "missing": "warn", "note": "dim"}


def text(found: Coverage, stream: TextIO, look: Look) -> None:
    """Draw the report."""
    write(_Page(found, look).lines(), stream, look)


def as_json(found: Coverage, stream: TextIO) -> None:
    """One object; fields may be added, never renamed. All bytes are ASCII."""
    told: dict[str, Any] = {
        "complete": found.complete,
        "runs_whole": found.whole_runs,
        "runs": [asdict(run) | {"whole": run.whole} for run in found.runs],
        "files": [asdict(file) for file in found.files],
        "gaps": [_gap(gap) for gap in found.gaps],
        "skipped": [asdict(one) for one in found.skipped],
    }
    document(told, stream)


def _gap(gap: Gap) -> dict[str, Any]:
    kind = KINDS[gap.kind]
    examples = [{"trace_id": trace_id, "span_id": span_id or None} for trace_id, span_id in gap.examples]
    return asdict(gap) | {
        "what": f"{kind.things[gap.count != 1]} {kind.words}",
        "prevents": kind.prevents,
        "examples": examples,
        "grades": dict(gap.grades),
    }


class _Page:
    def __init__(self, found: Coverage, look: Look) -> None:
        self.found = found
        self.look = look
        self.spans = ShortIds(span_id for gap in found.gaps for _, span_id in gap.examples)

    def lines(self) -> Iterator[Line]:
        yield from self._whole()
        yield from self._read()
        if self.found.complete:
            yield Line()
            yield Line("nothing is lost or missing", "ok")
        for gap in self.found.gaps:
            yield Line()
            yield from self._about(gap)
        yield from self._skipped()
        yield from self._runs()

    def _whole(self) -> Iterator[Line]:
        """The one line that says how whole all of it is."""
        found, total = self.found, self.found.total
        runs = f"{found.whole_runs} of {count(len(found.runs), 'run')}"
        words = f"100 %, {runs}" if found.complete else runs
        calls, answered = total("calls"), total("answered")
        if not calls:
            words += "; no model calls"
        else:
            words += (
                f"; model calls {total('with_tokens')} of {answered}{' answered' * (calls > answered)} with tokens, "
            )
            words += f"{total('with_payloads')} with prompts and answers, {total('with_model')} with a model, "
            words += f"{total('with_agent')}{f' of all {calls}' * (calls > answered)} with an agent"
        return iter(
            wrapped(Line("whole: ", "bold"), words, Line("  "), self.look.width, "ok" if found.complete else "")
        )

    def _read(self) -> Iterator[Line]:
        found, look = self.found, self.look
        copies = sum(file.copies for file in found.files)
        words = f"{count(len(found.files), 'file')}, {count(found.total('spans'), 'span')}"
        words += f", {count(copies, 'copy', 'copies')} of them left out" if copies else ""
        yield from wrapped(Line("read:  ", "bold"), words, Line("  "), look.width)
        odd = [file for file in found.files if file.copies or file.waiting_logs]
        if len(found.files) > 1:
            for file in odd[:MOST_FILES]:
                told = [count(file.spans, "span"), count(file.copies, "copy", "copies") if file.copies else ""]
                told.append(count(file.waiting_logs, "waiting log record") if file.waiting_logs else "")
                said = f"{look.text(file.path)} ({look.text(file.format)}): {', '.join(filter(None, told))}"
                yield from wrapped(Line("  "), said, Line("    "), look.width, "dim")
            if len(odd) > MOST_FILES:
                yield Line(f"  +{len(odd) - MOST_FILES} more; --json lists them all", "dim")

    def _about(self, gap: Gap) -> Iterator[Line]:
        kind, look = KINDS[gap.kind], self.look
        number = f"{gap.count} of {gap.of}" if gap.of is not None else str(gap.count)
        things = kind.things[(gap.of if gap.of is not None else gap.count) != 1]
        runs = len(self.found.runs)
        where = f", in {gap.runs} of {runs} runs" if gap.runs and runs > 1 and kind.things[0] != "run" else ""
        head = Line(gap.level.upper(), _STYLE[gap.level]).add(" ").add(gap.kind, "bold").add(": ")
        yield from wrapped(head, f"{number} {things} {kind.words}{where}", Line("  "), look.width, "bold")
        yield from self._labelled("such as", self._examples(gap))
        yield from self._labelled("prevents", self._prevents(gap))
        for place, mend in enumerate(gap.mends[:MOST_MENDS]):
            said = look.text(mend.line) + (f" ({look.text(mend.scope)}, {mend.count})" if mend.scope else "")
            yield from wrapped(_label("fix" if place == 0 else ""), said, Line(" " * (_LABEL + 2)), look.width)
        if len(gap.mends) > MOST_MENDS:
            yield Line(" " * (_LABEL + 2)).add(f"+{len(gap.mends) - MOST_MENDS} more; --json lists them all", "dim")
        if gap.next:
            yield from command(_label("next:"), gap.next, look)

    def _examples(self, gap: Gap) -> str:
        look = self.look
        if gap.words:
            more = len(gap.words) - MOST_WORDS
            return "; ".join(look.text(one) for one in gap.words[:MOST_WORDS]) + (f"; +{more} more" if more > 0 else "")
        ids = [self.spans(span_id) if span_id else short_trace_id(trace_id) for trace_id, span_id in gap.examples]
        return ", ".join(look.text(one) for one in dict.fromkeys(ids))

    def _prevents(self, gap: Gap) -> str:
        """What nobody can tell, the grades of replay and the detectors that did not judge, as they were measured."""
        told = [KINDS[gap.kind].prevents]
        poor = [f"{grade} for {number}" for grade, number in gap.grades if grade != "exact"]
        told += [f"replay: {', '.join(poor)}"] if poor and KINDS[gap.kind].next == "replay" else []
        for one in gap.unjudged:
            how = one.reason.partition(":")[2].strip()
            runs = count(one.runs, "run")
            told.append(f"{one.detector} in {runs} {how}" if how else f"{one.detector} did not judge {runs}")
        return "; ".join(told)

    def _labelled(self, label: str, words: str) -> Iterator[Line]:
        if words:
            yield from wrapped(_label(label), words, Line(" " * (_LABEL + 2)), self.look.width)

    def _skipped(self) -> Iterator[Line]:
        """What could not be judged although nothing is missing for it."""
        reasons: dict[tuple[str, str], int] = {}
        for one in self.found.skipped:
            reasons[one.detector, one.reason] = reasons.get((one.detector, one.reason), 0) + bool(one.trace_id)
        if reasons:
            yield Line()
        for (detector, reason), number in sorted(reasons.items()):
            where = f" on {count(number, 'run')}" if number else ""
            said = self.look.text(f"{detector}{where}: {reason}")
            yield from wrapped(Line("skipped    ", "dim"), said, Line(" " * 11), self.look.width, "dim")

    def _runs(self) -> Iterator[Line]:
        """The least whole runs, where there are several."""
        odd = sorted((run for run in self.found.runs if not run.whole), key=lambda run: (-len(_bad(run)), run.trace_id))
        if len(self.found.runs) < 2 or not odd:
            return
        yield Line()
        shape = [Column("run", style="bold"), Column("name"), Column("spans", True), Column("calls", True),
                 Column("tokens", True), Column("text", True), Column("agent", True), Column("lacks")]  # fmt: skip
        rows = [self._row(run) for run in odd[:MOST_RUNS]]
        yield from columns(shape, rows, self.look)
        if len(odd) > MOST_RUNS:
            yield Line(f"+{len(odd) - MOST_RUNS} more runs that are not whole; --json lists them all", "dim")

    def _row(self, run: RunCoverage) -> list[str]:
        figures = (run.spans, run.calls, run.with_tokens, run.with_payloads, run.with_agent)
        named = [self.look.text(short_trace_id(run.trace_id)), self.look.text(run.name)]
        return [*named, *map(str, figures), ", ".join(_bad(run))]


def _bad(run: RunCoverage) -> list[str]:
    return [name for name in run.gaps if KINDS[name].level != "note"]


def _label(word: str) -> Line:
    return Line(f"  {word:<{_LABEL}}", "dim")
