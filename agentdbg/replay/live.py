"""Prompt or chance? One recorded question asked again and again, of a real model: what comes back how often."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentdbg.errors import AgentdbgError
from agentdbg.replay.call import Call, Traces, calls_of
from agentdbg.replay.decisions import decision
from agentdbg.replay.endpoint import TIMEOUT_S, Answered, Api, Endpoint, api_of, ask, endpoint
from agentdbg.replay.inspect import inspect
from agentdbg.replay.inspection import Inspection
from agentdbg.replay.measured import Measured, clusters, verdict
from agentdbg.replay.predicate import Predicate
from agentdbg.replay.supposed import Supposed, suppose

if TYPE_CHECKING:
    import httpx2

AT_ONCE = 4
_TRIES = 3


class Sample:
    """The answers so far: kept when the asking is interrupted."""

    def __init__(self) -> None:
        self.answers: dict[int, Answered] = {}
        self.failed: Counter[str] = Counter()
        self.waited = 0
        self.interrupted = False

    def take(self, there: Endpoint, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Ask all; Ctrl-C ends it with what came by then. A question that the endpoint refuses is not asked again."""
        try:
            asyncio.run(self._all(there, bodies))
        except KeyboardInterrupt:
            self.interrupted = True

    async def _all(self, there: Endpoint, bodies: Sequence[Mapping[str, Any]]) -> None:
        import httpx2

        room = asyncio.Semaphore(AT_ONCE)
        async with httpx2.AsyncClient(timeout=TIMEOUT_S) as client:
            if not await self._one(client, there, bodies[0], 0, room):
                return
            await asyncio.gather(*(self._one(client, there, body, n, room) for n, body in enumerate(bodies) if n))

    async def _one(
        self, client: httpx2.AsyncClient, there: Endpoint, body: Mapping[str, Any], number: int, room: asyncio.Semaphore
    ) -> bool:
        """Whether it is of use to go on: the very same question is refused for the same reason."""
        async with room:
            told = await ask(client, there, body)
            for tried in range(1, _TRIES):
                if isinstance(told, Answered) or told.again is None:
                    break
                self.waited += 1
                await asyncio.sleep(told.again * tried)
                told = await ask(client, there, body)
        if isinstance(told, Answered):
            self.answers[number] = told
            return True
        self.failed[told.reason] += 1
        return told.again is not None


def bodies(call: Call, there: Endpoint, model: str | None, seed: int | None, count: int) -> list[dict[str, Any]]:
    """The recorded request `count` times over; with a seed, each with the next one, since one seed gives one answer."""
    body = there.wire.request(call)[1]
    if model is not None and "model" in body:
        body = {**body, "model": model}
    if seed is None or not there.speech.seed:
        return [body] * count
    return [_with(body, there.speech.seed, seed + n) for n in range(count)]


def _with(body: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**body, name: _with(body.get(name) or {}, rest, value) if rest else value}


@dataclass(frozen=True, slots=True)
class How:
    """What the user says of the asking; None leaves it as recorded."""

    base_url: str
    model: str | None = None
    api: Api | None = None
    key_name: str | None = None
    seed: int | None = None
    count: int = 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked where: the recorded call, and `call`, the same with what is supposed in it, ready to be sent."""

    inspection: Inspection
    supposed: Supposed
    recorded: Call
    call: Call
    there: Endpoint
    bodies: list[dict[str, Any]]
    model: str | None
    seed: int | None


def prepare(reader: Traces, trace_id: str, span_id: str, how: How, sets: Sequence[str]) -> Question:
    """The question of the model call that a span is, or that `sets` change; AgentdbgError where that is none or
    several, or is not recorded."""
    inspection = inspect(reader, trace_id, span_id)
    calls = calls_of(reader.trace(trace_id))
    supposed = suppose(inspection, calls, (), sets, ())
    if supposed.of_kind("input"):
        raise AgentdbgError("a model is not given an agent's input", "--set 'messages[-1].text=…' changes a question")
    span = _the_call(inspection, {change.span_id for change in supposed.changes})
    recorded = next(call for call in calls if call.span_id == span)
    call = supposed.call(span)
    if not call.messages:
        raise AgentdbgError(f"what the call in span {span} was asked is not recorded: {call.reason}")
    if not (how.model or call.model):
        raise AgentdbgError(f"the model that the call in span {span} asked is not recorded", "--model NAME names one")
    told = reader.rows("SELECT response_id FROM spans WHERE trace_id = $t AND span_id = $s", t=trace_id, s=span)
    there = endpoint(how.base_url, how.api, api_of(told[0][0] if told else None, call.provider), call, how.key_name)
    was = (call.parameters or {}).get("seed")
    seed = how.seed if how.seed is not None else was if isinstance(was, int) else None
    return Question(
        inspection=inspection,
        supposed=supposed,
        recorded=recorded,
        call=call,
        there=there,
        bodies=bodies(call, there, how.model, seed, how.count),
        model=how.model or call.model,
        seed=seed,
    )


def _the_call(inspection: Inspection, changed: set[str]) -> str:
    own = [view.call.span_id for view in inspection.calls]
    wanted = sorted(changed) or own
    if len(wanted) == 1:
        return wanted[0]
    if not own:
        raise AgentdbgError("there is no model call here to ask again", f"agentdbg show {inspection.trace_id}")
    several = ", ".join(own[:8]) + (", …" if len(own) > 8 else "")
    raise AgentdbgError(f"{len(own)} model calls were made here, and one is asked", f"name its span: {several}")


def measure(asked: Question, wanted: Predicate | None) -> Measured:
    """Ask, and conclude. Counted is what is `wanted`, or the recorded decision."""
    was = asked.recorded.answer
    if wanted is None and not was:
        hint = "--predicate 'tool==NAME' says what to look for"
        raise AgentdbgError("the recording has no answer to compare with", hint)
    sample = Sample()
    sample.take(asked.there, asked.bodies)
    got = [sample.answers[n] for n in sorted(sample.answers)]
    groups = clusters([one.parts for one in got], was, wanted)
    counted = sum(one.count for one in groups if one.counted)
    judged, reason, low, high = verdict(counted, len(got), bool(asked.supposed.changes))
    return Measured(
        verdict=judged,
        reason=reason,
        trace_id=asked.inspection.trace_id,
        trace_name=asked.inspection.trace_name,
        span_id=asked.call.span_id,
        agent=asked.call.agent,
        api=asked.there.wire.api,
        url=asked.there.shown,
        model=asked.model,
        recorded_model=asked.recorded.model,
        models=tuple(sorted({one.model for one in got if one.model})),
        looked_for=wanted.words if wanted else "the recorded decision",
        recorded=decision(was).words if was else "nothing",
        wanted=len(asked.bodies),
        answered=len(got),
        counted=counted,
        low=low,
        high=high,
        clusters=groups,
        failed=tuple(sorted(sample.failed.items(), key=lambda one: (-one[1], one[0]))),
        waited=sample.waited,
        interrupted=sample.interrupted,
        input_tokens=sum(one.input_tokens or 0 for one in got),
        output_tokens=sum(one.output_tokens or 0 for one in got),
        changes=tuple(asked.supposed.changes),
        notes=tuple(_notes(asked, got, wanted is None)),
    )


def _notes(asked: Question, got: Sequence[Answered], same: bool) -> Iterator[str]:
    """What the question lacks, and what the figures do not say."""
    call = asked.call
    if call.grade != "exact":
        yield f"the question may lack what was asked: {call.reason}"
    if any(part["type"] == "reasoning" for message in call.messages or () for part in message["parts"]):
        yield "recorded reasoning was left out: providers take none but what they have signed"
    if asked.there.speech.name == "Anthropic Messages" and "max_tokens" not in (call.parameters or {}):
        yield f"no max_tokens is recorded, and one is needed: {asked.bodies[0]['max_tokens']} were allowed"
    models = sorted({one.model for one in got if one.model})
    if asked.recorded.model and models and models != [asked.recorded.model]:
        yield f"recorded with {asked.recorded.model}, answered by {', '.join(models)}"
    if asked.seed is not None and not asked.there.speech.seed:
        yield f"{asked.there.wire.api} takes no seed: none was sent"
    elif asked.seed is not None:
        last = asked.seed + len(asked.bodies) - 1
        yield f"sent with seeds {asked.seed} to {last}: one seed would give one answer again and again"
    if (call.parameters or {}).get("temperature") == 0:
        yield "temperature 0: answers repeat one another by design, so that the interval promises more than it holds"
    if same and asked.recorded.answer and decision(asked.recorded.answer).kind == "text":
        yield "the recorded answer is prose: counted is what says nearly the same; --predicate 'text~=…' is surer"
