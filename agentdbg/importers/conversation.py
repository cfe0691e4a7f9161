"""Chat messages as a trace. No run tree was recorded, so it is rebuilt from what the messages say: a span for the
whole, one for every stretch of answers under one agent's name, one an answer, and one a tool call with its result.

Spans stand in the order of the messages. Where these tell no times, spans follow one another by a nanosecond, so that
nothing appears to have taken any time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate
from typing import Any

from agentdbg.importers.derived import PROMPT_BYTES, mark
from agentdbg.importers.notes import Notebook
from agentdbg.importers.plain_names import PATHS
from agentdbg.importers.times import MAX_NS, to_ns
from agentdbg.rows import RawSpan
from agentdbg.vocabulary.jsontext import dump
from agentdbg.vocabulary.messages import CALL_TYPES, REASONING_TYPES, Message, Part

_AGENT = ("name", "agent", "agent_name")
_HANDED_BACK = "__is_handoff_back"  # LangGraph's supervisor puts words into its agents' mouths: no model said them
_OPEN = 1_000  # conversations that a later record may go on with
_FAILED = ("error", "failed")


@dataclass(slots=True)
class Turn:
    """A message as recorded, and the neutral message that it is. apart: it is the response that a record holds beside
    its messages; error: what came instead of that."""

    raw: Any
    said: Message
    apart: bool = False
    error: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The fields of the message, out of the wrapping that LangChain's serialised forms put around them."""
        raw = self.raw if isinstance(self.raw, dict) else {}
        inner = None if "content" in raw else raw.get("kwargs", raw.get("data"))
        return inner if isinstance(inner, dict) else raw

    @property
    def handed_back(self) -> bool:
        metadata = self.body.get("response_metadata")
        return isinstance(metadata, dict) and bool(metadata.get(_HANDED_BACK))

    def parts(self, kind: str) -> list[Part]:
        return [part for part in self.said["parts"] if part["type"] == kind]


@dataclass(slots=True)
class Told:
    """What a record tells of a conversation. beside: its other fields; request: those of them that were sent with the
    messages. start_ns, end_ns: of the record. trace_id: the trace it was made of, where one is named."""

    turns: list[Turn]
    beside: dict[str, Any] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)
    trace_id: str | None = None
    status: str = "unset"
    start_ns: int | None = None
    end_ns: int | None = None
    line: int | None = None


class Conversations:
    """The conversations of one input. A record whose messages begin with all of an earlier one and its answer goes on
    with that one: a log of an agent's calls repeats in each what was said before.

    timed: whether all that were read so far tell when things were said; None before the first."""

    def __init__(self, scope: str, notes: Notebook) -> None:
        self._scope = scope
        self._notes = notes
        self._open: dict[bytes, _Tree] = {}  # by what was said so far
        self.timed: bool | None = None

    def spans(self, told: Told) -> Iterator[RawSpan]:
        """The spans that a record adds, as far as nothing can be added to them."""
        marks = _marks(told.turns)
        known = next((size for size in range(len(told.turns) - 1, 0, -1) if marks[size] in self._open), 0)
        tree = self._open.pop(marks[known]) if known else _Tree(told, self._scope, self._notes)
        yield from tree.grow(told, known)
        self.timed = tree.timed and self.timed is not False
        if twin := self._open.pop(marks[-1], None):
            yield from twin.close()
        if any(turn.said["role"] == "assistant" for turn in told.turns):
            self._open[marks[-1]] = tree
        else:
            yield from tree.close()
        while len(self._open) > _OPEN:
            yield from self._open.pop(next(iter(self._open))).close()

    def rest(self) -> Iterator[RawSpan]:
        """The spans of all conversations that are still open."""
        for said in list(self._open):
            yield from self._open.pop(said).close()


def _marks(turns: list[Turn]) -> list[bytes]:
    """What names the first 0, 1, 2, … messages: who said what. Where a message ends is left out, since a response of
    one is sent back as several, and so is reasoning, which is often not sent back."""
    marks = [b""]
    for turn in turns:
        here = marks[-1]
        said = [part for part in turn.said["parts"] if part["type"] != "reasoning"]
        for part in said if turn.error is None else [turn.error]:
            here = blake2b(here + _written([turn.said["role"], part]), digest_size=16).digest()
        marks.append(here)
    return marks


class _Tree:
    """The spans of one conversation, as they are rebuilt. timed: whether the messages read last tell their times, or
    are a single call whose times are told. waiting: tool calls without a result, by id, else by name; done: spans that
    nothing can be added to."""

    def __init__(self, told: Told, scope: str, notes: Notebook) -> None:
        content = _written([[turn.raw for turn in told.turns], told.beside])
        # the runs of this trace may be in the store as well: what is rebuilt must not mix with them
        self._trace_id = f"{told.trace_id}.messages" if told.trace_id else blake2b(content, digest_size=16).hexdigest()
        self._ids = blake2b(self._trace_id.encode("utf-8", "replace"), digest_size=6).hexdigest()[1:]
        self._scope = scope
        self._notes = notes
        self._count = 0
        self._clock = told.start_ns or 0
        self._bytes_left = PROMPT_BYTES
        self.timed = False
        self._waiting: dict[str, list[RawSpan]] = {}
        self._agent: RawSpan | None = None
        self._answer: RawSpan | None = None
        self._done: list[RawSpan] = []
        self._root = self._span("run", "conversation", None, told)
        if not told.turns:
            notes.add("info", "a conversation holds no messages: what was done in it is not told", line=told.line)
        if told.beside:
            self._root.attributes["conversation.record"] = told.beside

    def grow(self, told: Told, known: int) -> list[RawSpan]:
        """Add the messages after the first `known` ones; answers the spans that are done."""
        times = self._times(told, known)
        sizes = [0, *accumulate(len(_written(turn.said["parts"])) for turn in told.turns)]
        spoken = [at for at, turn in enumerate(told.turns) if turn.said["role"] == "assistant"]
        before = max((at for at in spoken if at < known), default=-1)
        for index in range(known, len(told.turns)):
            turn = told.turns[index]
            self._clock = min(max(self._clock, times[index - known]), MAX_NS)
            if turn.said["role"] == "assistant":
                joins = index > known and before == index - 1 and _one_answer(told.turns[before], turn)
                if self._answer is not None and joins:
                    self._answer.attributes["conversation.message"].append(turn.raw)
                else:
                    self._said(told, turn)
                    self._remember(told, index, before, sizes[index])
                before = index
                self._calls(turn, told)
            self._results(turn, told)
        self._summary(told, spoken)
        done, self._done = self._done, []
        return done

    def close(self) -> list[RawSpan]:
        """All that could still have been added to."""
        self._end_agent()
        return [*self._done, *(span for spans in self._waiting.values() for span in spans), self._root]

    def _span(self, step: str, name: str, parent: RawSpan | None, told: Told) -> RawSpan:
        """A span of this moment. Its id sorts by its place in the conversation."""
        self._count += 1
        return RawSpan(
            self._trace_id,
            f"{self._count:05x}{self._ids}",
            parent.span_id if parent else None,
            name,
            self._clock,
            self._clock,
            attributes=mark({"conversation.step": step}, *self._unrecorded()),
            scope=self._scope,
            line=told.line,
        )

    def _unrecorded(self, whole: bool = True) -> list[str]:
        """What a span holds that is not recorded. whole: its prompt is known from the first message on."""
        return ["tree", *(() if self.timed else ("times",)), *(() if whole else ("input",))]

    def _times(self, told: Told, known: int) -> list[int]:
        """A moment for each new message: as they tell, else one after the other from the start of the record."""
        found = [_moment(turn) for turn in told.turns[known:]]
        recorded = [at for at in found if at is not None]
        self.timed = len(recorded) == len(found) and recorded == sorted(recorded)
        if self.timed:
            self._root.start_ns = recorded[0] if recorded and not known and not told.start_ns else self._root.start_ns
            return recorded
        answers = sum(turn.said["role"] == "assistant" for turn in told.turns[known:])
        self.timed = told.start_ns is not None and answers == 1 and told.turns[-1].apart
        start_ns = max(told.start_ns or 0, self._clock + 1)
        return [start_ns + place for place in range(len(found))]

    def _said(self, told: Told, turn: Turn) -> None:
        """An answer, below the agent that the message names."""
        body = turn.body
        told_names = (body[key] for key in _AGENT if isinstance(body.get(key), str) and body[key])
        named = next(told_names, turn.said.get("name"))
        if self._agent is None or self._agent.name != named:
            self._end_agent()
            self._agent = self._span("agent", str(named), self._root, told) if named else None
        nameless = [key for key, spans in self._waiting.items() if not spans[0].attributes["conversation.call"]["id"]]
        for key in nameless:  # calls without an id are answered before the model speaks again
            self._done += self._waiting.pop(key)
        span = self._span("aside" if turn.handed_back else "answer", "answer", self._agent or self._root, told)
        if not turn.apart:
            span.attributes["conversation.message"] = [turn.raw]
        elif turn.error is None:
            span.attributes["conversation.response"] = turn.raw
        if turn.apart and told.end_ns is not None:
            span.end_ns = self._clock = max(told.end_ns, self._clock)
        if turn.error is not None:
            span.status, span.status_message = "error", turn.error
        if told.request and turn.apart == told.turns[-1].apart:  # answers before a response are of earlier requests
            span.attributes["conversation.request"] = told.request
        self._answer = span
        self._done.append(span)

    def _remember(self, told: Told, index: int, before: int, size: int) -> None:
        """The messages before an answer; in a very long conversation, only what is new since the answer before."""
        if self._answer is None:
            return
        first = 0 if size <= self._bytes_left else before + 1
        self._answer.attributes["conversation.messages"] = [turn.raw for turn in told.turns[first:index]]
        # how much of a common talk one of its agents is sent, no message tells
        shared = self._agent is not None and not told.turns[index].apart
        mark(self._answer.attributes, *self._unrecorded(whole=not first and not shared))
        if first:
            self._notes.add("info", "late answers of a long conversation hold only what was new of their prompt",
                            line=told.line)  # fmt: skip
        else:
            self._bytes_left -= size

    def _calls(self, turn: Turn, told: Told) -> None:
        """A span for each tool call of an answer."""
        calls = turn.parts("tool_call")
        if turn.handed_back and self._answer is not None:
            self._answer.name = calls[0]["name"] if calls else "aside"
            return
        for part in calls:
            span = self._span("tool", part["name"] or "tool", self._agent or self._root, told)
            span.attributes["conversation.call"] = part
            if part["id"]:
                self._done += self._waiting.pop(part["id"], [])
            self._waiting.setdefault(part["id"] or part["name"], []).append(span)

    def _results(self, turn: Turn, told: Told) -> None:
        """The results of calls, which they name by id or, in older dialects, by the tool's name."""
        results = [] if turn.handed_back else turn.parts("tool_result")
        for part in results:
            key = next((key for key in (part["id"], part.get("name")) if key in self._waiting), None)
            spans = self._waiting.pop(key) if key is not None else []
            if spans[1:] and key is not None:
                self._waiting[key] = spans[1:]
            name = part.get("name") or "tool"
            span = spans[0] if spans else self._span("tool", name, self._agent or self._root, told)
            span.end_ns = self._clock
            span.attributes["conversation.result"] = turn.raw if len(results) == 1 else part
            outcome = _outcome(turn, part["id"])
            if str(outcome.get("status")).lower() in _FAILED or outcome.get("is_error") is True:
                span.status = "error"
                given = part["result"]
                span.status_message = given if isinstance(given, str) else _written(given).decode()
            elif outcome.get("status") == "success" or outcome.get("is_error") is False:
                span.status = "ok"
            self._done.append(span)

    def _end_agent(self) -> None:
        if self._agent is not None:
            self._agent.end_ns = self._clock
            self._done.append(self._agent)
            self._agent = None

    def _summary(self, told: Told, spoken: list[int]) -> None:
        """What the whole was asked and answered, and what was said after the last answer."""
        attributes, turns = mark(self._root.attributes, *self._unrecorded()), told.turns
        attributes.setdefault("conversation.input", [turn.raw for turn in turns[: spoken[0] if spoken else None]])
        attributes.pop("conversation.trailing", None)
        if spoken:
            attributes["conversation.output"] = turns[spoken[-1]].raw
            if trailing := [turn.raw for turn in turns[spoken[-1] + 1 :]]:
                attributes["conversation.trailing"] = trailing
        self._root.end_ns = max(self._clock, told.end_ns or 0)
        failed = told.turns[-1].error if told.turns else None
        self._root.status = "error" if failed is not None else told.status
        self._root.status_message = failed


def _written(value: Any) -> bytes:
    try:
        return dump(value).encode("utf-8", "replace")
    except ValueError:
        return b"(nested too deep to be written)"


def _moment(turn: Turn) -> int | None:
    return next((at for path in PATHS["start"] if (at := to_ns(turn.body.get(path))) is not None), None)


def _one_answer(before: Turn, turn: Turn) -> bool:
    """Whether two messages are items of one answer: the Responses API tells reasoning, text and calls apart."""
    return not turn.apart and (is_item(before.raw) or is_item(turn.raw))


def is_item(raw: Any) -> bool:
    """Whether a value is an item of an answer that stands by itself: reasoning or a call."""
    kind = raw.get("type") if isinstance(raw, dict) and "role" not in raw else None
    return isinstance(kind, str) and (kind in CALL_TYPES or kind in REASONING_TYPES)


def _outcome(turn: Turn, call_id: str | None) -> dict[str, Any]:
    """Where a message tells whether a tool failed: in the block of that result, else in the message itself."""
    content = turn.body.get("content")
    blocks = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    return next((one for one in blocks if call_id and one.get("tool_use_id") == call_id), turn.body)
