"""From findings to a verdict: what is suppressed, what counts, and the exit code that a build goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from agentdbg import __version__
from agentdbg.check.alerts import IDS
from agentdbg.check.contracts import ID
from agentdbg.config import Suppression, Threshold, nearest
from agentdbg.detectors import shelf
from agentdbg.errors import FINDINGS, NOT_JUDGED, AgentdbgError
from agentdbg.fingerprint import fingerprint
from agentdbg.model import SEVERITIES, Finding, Note, Severity, Skipped
from agentdbg.view.report import Report, TraceSummary, Verdict, severity_rank

EXITS: dict[Verdict, int] = {"clean": 0, "findings": FINDINGS, "not_judged": NOT_JUDGED}


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts. `today` is the day by which suppressions expire, given so that equal input gives equal output.
    known: how bad the findings are that the project's baseline lists, by fingerprint; a worse one is new."""

    today: date
    fail_on: Threshold = "high"
    ignored: frozenset[str] = frozenset()
    suppressions: tuple[Suppression, ...] = ()
    known: Mapping[str, Severity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {*shelf(), *IDS, ID}
        for name in sorted(self.ignored):
            if name not in known:
                raise AgentdbgError(f"no detector is called {name}", nearest(name, known))
        for one in self.suppressions:
            if one.detector not in known:
                raise AgentdbgError(f"{one.source}: no detector is called {one.detector}", nearest(one.detector, known))

    def counts(self, finding: Finding) -> bool:
        """Whether a finding fails the build. Hints and known ones never do."""
        if self.fail_on == "never" or finding.confidence == "hint" or finding.status == "known":
            return False
        return SEVERITIES.index(finding.severity) >= SEVERITIES.index(self.fail_on)


@dataclass(frozen=True, slots=True)
class Evidenced:
    """What there is to judge by. unread: named sources that hold no trace; cut_short: why judging stopped early."""

    traces: Sequence[TraceSummary]
    findings: Sequence[Finding]
    skipped: Sequence[Skipped] = ()
    notes: Sequence[Note] = ()
    unread: Sequence[str] = ()
    cut_short: str = ""


def gate(evidenced: Evidenced, rules: Rules) -> Report:
    """The finished report. Findings go before what could not be read; a judging that was cut short is no judging."""
    kept, suppressed, used = _suppress(evidenced.findings, rules)
    verdict, reason = _verdict(evidenced, any(rules.counts(finding) for finding in kept))
    return Report(
        version=__version__,
        verdict=verdict,
        traces=tuple(evidenced.traces),
        findings=tuple(sorted(kept, key=_order)),
        skipped=tuple(sorted(set(evidenced.skipped), key=lambda one: (one.detector, one.trace_id or "", one.reason))),
        notes=(*evidenced.notes, *_about_suppressions(rules, used)),
        suppressed=suppressed,
        reason=reason,
    )


def exit_code(report: Report) -> int:
    """0 clean, 1 findings at the threshold, 2 not judged."""
    return EXITS[report.verdict]


def _verdict(evidenced: Evidenced, failing: bool) -> tuple[Verdict, str]:
    if evidenced.cut_short:
        return "not_judged", evidenced.cut_short
    if not evidenced.traces:
        return "not_judged", "no trace was found"
    unread = f"no trace in {', '.join(evidenced.unread)}" if evidenced.unread else ""
    if failing:
        return "findings", unread
    return ("not_judged", unread) if unread else ("clean", "")


def _suppress(findings: Iterable[Finding], rules: Rules) -> tuple[list[Finding], int, set[Suppression]]:
    """What is left, how many went, and which suppressions had something to do."""
    kept: list[Finding] = []
    used: set[Suppression] = set()
    suppressed = 0
    for finding in findings:
        accepted = [one for one in rules.suppressions if _about(one, finding) and one.expires >= rules.today]
        used.update(accepted)
        if accepted or finding.detector in rules.ignored:
            suppressed += 1
        else:
            kept.append(replace(finding, status="known" if _known(finding, rules) else "new"))
    return kept, suppressed, used


def _known(finding: Finding, rules: Rules) -> bool:
    listed = rules.known.get(fingerprint(finding))
    return listed is not None and severity_rank(finding.severity) >= severity_rank(listed)


def _about(suppression: Suppression, finding: Finding) -> bool:
    same_agent = suppression.agent is None or suppression.agent.casefold() == (finding.agent or "").casefold()
    return suppression.detector == finding.detector and same_agent


def _about_suppressions(rules: Rules, used: set[Suppression]) -> list[Note]:
    notes = []
    for one in rules.suppressions:
        whose = f" of {one.agent}" if one.agent else ""
        if one.expires < rules.today:
            message = f"the suppression of {one.detector}{whose} expired on {one.expires}: its findings count again"
            notes.append(
                Note(
                    "info", one.source, message, f"mend the cause, or give it another day; its reason was: {one.reason}"
                )
            )
        elif one not in used:
            notes.append(
                Note("info", one.source, f"the suppression of {one.detector}{whose} had nothing to suppress", "")
            )
    return notes


def _order(finding: Finding) -> tuple[object, ...]:
    """The worst first, then what cost most; the same wherever the findings came from."""
    return (
        severity_rank(finding.severity),
        -(finding.wasted_usd or 0.0),
        -(finding.wasted_tokens or 0),
        finding.trace_id,
        finding.detector,
        finding.primary.span_id,
        finding.key,
    )
