"""The recording that `python -m benchmarks.replay` measures with: every request finds its own answer."""

from __future__ import annotations

from agentdbg.replay.matching import Matcher
from agentdbg.replay.playback import Playback
from agentdbg.replay.tape import Policies, Tape
from benchmarks.replay.case import PATH, TURNS, calls, requests


def test_each_request_of_the_case_is_answered_by_the_call_it_was() -> None:
    recorded = calls(TURNS + 5)
    playback = Playback(Matcher(recorded), Tape((), Policies({})))
    replies = [playback.answer(PATH, {}, body) for body in requests(recorded)]
    assert [reply.body["id"] for reply in replies] == [f"chatcmpl-{call.span_id}" for call in recorded]
    assert [one.match.volatile for one in playback.journal.requests] == [()] * len(recorded)
    assert [len(call.messages or ()) for call in recorded[:3]] == [2, 4, 6]
