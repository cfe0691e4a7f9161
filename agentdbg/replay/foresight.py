"""What is known without running anything of a recording that was changed: which calls stay as they were, what others
would be asked, and from where on nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from agentdbg.replay.asked import recorded
from agentdbg.replay.asking import as_text
from agentdbg.replay.call import Call, Message, Part, Traces, calls_of
from agentdbg.replay.consistency import follow
from agentdbg.replay.difference import Difference
from agentdbg.replay.inspect import inspect, members
from agentdbg.replay.inspection import CallView, ToolUse
from agentdbg.replay.items import items, scalars, value_of
from agentdbg.replay.question import LAYERS, difference, question
from agentdbg.replay.supposed import Change, Supposed, suppose
from agentdbg.replay.tools import Tools
from agentdbg.steps.keys import canonical

_TELLING = 4
"""Characters from which on a value that stands in a question is taken to come from the input."""
_NOT_KNOWN = {
    "question": "what a model answers to the changed question: nobody asked it (--live asks one)",
    "answer": "what the program does with the answer: that is its code (-- PROGRAM runs it)",
    "result": "what the program does with the result: that is its code (-- PROGRAM runs it)",
    "input": "what the program makes of the input: that is its code (--target MODULE:FUNCTION runs it)",
}


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One call of the subject. known: as recorded. supposed: answers what the user says. asked: the question is known
    and another, the answer is not. open: not even the question is known."""

    number: int
    span_id: str
    agent: str | None
    outcome: Literal["known", "supposed", "asked", "open"]
    words: str
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Foresight:
    """not_known: what no recording can tell, a sentence each."""

    trace_id: str
    trace_name: str
    span_id: str
    agent: str | None
    changes: tuple[Change, ...]
    calls: tuple[Foreseen, ...]
    not_known: tuple[str, ...]
    next: tuple[str, ...]


def foresee(reader: Traces, trace_id: str, span_id: str, sets: Sequence[str], outputs: Sequence[str]) -> Foresight:
    """What follows from `PATH=VALUE` of `sets` and `CALL=FILE` of `outputs`; AgentdbgError for what does not fit."""
    inspection = inspect(reader, trace_id, span_id)
    trace = reader.trace(trace_id)
    calls = calls_of(trace)
    tools = Tools(trace, calls, follow(calls))
    uses = [use for call in calls for use in tools.of_call(call)]
    uses += tools.unasked(members(trace, "span", trace.by_id()[inspection.subject_span_id]))
    supposed = suppose(inspection, calls, uses, sets, outputs)
    foreseen = _Foreseeing(supposed, {call.span_id: call for call in calls}).all(inspection.calls)
    kinds = dict.fromkeys(change.kind for change in supposed.changes)
    own = {view.call.span_id for view in inspection.calls}
    first = min((call.start_ns or 0 for call in calls if call.span_id in own), default=0)
    later = sum(call.span_id not in own and (call.start_ns or 0) > first for call in calls)
    others = [f"what becomes of later calls of the run that are not shown here: {later}"] if later else []
    return Foresight(
        trace_id=trace_id,
        trace_name=trace.name,
        span_id=inspection.subject_span_id,
        agent=inspection.agent,
        changes=tuple(supposed.changes),
        calls=tuple(foreseen),
        not_known=(*(_NOT_KNOWN[kind] for kind in kinds), *others),
        next=(),
    )


def to_json(foresight: Foresight) -> dict[str, Any]:
    """As plain JSON values; fields may be added, never renamed."""
    return {"schema_version": 1, **asdict(foresight)}


class _Foreseeing:
    """Call by call in order: `now` are the questions and answers that are not as recorded, as far as they are known;
    `lost` the calls whose answers are not."""

    def __init__(self, supposed: Supposed, before: Mapping[str, Call]) -> None:
        self._supposed = supposed
        self._before = before
        self._kinds = {(change.kind, change.span_id) for change in supposed.changes}
        self._inputs = [change for change in supposed.changes if change.kind == "input"]
        self._now: dict[str, Call] = {}
        self._lost: dict[str, int] = {}

    def all(self, views: Sequence[CallView]) -> list[Foreseen]:
        return [self._one(view) for view in views]

    def _one(self, view: CallView) -> Foreseen:
        span_id, of = view.call.span_id, view.step.of or ""
        parted, why = None, None
        if ("question", span_id) in self._kinds:
            parted = next(
                one.difference for one in self._supposed.changes if (one.kind, one.span_id) == ("question", span_id)
            )
            self._now[span_id] = self._supposed.call(span_id)
        elif of in self._lost:
            why = f"goes on from call {self._lost[of]}, whose answer is not known"
        elif of in self._now or ("answer", of) in self._kinds or ("result", of) in self._kinds:
            parted, why = self._follow(view.call, of)
        elif found := self._holds_input(view.call):
            why = f"{found} holds what the input had there"
        return self._told(view, parted, why)

    def _told(self, view: CallView, parted: Difference | None, why: str | None) -> Foreseen:
        call, number = view.call, view.number
        answered = ("answer", call.span_id) in self._kinds
        if why is not None and not answered:
            self._lost[call.span_id] = number
            return Foreseen(number, call.span_id, call.agent, "open", why)
        if answered:
            return Foreseen(number, call.span_id, call.agent, "supposed", "answers what is supposed", parted)
        if parted is not None:
            self._lost[call.span_id] = number
            return Foreseen(
                number, call.span_id, call.agent, "asked", "is asked something else, its answer is not known", parted
            )
        return Foreseen(number, call.span_id, call.agent, "known", "is asked and answers as recorded")

    def _follow(self, call: Call, of: str) -> tuple[Difference | None, str | None]:
        """(where its question parts from the recorded one, why it is not known) of a call that goes on from one that
        is not as recorded."""
        before, now = self._before[of], self._now.get(of, self._supposed.call(of))
        said = list(call.messages or ())
        length = len(before.messages or ())
        if not _same(said[:length], before.messages or ()):
            return None, "the program rewrites what was said before, and how it would is its code"
        behind = said[length:]
        while behind and behind[0]["role"] == "assistant":
            behind.pop(0)
        while behind and all(part["type"] == "tool_result" for part in behind[0]["parts"]):
            behind.pop(0)
        if before.tool_calls and not now.tool_calls:
            return None, "the answer supposed asks for no tool: whether the program asks on is its code"
        results, missing = self._results(of, now)
        if missing is not None:
            return None, f"what {missing} gives back is recorded nowhere"
        asked = [*(now.messages or ()), {"role": "assistant", "parts": list(now.answer or ())}, *results, *behind]
        changed = replace(call, messages=tuple(asked))
        old, new = question(recorded(call)), question(recorded(changed))
        parted = next((found for layer in LAYERS if (found := difference(old, new, layer))), None)
        if parted is not None:
            self._now[call.span_id] = replace(changed, answer=self._supposed.call(call.span_id).answer)
        return parted, None

    def _results(self, of: str, now: Call) -> tuple[list[Message], str | None]:
        """The results of what an answer asks for, as a message; the tool whose result is not known, in words."""
        uses = [use for use in self._supposed.uses if use.asked_by == of]
        parts: list[Part] = []
        for asked in now.tool_calls:
            use = next((one for one in uses if _is_use(one, asked)), None)
            if use is None or use.result_from is None:
                return [], f"{asked['name']} {canonical(value_of(asked['arguments']) or {})}"
            uses.remove(use)
            result = use.result if isinstance(use.result, str) else as_text(use.result)
            parts.append({"type": "tool_result", "id": asked.get("id"), "name": asked["name"], "result": result})
        return ([{"role": "tool", "parts": parts}] if parts else []), None

    def _holds_input(self, call: Call) -> str | None:
        """Where in a question something stands that the input had in a changed place."""
        for change in self._inputs:
            told = [text for text in scalars(value_of(change.before)) if len(text) >= _TELLING]
            for item in items(call.messages or ()):
                if any(text in str(item.value) for text in told):
                    return item.path
        return None


def _is_use(use: ToolUse, asked: Part) -> bool:
    return use.tool == asked["name"] and canonical(use.arguments or {}) == canonical(value_of(asked["arguments"]) or {})


def _same(some: Sequence[Message], others: Sequence[Message]) -> bool:
    return [item.key for item in items(some)] == [item.key for item in items(others)]
