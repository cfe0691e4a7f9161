"""Where a wrong output came from (`agentdbg why`): from the failure, the last answer, a span or some words back to
where it entered, hop by hop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentdbg.analysis.chain import QUOTE, Why, blast, built_on, missing, name_of, reason, said_by, short_ids, steps
from agentdbg.analysis.flow import Flow
from agentdbg.analysis.upstream import Behind, Upstream
from agentdbg.detectors import failure
from agentdbg.detectors.course import Course
from agentdbg.detectors.suspicion import described
from agentdbg.detectors.usual import Usual
from agentdbg.detectors.wording import clipped, short
from agentdbg.errors import AgentdbgError
from agentdbg.model import Finding, Reader, Span
from agentdbg.steps.words import around, carried, row, words

_SHORT = 80


def why(
    reader: Reader, trace_id: str, findings: Sequence[Finding], span_id: str | None = None, text: str | None = None
) -> Why:
    """The chain behind a span, some words, or (without either) the failure or the last answer of a run.

    findings: those of the run, the worst first. Raises AgentdbgError where no span of the run has these words.
    """
    question = _Question(Course(reader.trace(trace_id)), Usual(reader), findings)
    if text is not None:
        return question.of_text(text)
    return question.of_run() if span_id is None else question.of_span(span_id)


class _Question:
    def __init__(self, course: Course, usual: Usual, findings: Sequence[Finding]) -> None:
        self.course, self.flow = course, Flow(course)
        self.upstream = Upstream(course, usual, self.flow, findings)

    def of_run(self) -> Why:
        """Its failure, else its last answer."""
        found = self.upstream.cascades
        if found:
            cascade = next((one for one in found if one.fails), found[0])
            return self._answer(self._ended(cascade.symptom), self.upstream.along(cascade, cascade.symptom))
        if (failing := self._failure()) is not None:
            return self._answer(self._ended(failing), self.upstream.behind(failing))
        final = self._last_answer()
        if final is None:
            return self._answer("the run ended", Behind(()))
        return self._answer(self._ended(final), self.upstream.behind(final))

    def of_span(self, span_id: str) -> Why:
        span = self.course.forest.by_id[span_id].span
        name, said = name_of(self.course, span), said_by(self.course, self.flow, span)
        question = f'{name} said "{clipped(said, _SHORT)}"' if said else f"{name} put out nothing"
        if failure.failed(span):
            question = f"{name} failed with {clipped(failure.named(span))}"
        return self._answer(question, self.upstream.behind(span))

    def of_text(self, text: str) -> Why:
        """Back along the spans that put these words out, to the first one that was not given them."""
        if not words(text):
            raise AgentdbgError(f'"{text}" holds no word', "quote some words of the output that is wrong")
        trail = self._trail(text)
        if not trail:
            failing = [
                span for span in self.course.spans if failure.failed(span) and row(text) in row(failure.named(span))
            ]
            return self.of_span(failing[0].span_id) if failing else self._only_given(text)
        question, first = f'"{clipped(text, _SHORT)}" was said', trail[0]
        name = name_of(self.course, first)
        if self.flow.holds(first, text, "input"):
            told = self._answer(question, Behind(tuple(trail)), text)
            verdict = f"the words came from outside: they stand in what {name} was given, and nobody said them before"
            return replace(told, steps=(replace(told.steps[0], role="given"), *told.steps[1:]), verdict=verdict)
        behind = self.upstream.behind(first)
        before = behind.spans[:-1] if behind.cause else ()
        told = self._answer(question, replace(behind, spans=(*(s for s in before if s not in trail), *trail)), text)
        its = [
            replace(s, role="introduced") if s.span_id == first.span_id and s.role == "said" else s for s in told.steps
        ]
        verdict = f"the words were first said by {name}; they stand in nothing it was given"
        if behind.cause and behind.cause.span is not first:
            verdict += f"; before that, {told.verdict}"
        return replace(told, steps=tuple(its), verdict=verdict)

    def _only_given(self, text: str) -> Why:
        """Words that nobody put out: they stand in what some span was given, or nowhere."""
        reader = next((s for s in self.course.spans if s.input is not None and self.flow.holds(s, text, "input")), None)
        if reader is None:
            raise self._unknown(text)
        behind, name = self.upstream.behind(reader), name_of(self.course, reader)
        made = any(carried(text, self.flow.output(span)).words for span in behind.spans[:-1])
        told = self._answer(f'"{clipped(text, _SHORT)}" was read', behind if made else Behind((reader,)))
        quote = clipped(around(self.flow.own_input(reader) or "", text), QUOTE)
        given = replace(told.steps[-1], role="given", said=quote)
        verdict = f"nobody said these words, {name} was given them"
        if made:
            verdict += f", made of what was said before; {told.verdict}"
        return replace(told, steps=(*told.steps[:-1], given), verdict=verdict)

    def _unknown(self, text: str) -> AgentdbgError:
        final = self._last_answer()
        return AgentdbgError(
            f'nobody in trace {self.course.trace.trace_id} said "{clipped(text, _SHORT)}"',
            f"its last words are: {said_by(self.course, self.flow, final)}" if final else "it records no answer",
        )

    def _trail(self, text: str) -> list[Span]:
        """From the span that put the words out first to the last one that passed them on."""
        holders = [span for span in self.flow.sayings if self.flow.holds(span, text)]
        trail = holders[-1:]
        while trail and self.flow.holds(trail[0], text, "input"):
            start = self.course.start(trail[0])
            earlier = [one for one in holders if self.course.moment(one) <= start and one not in trail]
            if not earlier:
                break
            trail.insert(0, earlier[-1])
        return trail

    def _failure(self) -> Span | None:
        """The last span that an error of this run reached; None where the run ended well."""
        course = self.course
        if course.trace.status != "error":
            return None
        tops = [failure.top(course.forest, origin) for origin in failure.origins(course.forest)]
        return max(tops, key=lambda span: (course.end(span), span.span_id), default=None)

    def _last_answer(self) -> Span | None:
        """The last model call with an answer, else whatever put something out last."""
        said = [span for span in self.flow.sayings if self.flow.says_words(span)]
        return self.course.final or (said[-1] if said else None)

    def _ended(self, last: Span) -> str:
        if failure.failed(last):
            return f"{name_of(self.course, last)} failed with {clipped(failure.named(last))}"
        said = said_by(self.course, self.flow, last)
        ended = "the run broke off after" if self.course.trace.status == "incomplete" else "the run ended with"
        return f'{ended} "{clipped(said, _SHORT)}"' if said else "the run ended as it did"

    def _answer(self, question: str, behind: Behind, asked: str = "") -> Why:
        course, trace, cause = self.course, self.course.trace, behind.cause
        chain = steps(course, self.flow, behind.spans, cause, asked)
        hops = behind.hops
        if hops is None and behind.spans:
            hops = tuple(built_on(course, self.flow, behind.spans[0]))
        others = self._others(behind)
        return Why(
            trace_id=trace.trace_id,
            name=trace.name,
            status=trace.status,
            question=question,
            verdict=self._verdict(behind, others),
            reason=reason(cause, chain),
            steps=tuple(chain),
            entered=0 if chain else None,
            blast=blast(hops or ()),
            others=others,
            missing=missing(course, chain),
            short_ids=short_ids(course, [*(step.span_id for step in chain), *(span_id for span_id, _ in others)]),
            next=self._next(behind.spans),
        )

    def _verdict(self, behind: Behind, others: Sequence[tuple[str, str]]) -> str:
        if behind.cause is not None:
            cause = behind.cause
            if cause.agent != self.course.agent(cause.span):  # one finding, several agents: its span is not its agent's
                return f"it came of this: {cause.words}"
            return f"it entered at {cause.agent or 'the program'}: {cause.words}"
        if not behind.spans:
            return "no output of this run is recorded, so there is nothing to go back from"
        first, name = behind.spans[0], name_of(self.course, behind.spans[0])
        if failure.failed(first):
            error = clipped(failure.named(first))
            return f"it began at {name}, which failed with {error}; no trouble is recorded before it"
        if others:
            far = "back to" if len(behind.spans) > 1 else "no further back than"
            return f"its words lead {far} {name}; what else went wrong in this run stands below"
        if len(behind.spans) > 1:
            return f"no trouble was found before it; its words lead back to {name}"
        return f"no trouble was found before it, and none of its words lead further back than {name}"

    def _others(self, behind: Behind) -> tuple[tuple[str, str], ...]:
        """The roots of the run's other cascades, and findings about other spans."""
        ids = self.course.forest.by_id
        roots = [(one.root.span, one.root.agent, described(one.root)) for one in self.upstream.cascades]
        roots += [(ids[one.primary.span_id].span, one.agent, one.title) for one in self.upstream.findings]
        told = {span.span_id: f"{agent or 'the program'}: {words}" for span, agent, words in roots}
        known = {behind.cause.span.span_id} if behind.cause else set()
        return tuple((span_id, words) for span_id, words in told.items() if span_id not in known)

    def _next(self, spans: Sequence[Span]) -> tuple[str, ...]:
        """Look at the first step; replay the agent there; else see the run."""
        if not spans:
            return ("agentdbg doctor", f"agentdbg show {self.course.trace.trace_id}")
        ids = self.course.forest.by_id
        first = short(spans[0].span_id, ids)
        more = (f"agentdbg handoffs {self.course.trace.trace_id}",) if self.course.trace.handoffs else ()
        return (f"agentdbg replay {first}", f"agentdbg span {first}", *more)
