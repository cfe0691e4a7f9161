"""`check`: what was found, worst first, equal findings of many runs once; last the verdict with what was checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from agentdbg.fingerprint import fingerprint
from agentdbg.model import SEVERITIES, Finding
from agentdbg.reporters.terminal.line import Line, Look, command, wrapped, write
from agentdbg.view.ids import ShortIds, short_trace_id
from agentdbg.view.report import Report, severity_rank
from agentdbg.view.units import count, tokens, usd

MOST_EVIDENCE = 5
MOST_TRACES = 4
MOST_NOTES = 20
_LABEL = 9
_REMARK = 11
_NOTES = {"info": ("note", "dim"), "data_loss": ("data loss", "warn"), "error": ("error", "error")}
_VERDICTS = {"clean": ("clean", "ok"), "findings": ("failed", "failed"), "not_judged": ("not judged", "warn")}


def check(report: Report, stream: TextIO, look: Look) -> None:
    """Draw a report. The last line is the verdict."""
    write(_Check(report, look).lines(), stream, look)


def found(findings: Sequence[Finding], look: Look) -> Iterator[Line]:
    """The findings alone, worst first."""
    return _Check(Report("", "findings", (), tuple(findings)), look).found()


class _Check:
    def __init__(self, report: Report, look: Look) -> None:
        self.report = report
        self.look = look
        self.names = {trace.trace_id: trace.name for trace in report.traces}
        self.short = ShortIds(one.span_id for finding in report.findings for one in finding.evidence)

    def lines(self) -> Iterator[Line]:
        yield from self.found()
        remarks = list(self._remarks())
        if remarks:
            yield from remarks
            yield Line()
        yield from self._verdict()

    def found(self) -> Iterator[Line]:
        groups: dict[str, list[Finding]] = {}
        for finding in self.report.findings:
            groups.setdefault(fingerprint(finding), []).append(finding)
        for group in sorted(groups.values(), key=_group_order):
            yield from self._group(group)
            yield Line()

    def _group(self, group: Sequence[Finding]) -> Iterator[Line]:
        look, first = self.look, group[0]
        head = Line(first.severity.upper(), first.severity).add(" ").add(look.text(first.detector), "bold").add(" ")
        head.add(f"{look.glyphs.times}{len(group)} " if len(group) > 1 else "", "warn")
        said = look.text(first.title)
        more: list[str] = [first.confidence] if first.confidence != "certain" else []
        more += ["known"] if all(one.status == "known" for one in group) else []
        title = said + "".join(f" {look.glyphs.dot} {one}" for one in more)
        yield from wrapped(head, title, Line("  "), look.width, "bold")
        rest = look.text(first.message).removeprefix(said).lstrip(" .:;,")
        if rest:
            yield from wrapped(Line("  "), rest, Line("  "), look.width)
        yield from self._evidence(first)
        yield from self._labelled("trace", self._where(group))
        yield from self._labelled("wasted", self._wasted(group))
        yield from self._labelled("advice", look.text(first.advice))
        if first.next:
            yield from command(_label("next:"), first.next, look)

    def _evidence(self, finding: Finding) -> Iterator[Line]:
        """The primary span first, then the others, each with its own few words."""
        look = self.look
        pieces = sorted(finding.evidence, key=lambda one: one.role != "primary")
        ids = [look.text(self.short(one.span_id)) for one in pieces]
        width = min(max(map(len, ids), default=0), 24)
        for number, (piece, span_id) in enumerate(zip(pieces[:MOST_EVIDENCE], ids, strict=False)):
            head = _label("spans" if len(pieces) > 1 else "span") if number == 0 else Line(" " * _LABEL)
            head.add(f"{look.cut(span_id, width):<{width}}", "bold" if piece.role == "primary" else "").add("  ")
            yield from wrapped(head, look.text(piece.note), Line(" " * (_LABEL + 2)), look.width)
        if len(pieces) > MOST_EVIDENCE:
            yield Line(" " * _LABEL).add(f"+{len(pieces) - MOST_EVIDENCE} more", "dim")

    def _where(self, group: Sequence[Finding]) -> str:
        look, first = self.look, group[0]
        ids = list(dict.fromkeys(one.trace_id for one in group))
        words = look.text(short_trace_id(ids[0]))
        if name := self.names.get(ids[0]):
            words += f" {look.text(name)}"
        if first.agent:
            words += f", agent {look.text(first.agent)}"
        others = [look.text(short_trace_id(one)) for one in ids[1 : MOST_TRACES + 1]]
        if others:
            words += f"; also in {', '.join(others)}"
        return words + (f" and {len(ids) - MOST_TRACES - 1} more" if len(ids) > MOST_TRACES + 1 else "")

    def _wasted(self, group: Sequence[Finding]) -> str:
        spent = [one.wasted_tokens for one in group if one.wasted_tokens]
        paid = [one.wasted_usd for one in group if one.wasted_usd]
        told = [f"{tokens(sum(spent))} tokens" if spent else "", usd(sum(paid)) if paid else ""]
        return ", ".join(filter(None, told))

    def _labelled(self, label: str, words: str) -> Iterator[Line]:
        if words:
            yield from wrapped(_label(label), words, Line(" " * _LABEL), self.look.width)

    def _remarks(self) -> Iterator[Line]:
        """What could not be judged and what was odd in the input: equal remarks once, with how often."""
        skipped: dict[tuple[str, str], int] = {}
        for one in self.report.skipped:
            skipped[one.detector, one.reason] = skipped.get((one.detector, one.reason), 0) + bool(one.trace_id)
        for (detector, reason), number in sorted(skipped.items()):
            where = f" on {count(number, 'trace')}" if number else ""
            yield from self._remark("skipped", "dim", f"{detector}{where}: {reason}")
        notes: dict[tuple[str, str, str], list[str]] = {}
        for note in self.report.notes:
            notes.setdefault((note.severity, note.message, note.advice), []).append(note.source)
        for (severity, message, advice), sources in list(notes.items())[:MOST_NOTES]:
            where = sources[0] + (f" and {count(len(sources) - 1, 'more place')}" if len(sources) > 1 else "")
            word, style = _NOTES[severity]
            yield from self._remark(word, style, f"{where}: {message}" + (f" – {advice}" if advice else ""))
        if len(notes) > MOST_NOTES:
            yield Line(" " * _REMARK).add(f"+{len(notes) - MOST_NOTES} more notes", "dim")

    def _remark(self, word: str, style: str, said: str) -> list[Line]:
        text = self.look.text(said)
        return wrapped(Line(f"{word:<{_REMARK}}", style), text, Line(" " * _REMARK), self.look.width, "dim")

    def _verdict(self) -> Iterator[Line]:
        """What was checked and what follows, in one line that makes sense alone."""
        report = self.report
        word, style = _VERDICTS[report.verdict]
        if report.verdict == "clean" and report.findings:  # all below the threshold
            word = "passed"
        agents = {agent for trace in report.traces for agent in trace.agents}
        surer = [one for one in report.findings if one.confidence != "hint"]
        sorts = [
            f"{number} {severity}"
            for severity in reversed(SEVERITIES)
            if (number := sum(one.severity == severity for one in surer))
        ]
        if hints := len(report.findings) - len(surer):  # which fail no gate, whatever their severity
            sorts.append(count(hints, "hint"))
        figures = [
            count(len(report.traces), "trace"),
            count(sum(trace.span_count for trace in report.traces), "span"),
            count(len(agents), "agent"),
            count(sum(trace.handoffs for trace in report.traces), "handoff"),
            count(len(report.findings), "finding") + (f" ({', '.join(sorts)})" if sorts else ""),
            f"{report.suppressed} suppressed",
        ]
        if known := sum(one.status == "known" for one in report.findings):
            figures.append(f"{known} known")
        if lost := sum(note.severity == "data_loss" for note in report.notes):
            figures.append(f"{count(lost, 'note')} of data loss")
        words = ", ".join(figures) + (f"; {self.look.text(report.reason)}" if report.reason else "")
        yield from wrapped(Line(word, style).add(": "), words, Line("  "), self.look.width)


def _label(word: str) -> Line:
    return Line(f"  {word:<{_LABEL - 2}}", "dim")


def _group_order(group: Sequence[Finding]) -> tuple[int, int, str, str]:
    first = group[0]
    return severity_rank(first.severity), -len(group), first.detector, fingerprint(first)
