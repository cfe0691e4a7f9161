"""handoff.schema: a message between agents that is not written the way its reader usually gets it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agentdbg.contracts.difference import FIRM, Difference, headline, sentence
from agentdbg.contracts.drift import differences
from agentdbg.detectors.aftermath import Aftermath, misread, single_values
from agentdbg.detectors.edges import Cause, Shift, by_edge, causes
from agentdbg.detectors.failure import named
from agentdbg.detectors.messages import Message, collect
from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped, Span
from agentdbg.statistics import fisher_exact

_ID = "handoff.schema"
_SHOWN = 3
_COMPARED = 5
_ADVICE = {
    "envelope": "Ask for bare JSON (structured output, a response format) and check it before it is passed on.",
    "type": "Give the message a typed schema, check it where it is handed over, and send the error back to the model.",
    "rename": "Keep the old name until every reader knows the new one; validate messages where they are handed over.",
    "nesting": "Check messages against a schema where they are handed over: readers look for a field at one place.",
}


@dataclass(slots=True)
class _Case:
    """What one cause did in one run: the first message, those after it, and those that followed from it."""

    cause: Cause
    first: Message
    again: list[Message] = field(default_factory=list)
    knocked_on: list[Message] = field(default_factory=list)

    @property
    def readers(self) -> list[str]:
        return sorted({m.edge[1] for m in (self.first, *self.again)})


@dataclass(slots=True)
class _Verdict:
    """Of a cause: the reasons to take it as more than chance, and how many of its runs were looked at."""

    reasons: list[str]
    fails_anyway: bool
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class Schema:
    """A message between agents that is not written as its reader usually gets it.

    **What it finds**: messages that differ from the usual ones of the same sender and reader in a way that breaks a
    reader: a field removed, renamed, null, or of another type; code fences or prose where JSON was; all fields moved
    under a new key. Usual is the commonest shape, where at least three messages share it in full and more than any
    other. Whole numbers among decimals, optional fields, empty lists and kinds that a status field tells apart are no
    drift. The last message of a run counts, too, if its sender goes on to the reader in all other runs.

    Medium for a message that is merely odd. High when there are enough of them to rule out chance, or they began at
    some run and stayed, when they came with another model, when the reader or the rest of the run failed right after,
    or when the reader is seen to go on with another value. Changes that a reader copes with are low or info, reported
    once, and hints.

    **Why it matters**: readers of model output are lenient. A score that turns into text is read as 0, a field with a
    new name as absent, and nothing fails until somebody looks at the results.

    **Bad**:

        trace invoice
          agent extractor -> {"vendor": "Acme", "confidence": 0.95}
          agent scorer -> {"risk": 0.2}
        trace invoice
          agent extractor -> {"vendor": "Bolt", "confidence": 0.91}
          agent scorer -> {"risk": 0.3}
        trace invoice
          agent extractor -> {"vendor": "Cobalt", "confidence": 0.97}
          agent scorer -> {"risk": 0.2}
        trace invoice
          agent extractor -> {"vendor": "Delta", "confidence": "0.97"}
          agent scorer -> {"risk": 0.0}

    **Good**:

        trace invoice
          agent extractor -> {"vendor": "Acme", "confidence": 0.95}
          agent scorer -> {"risk": 0.2}
        trace invoice
          agent extractor -> {"vendor": "Bolt", "confidence": 0.91}
          agent scorer -> {"risk": 0.3}
        trace invoice
          agent extractor -> {"vendor": "Cobalt", "confidence": 0.97}
          agent scorer -> {"risk": 0.2}
        trace invoice
          agent extractor -> {"vendor": "Delta", "confidence": 1}
          agent scorer -> {"risk": 0.1}

    **What to do**: give the message a typed schema, check it where it is handed over, and send the error back to the
    model that wrote it instead of passing the message on.

    Options: alpha = p below which chance is ruled out. min_base = usual messages that this takes at least.
    reference_runs = how many of the latest runs that are not judged are compared, for each pair of agents.
    looked_at = how many runs with the same mistake are read in full, for an example and for what came after.
    """

    compares_runs: ClassVar = True

    alpha: float = 0.01
    min_base: int = 5
    reference_runs: int = 200
    looked_at: int = 50

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each run and cause, by the first message that deviates."""
        mail = collect(reader, self.reference_runs)
        yield from (Skipped(_ID, trace_id, "no payloads recorded") for trace_id in mail.unrecorded)
        edges = by_edge(mail.messages)
        if mail.messages and not edges:
            yield Skipped(_ID, None, f"fewer than {FIRM} comparable messages on any edge")
        judged, found, findings = set(reader.trace_ids()), list[Cause](), list[Finding]()
        for edge in edges:
            broken, shifted = causes(edge)
            found += broken
            findings += [_aside(shift, first) for shift in shifted if (first := self._told(shift, judged))]
        if found:
            after = Aftermath(reader)
            verdicts = {id(cause): self._verdict(cause, after) for cause in found}
            findings += [self._finding(case, verdicts[id(case.cause)], after) for case in _cases(found, judged)]
        yield from sorted(findings, key=lambda f: (f.trace_id, f.key, f.primary.span_id))

    def _verdict(self, cause: Cause, after: Aftermath) -> _Verdict:
        base, odd, reasons = len(cause.usual), len(cause.odd), list[str]()
        p = fisher_exact(base, 0, 0, odd)
        if base >= self.min_base and p < self.alpha:
            reasons.append(f"Chance is no explanation (p = {p:.2g}, Fisher's exact test)")
        elif base >= self.min_base and odd >= FIRM and cause.stayed:
            reasons.append(f"It began there and stayed: the last {odd} messages are all like this")
        if models := _models(cause):
            reasons.append(models)
        recent = cause.usual[-2 * _COMPARED :]
        return _Verdict(reasons, 2 * sum(after.failure(m) is not None for m in recent) >= len(recent))

    def _told(self, shift: Shift, judged: set[str]) -> Message | None:
        """The message at which a shift is told: the first in a judged run, if the shift is no chance."""
        certain = shift.usual >= self.min_base and fisher_exact(shift.usual, 0, 0, len(shift.messages)) < self.alpha
        return next((m for m in shift.messages if certain and m.trace_id in judged), None)

    def _finding(self, case: _Case, verdict: _Verdict, after: Aftermath) -> Finding:
        first, breaking, reasons, failed = case.first, case.cause.differences, list(verdict.reasons), None
        close = verdict.looked_at < self.looked_at
        if close:
            verdict.looked_at += 1
            breaking = _as_written(case, after)
            if not verdict.fails_anyway and (failed := after.failure(first)):
                reasons.append(f"Right after it, this failed: {clipped(named(failed))}")
            if read := _misreading(case, after):
                reasons.append(read)
        sender, readers, others = first.edge[0], listed(case.readers), breaking[1:]
        text = [f"{sender} sent {readers} a message of another kind than usual: {sentence(breaking[0])}."]
        text += [f"Also {'; '.join(sentence(d) for d in others[:_SHOWN])}."] if others else []
        text += [_spread(case), *(f"{reason}." for reason in reasons)]
        more = f", and {len(others)} more" if others else ""
        return Finding(
            detector=_ID,
            severity="high" if reasons else "medium",
            confidence="likely",
            title=clipped(f"{sender} → {readers}: {headline(breaking[0])}{more}"),
            message=" ".join(text),
            trace_id=first.trace_id,
            agent=sender,
            evidence=_evidence(case, failed, after if close else None),
            advice=_ADVICE.get(breaking[0].kind, _ADVICE["type"]),
            next=f"agentdbg show {first.trace_id}",
            key=_key(sender, case.readers, breaking),
        )


def _cases(found: Sequence[Cause], judged: set[str]) -> Iterator[_Case]:
    """What deviates in each judged run, by cause: one message to many readers and one mistake made again are one case,
    and so is what an agent wrote that had been given such a message itself."""
    odd = [(m, cause) for cause in found for m in cause.odd if m.trace_id in judged]
    cases: dict[tuple[str, str, frozenset[tuple[str, str, str]]], _Case] = {}
    given: dict[tuple[str, str], _Case] = {}
    for message, cause in sorted(odd, key=lambda one: (one[0].trace_id, one[0].order, one[0].edge)):
        sender, receiver = message.edge
        key = message.trace_id, sender, cause.identities
        case = cases.get(key)
        if case is not None:
            case.again.append(message)
        elif (case := given.get((message.trace_id, sender))) is not None:
            case.knocked_on.append(message)
        else:
            case = cases[key] = _Case(cause, message)
        given.setdefault((message.trace_id, receiver), case)
    yield from cases.values()


def _as_written(case: _Case, after: Aftermath) -> tuple[Difference, ...]:
    """The breaking differences with this very message as the example."""
    found = differences(case.cause.reference, after.profile(case.first))
    return tuple(d for d in found if d.identity in case.cause.identities) or case.cause.differences


def _misreading(case: _Case, after: Aftermath) -> str:
    """A sentence on a value that the reader took for another; "" where that cannot be seen."""
    if case.first.handoff is None or case.first.handoff.receiver_span_id is None:
        return ""
    now, usual = single_values(after.profile(case.first)), case.cause.usual[-_COMPARED:]
    for d in case.cause.differences:
        values = [(single_values(after.profile(m)).get(d.path), after.leaves(m)) for m in usual]
        followed = [(value, leaves) for value, leaves in values if value is not None]
        if found := misread(followed, now.get(d.path), after.leaves(case.first)):
            (_, tool, _, path), value = found
            where = f"`{path}`" + (f" of {tool}" if tool else "")
            return f"{case.first.edge[1]} went on with {value!r} at {where}, where it usually has that of `{d.path}`"
    return ""


def _models(cause: Cause) -> str:
    """A sentence on a change of model that the deviation came with; "" where models do not tell the messages apart."""
    before, after = {m.model for m in cause.usual}, {m.model for m in cause.odd}
    if None in before | after or before & after or len(cause.odd) < 2:
        return ""
    then, now = listed(sorted(map(str, before))), listed(sorted(map(str, after)))
    return f"All {len(cause.usual)} usual messages are by {then}, all {len(cause.odd)} of these by {now}"


def _spread(case: _Case) -> str:
    odd, runs = len(case.cause.odd), case.cause.runs
    text = f"{counted(odd, 'message')} of {case.cause.count} on this edge deviate{'' if odd > 1 else 's'} this way"
    text += f", in {counted(runs, 'run')}." if runs > 1 else "."
    if case.first.handoff is None:
        text += f" The run ended here; in all other runs {case.readers[0]} comes next and reads this message."
    if case.knocked_on:
        text += f" What {listed(sorted({m.edge[0] for m in case.knocked_on}))} then wrote deviates as well."
    return text


def _key(sender: str, readers: list[str], found: Iterable[Difference]) -> str:
    return f"{sender} → {', '.join(readers)}: " + "; ".join(sorted({f"{d.path} {d.kind}" for d in found}))


def _evidence(case: _Case, failed: Span | None, after: Aftermath | None) -> tuple[Evidence, ...]:
    """The message as its author wrote it, then the same again, who reads it, what failed, and what followed from it.
    Without a closer look the spans that record the messages, whoever wrote them."""

    def author(message: Message) -> str:
        return after.speaker(message) if after else message.span_id

    notes = {author(case.first): clipped(headline(case.cause.differences[0]))}
    for m in case.again[:_SHOWN]:
        notes.setdefault(author(m), "the same again")
    for m in (case.first, *case.again[:_SHOWN]):
        if m.handoff and m.handoff.receiver_span_id:
            notes.setdefault(m.handoff.receiver_span_id, f"{m.edge[1]} reads it")
    if failed is not None:
        notes.setdefault(failed.span_id, clipped(named(failed)))
    for m in case.knocked_on[:_SHOWN]:
        notes.setdefault(author(m), f"{m.edge[0]}'s own message deviates after it")
    return tuple(
        Evidence(span_id, "related" if i else "primary", note) for i, (span_id, note) in enumerate(notes.items())
    )


def _aside(shift: Shift, message: Message) -> Finding:
    (sender, receiver), d = message.edge, shift.difference
    severity: Severity = "low" if d.grade == "risky" else "info"
    changed = f"{counted(len(shift.messages), 'message')} against {shift.usual}"
    return Finding(
        detector=_ID,
        severity=severity,
        confidence="hint",
        title=clipped(f"{sender} → {receiver}: {headline(d)}"),
        message=f"What {sender} sends {receiver} changed: {sentence(d)}. {changed}.",
        trace_id=message.trace_id,
        agent=sender,
        evidence=(Evidence(message.span_id, "primary", clipped(headline(d))),),
        advice=f"See whether {receiver} copes with it, and write it into the schema of the message.",
        next=f"agentdbg span {message.span_id}",
        key=_key(sender, [receiver], [d]),
    )
