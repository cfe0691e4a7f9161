"""The recorded answers behind an HTTP server, apart from the server itself: a request in, a reply out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from agentdbg.replay.answering import Event
from agentdbg.replay.call import Call
from agentdbg.replay.difference import Difference, sides
from agentdbg.replay.journal import Journal, Request, ToolRequest
from agentdbg.replay.matching import Match, Matcher
from agentdbg.replay.redacted import Redaction
from agentdbg.replay.tape import Tape
from agentdbg.replay.wires import Wire, wire_of

MISSED = 418
"""The status of a miss. No SDK retries it, and no application takes it for a long prompt (400) or a missing model
(404)."""
OWN = "/agentdbg/"
"""Where the program's own process tells and asks, beside the model APIs."""
_KEEP = {"x-should-retry": "false"}
_STATUS = re.compile(r"\b(?:error code|status(?: code)?|http)\W{0,3}([45]\d\d)\b", re.I)
_STATUSES = {
    "ratelimit": 429, "resourceexhausted": 429, "authentication": 401, "permission": 403, "notfound": 404,
    "badrequest": 400, "invalidrequest": 400, "unprocessable": 422, "timeout": 504, "overloaded": 529,
    "unavailable": 503,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is JSON, or a stream of `events`."""

    status: int
    body: Any = None
    events: list[Event] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Playback:
    """Answers questions from a recording and keeps the journal. `given` is what the program's target is called with,
    `redaction` makes what the program says comparable with a recording that hides secrets."""

    def __init__(self, matcher: Matcher, tape: Tape, given: Any = None, redaction: Redaction | None = None) -> None:
        self.matcher = matcher
        self.redaction = redaction
        self.journal = Journal()
        self._tape = tape
        self._given = given
        self._lock = Lock()

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        """The reply to a POST. `headers` have names in lower case."""
        if path.startswith(OWN):
            return self._own(path.removeprefix(OWN), json.loads(content or b"null"))
        wire = wire_of(path)
        if wire is None:
            with self._lock:
                self.journal.unknown.append(path)
            message = f"agentdbg replay: {path} is no model API that a replay serves"
            return Reply(MISSED, {"error": {"message": message, "type": "agentdbg_replay"}}, headers=_KEEP)
        try:
            body = json.loads(content)
        except ValueError:
            return Reply(400, wire.error(400, "invalid_request_error", "the body is no JSON"), headers=_KEEP)
        asked = wire.read(path, body)
        with self._lock:
            request = self._again(headers, content)
            if request is None:
                if self.redaction is not None:
                    asked = self.redaction.asked(asked, self.matcher.open())
                number = len(self.journal.requests) + 1
                request = Request(number, wire.api, content, self.matcher.take(asked), asked=asked)
                self.journal.requests.append(request)
        return _reply(wire, request, body, asked.stream)

    def _again(self, headers: Mapping[str, str], content: bytes) -> Request | None:
        """The request that a client sends once more: one that says so is served again, and takes no second recording;
        a miss is a miss however often it is tried."""
        retried = headers.get("x-stainless-retry-count", "0") != "0"
        same = next(
            (
                one
                for one in reversed(self.journal.requests)
                if one.body == content and (retried or one.match.call is None)
            ),
            None,
        )
        if same is not None:
            same.repeats += 1
        return same

    def _own(self, word: str, told: Any) -> Reply:
        with self._lock:
            if self.redaction is not None:
                told = self._hidden(word, told, self.redaction)
            if word == "tool":
                found = self._tape.ask(told["tool"], told["arguments"], told["call_id"], told["hands_over"])
                asked = len(self.journal.requests)
                self.journal.tools.append(ToolRequest(told["tool"], told["arguments"], found, asked))
                return Reply(200, asdict(found))
            if word == "given":
                return Reply(200, {"given": self._given})
            if word == "armed":
                self.journal.armed += 1
            elif word == "refused" and told not in self.journal.refused:
                self.journal.refused.append(told)
            elif word == "returned":
                self.journal.returned.append(told)
            elif word == "raised":
                self.journal.raised = told
        return Reply(200, {})

    def _hidden(self, word: str, told: Any, redaction: Redaction) -> Any:
        if word == "tool":
            return told | {"arguments": redaction.value(told["arguments"], self._tape.arguments(told["tool"]))}
        return redaction.value(told) if word in ("returned", "raised") else told


def _reply(wire: Wire, request: Request, body: Mapping[str, Any], stream: bool) -> Reply:
    call = request.match.call
    if call is None:
        message = f"agentdbg replay: call {request.number} {in_words(request.match)}"
        return Reply(MISSED, wire.error(MISSED, "agentdbg_replay_miss", message), headers=_KEEP)
    if call.answer is None:
        status, kind = status_of(call)
        return Reply(status, wire.error(status, kind, call.error or ""), headers=_KEEP)
    if stream:
        return Reply(200, events=wire.events(call, body))
    return Reply(200, wire.answer(call, body))


def status_of(call: Call) -> tuple[int, str]:
    """(HTTP status, type) of a recorded failure, as far as its words tell: 500 where they do not."""
    kind = (call.error or "").partition(":")[0]
    if found := _STATUS.search(call.error or ""):
        return int(found[1]), kind or "error"
    plain = kind.replace("_", "").replace(" ", "").lower()
    return next((status for word, status in _STATUSES.items() if word in plain), 500), kind or "error"


def in_words(match: Match) -> str:
    """Why a question has no recorded answer, with the nearest recording."""
    if match.miss == "extra":
        asked = "asks something new after all recorded calls were served" if match.difference else (
            "asks once more what was asked and answered already"
        )  # fmt: skip
        return asked + _nearest(match)
    if match.miss == "unanswered":
        return "asks what was asked, but the recording has no answer to it" + _nearest(match)
    if match.miss == "damaged":
        return "asks nothing that is recorded, and what is recorded is not whole" + _nearest(match)
    return "asks something that no recorded call asked" + _nearest(match)


def _nearest(match: Match) -> str:
    if match.nearest is None:
        return ""
    by = f" of {match.nearest.agent}" if match.nearest.agent else ""
    told = f"; the nearest is the call{by} in span {match.nearest.span_id}"
    return told + (f", {in_short(match.difference)}" if match.difference else "")


def in_short(difference: Difference) -> str:
    """Where two questions part, and what stands there."""
    at = "" if difference.at is None else f", character {difference.at}"
    before, after = (" ".join(side.split()) for side in sides(difference))
    return f"first difference at {difference.path}{at}: recorded {before!r}, now {after!r}"
