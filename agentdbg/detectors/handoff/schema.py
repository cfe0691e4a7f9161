"""handoff.schema: a message between agents that is not written the way its reader usually gets it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agentdbg.contracts.difference import FIRM, Difference, headline, sentence
from agentdbg.contracts.payload import said, sent, speaker
from agentdbg.contracts.reference import Deviation, deviations
from agentdbg.detectors.aftermath import failure_after, misread, read_by, single_values
from agentdbg.detectors.failure import named
from agentdbg.detectors.messages import Mail, Message, collect
from agentdbg.detectors.statistics import fisher_exact
from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped, Span

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
    """What one cause did in one run: the first message that deviates, those after it, and those that followed from it.

    `among` are the messages of the edge in order of time, to which the places of the deviation belong.
    """

    first: Message
    deviation: Deviation
    among: Sequence[Message]
    again: list[Message] = field(default_factory=list)
    knocked_on: list[Message] = field(default_factory=list)

    @property
    def readers(self) -> list[str]:
        return sorted({m.edge[1] for m in (self.first, *self.again)})

    @property
    def members(self) -> list[Message]:
        return [self.among[i] for i in self.deviation.members]

    @property
    def sharing(self) -> list[Message]:
        return [self.among[i] for i in self.deviation.sharing]


@dataclass(frozen=True, slots=True)
class _Weight:
    """How bad a case is: the reasons to take it as more than one odd message, and the span that failed of it."""

    reasons: tuple[str, ...]
    failed: Span | None


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
    reference_runs = how many of the latest runs that are not judged count as usual, for each pair of agents.
    """

    alpha: float = 0.01
    min_base: int = 5
    reference_runs: int = 200

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each run and cause, by the first message that deviates."""
        mail = collect(reader, self.reference_runs)
        yield from (Skipped(_ID, trace_id, "no payloads recorded") for trace_id in mail.unrecorded)
        edges = [edge for edge in _by_edge(mail) if sum(m.handoff is not None for m in edge) >= FIRM]
        if mail.messages and not edges:
            yield Skipped(_ID, None, f"fewer than {FIRM} comparable messages on any edge")
        judged = set(reader.trace_ids())
        cases: dict[str, list[tuple[Message, Deviation, Sequence[Message]]]] = defaultdict(list)
        findings: list[Finding] = []
        for among in edges:
            found = _deviations(among)
            for deviation in found:
                message = among[deviation.index]
                if deviation.breaking and message.trace_id in judged:
                    cases[message.trace_id].append((message, deviation, among))
            findings += self._asides(found, among, judged)
        for trace_id in sorted(cases):
            findings += [self._finding(case, reader) for case in _causes(cases[trace_id])]
        yield from sorted(findings, key=lambda f: (f.trace_id, f.key, f.primary.span_id))

    def _finding(self, case: _Case, reader: Reader) -> Finding:
        first, breaking = case.first, case.deviation.breaking
        sender, readers = first.edge[0], listed(case.readers)
        weight = self._weigh(case, reader)
        others = breaking[1:]
        text = [f"{sender} sent {readers} a message of another kind than usual: {sentence(breaking[0])}."]
        text += [f"Also {'; '.join(sentence(d) for d in others[:_SHOWN])}."] if others else []
        text += [_spread(case), *(f"{reason}." for reason in weight.reasons)]
        severity: Severity = "high" if weight.reasons else "medium"
        return Finding(
            detector=_ID,
            severity=severity,
            confidence="likely",
            title=clipped(f"{sender} → {readers}: {headline(breaking[0])}{_more(others)}"),
            message=" ".join(text),
            trace_id=first.trace_id,
            agent=sender,
            evidence=_evidence(case, weight.failed, reader),
            advice=_ADVICE.get(breaking[0].kind, _ADVICE["type"]),
            next=f"agentdbg handoffs {first.trace_id}",
            key=_key(sender, case.readers, breaking),
        )

    def _weigh(self, case: _Case, reader: Reader) -> _Weight:
        reasons: list[str] = []
        base, odd = len(case.deviation.members), len(case.deviation.sharing)
        p = fisher_exact(base, 0, 0, odd)
        if base >= self.min_base and p < self.alpha:
            reasons.append(f"Chance is no explanation (p = {p:.2g}, Fisher's exact test)")
        elif base >= self.min_base and _stayed(case):
            reasons.append(f"It began there and stayed: the last {odd} messages are all like this")
        failed = _failure(case.first, reader)
        if failed is not None and not _fails_anyway(case.members, reader):
            reasons.append(f"Right after it, this failed: {clipped(named(failed))}")
        else:
            failed = None
        if read := _misreading(case, reader):
            reasons.append(read)
        if models := _models(case):
            reasons.append(models)
        return _Weight(tuple(reasons), failed)

    def _asides(self, found: list[Deviation], among: Sequence[Message], judged: set[str]) -> Iterator[Finding]:
        """What a reader copes with, where it is established that something changed: once, at its first message."""
        places: dict[tuple[str, str, str], list[Deviation]] = defaultdict(list)
        for deviation in found:
            if not deviation.breaking and among[deviation.index].handoff:
                for d in deviation.differences:
                    places[d.identity].append(deviation)
        for identity, changed in sorted(places.items()):
            usual = changed[0].members
            first = next((c for c in changed if among[c.index].trace_id in judged), None)
            certain = len(usual) >= self.min_base and fisher_exact(len(usual), 0, 0, len(changed)) < self.alpha
            if first is not None and certain and changed[0].index > usual[-1]:
                difference = next(d for d in first.differences if d.identity == identity)
                yield _aside(among[first.index], difference, len(changed), len(usual))


def _by_edge(mail: Mail) -> list[list[Message]]:
    """Messages by edge, by how they are recorded and, where workflows share names of agents, by the name of the run.

    Names that hardly any run shares, as of runs named after their question, tell no workflows apart.
    """
    names = Counter((m.edge, m.run) for m in mail.messages)
    edges: dict[tuple[str, ...], list[Message]] = defaultdict(list)
    for m in mail.messages:
        edges[*m.edge, m.recorded_by, m.run if names[m.edge, m.run] >= FIRM else ""].append(m)
    return [edges[key] for key in sorted(edges)]


def _deviations(among: Sequence[Message]) -> list[Deviation]:
    """The deviations of an edge, without last words that may simply have been the end of the work."""
    last_words = {i for i, m in enumerate(among) if m.handoff is None}
    found = deviations([m.profile for m in among], last_words)
    breaking = {d.index for d in found if d.breaking}
    if any(i not in breaking and among[i].ended_well for i in last_words):
        return [d for d in found if d.index not in last_words]  # it does end there, with a message as usual
    return [d for d in found if d.index not in last_words or not _is_plain_answer(among[d.index], d)]


def _is_plain_answer(message: Message, deviation: Deviation) -> bool:
    """Prose with which a run ended well: an answer to whoever asked, and no message to another agent."""
    return message.ended_well and any(
        d.kind == "envelope" and d.path == "$" and d.after == "prose" for d in deviation.breaking
    )


def _causes(found: list[tuple[Message, Deviation, Sequence[Message]]]) -> list[_Case]:
    """The deviations of one run by cause: one message to many readers, one mistake made again, and what an agent wrote
    that had been given such a message itself."""
    cases: dict[tuple[str, frozenset[tuple[str, str, str]]], _Case] = {}
    given: dict[str, _Case] = {}
    for message, deviation, among in sorted(found, key=lambda f: (f[0].order, f[0].edge)):
        sender, receiver = message.edge
        cause = sender, frozenset(d.identity for d in deviation.breaking)
        case = cases.get(cause)
        if case is not None:
            case.again.append(message)
        elif (case := given.get(sender)) is not None:
            case.knocked_on.append(message)
        else:
            case = cases[cause] = _Case(message, deviation, among)
        given.setdefault(receiver, case)
    return list(cases.values())


def _failure(message: Message, reader: Reader) -> Span | None:
    receiver = message.handoff.receiver_span_id if message.handoff else None
    return failure_after(reader.trace(message.trace_id), message.span_id, receiver)


def _fails_anyway(usual: Sequence[Message], reader: Reader) -> bool:
    """Whether runs fail after usual messages as well: then the failure has another cause."""
    seen = usual[-2 * _COMPARED :]
    return 2 * sum(_failure(m, reader) is not None for m in seen) >= len(seen)


def _misreading(case: _Case, reader: Reader) -> str:
    """A sentence on a value that the reader took for another; "" where that cannot be seen."""
    handoff = case.first.handoff
    if handoff is None or handoff.receiver_span_id is None:
        return ""
    now = single_values(case.first.profile)
    for d in case.deviation.breaking:
        usual = []
        for m in case.members[-_COMPARED:]:
            value = single_values(m.profile).get(d.path)
            if value is not None and m.handoff is not None:
                usual.append((value, read_by(reader.trace(m.trace_id), m.handoff.receiver_span_id)))
        read = read_by(reader.trace(case.first.trace_id), handoff.receiver_span_id)
        if found := misread(usual, now.get(d.path), read):
            (_, tool, _, path), value = found
            where = f"`{path}`" + (f" of {tool}" if tool else "")
            return f"{handoff.to_agent} went on with {value!r} at {where}, where it usually has the value of `{d.path}`"
    return ""


def _models(case: _Case) -> str:
    """A sentence on a change of model that the deviation came with; "" where models do not tell the messages apart."""
    before = {m.model for m in case.members}
    after = {m.model for m in case.sharing}
    if None in before | after or before & after or len(case.sharing) < 2:
        return ""
    then, now = listed(sorted(map(str, before))), listed(sorted(map(str, after)))
    return f"All {len(case.members)} usual messages are by {then}, all {len(case.sharing)} of these by {now}"


def _stayed(case: _Case) -> bool:
    """Whether all messages are like this from some moment on, and none before it was."""
    return len(case.deviation.sharing) >= FIRM and case.deviation.sharing[0] > case.deviation.members[-1]


def _spread(case: _Case) -> str:
    odd = len(case.sharing)
    text = f"{counted(odd, 'message')} of {len(case.among)} on this edge deviate{'' if odd > 1 else 's'} this way"
    runs = len({m.trace_id for m in case.sharing})
    text += f", in {counted(runs, 'run')}." if runs > 1 else "."
    if case.first.handoff is None:
        text += f" The run ended here; in all other runs {case.readers[0]} comes next and reads this message."
    if case.knocked_on:
        text += f" What {listed(sorted({m.edge[0] for m in case.knocked_on}))} then wrote deviates as well."
    return text


def _more(others: Sequence[Difference]) -> str:
    return f", and {len(others)} more" if others else ""


def _key(sender: str, readers: list[str], found: Sequence[Difference]) -> str:
    return f"{sender} → {', '.join(readers)}: " + "; ".join(sorted({f"{d.path} {d.kind}" for d in found}))


def _spoken(message: Message, reader: Reader) -> str:
    trace = reader.trace(message.trace_id)
    value = sent(trace, message.handoff)[1] if message.handoff else said(trace.by_id()[message.span_id], trace)
    return speaker(trace, message.span_id, value)


def _evidence(case: _Case, failed: Span | None, reader: Reader) -> tuple[Evidence, ...]:
    """The message as its author wrote it, then the same again, who reads it, what failed, and what followed from it."""
    breaking = case.deviation.breaking
    notes = {_spoken(case.first, reader): clipped(headline(breaking[0]))}
    for m in case.again[:_SHOWN]:
        notes.setdefault(_spoken(m, reader), "the same again")
    for m in (case.first, *case.again[:_SHOWN]):
        if m.handoff and m.handoff.receiver_span_id:
            notes.setdefault(m.handoff.receiver_span_id, f"{m.edge[1]} reads it")
    if failed is not None:
        notes.setdefault(failed.span_id, clipped(named(failed)))
    for m in case.knocked_on[:_SHOWN]:
        notes.setdefault(_spoken(m, reader), f"{m.edge[0]}'s own message deviates after it")
    return tuple(
        Evidence(span_id, "related" if i else "primary", note) for i, (span_id, note) in enumerate(notes.items())
    )


def _aside(message: Message, d: Difference, changed: int, base: int) -> Finding:
    sender, receiver = message.edge
    severity: Severity = "low" if d.grade == "risky" else "info"
    confidence: Confidence = "hint"
    return Finding(
        detector=_ID,
        severity=severity,
        confidence=confidence,
        title=clipped(f"{sender} → {receiver}: {headline(d)}"),
        message=f"What {sender} sends {receiver} changed: {sentence(d)}. {counted(changed, 'message')} against {base}.",
        trace_id=message.trace_id,
        agent=sender,
        evidence=(Evidence(message.span_id, "primary", clipped(headline(d))),),
        advice=f"See whether {receiver} copes with it, and write it into the schema of the message.",
        next=f"agentdbg handoffs {message.trace_id}",
        key=_key(sender, [receiver], [d]),
    )
