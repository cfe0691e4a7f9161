"""A case without its secrets, and a program that still has them: the same questions are recognised."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("detect_secrets", reason="the extra `redact` is not installed")

from agentdbg.model import Span
from agentdbg.replay.case import Case, OneTrace, case_of
from agentdbg.replay.case_file import text
from agentdbg.replay.inspect import WHOLE_RUN
from agentdbg.replay.redacted import Redaction, redacted, redaction_of
from agentdbg.replay.replayed import Replayed
from agentdbg.replay.rerun import Rerun, prepare
from agentdbg.replay.tape import Policies
from agentdbg.replay.updating import update
from agentdbg.replay.verdict import judge
from tests.replay.recorded import agent, llm, tool, trace
from tests.replay.test_verdict import body, own

ASKED = "system You serve ann@shop.org. Use the password hunter2-x.\nuser mail bob@home.org and cid@home.org\n"
CALL = 'call c1 login {"password": "hunter2-x"}'
TOLD = f"{ASKED}{CALL}\nresult c1 welcome, bob@home.org"


def run() -> list[Span]:
    return [
        agent("turn", "mailer", 0, 8, input='{"to": "bob@home.org"}', output='"sent to bob@home.org"'),
        llm("m1", ASKED, CALL, 1, "mailer", "turn"),
        tool("s1", "login", {"password": "hunter2-x"}, "welcome, bob@home.org", 3, "mailer", turn_id="turn", tool_call_id="c1"),
        llm("m2", TOLD, "assistant sent to bob@home.org", 5, "mailer", "turn"),
    ]  # fmt: skip


def replay(*questions: str, spans: list[Span] | None = None, **more: Any) -> Replayed:
    """A question is a conversation; `login WORD` calls the tool, `returned JSON` is what a target gave back."""
    case = redacted(case_of(trace(spans or run()), WHOLE_RUN, "0.0"))
    ready = prepare(case.reader, "t", case.span_id, Policies({}), redaction=Redaction(case.trace), **more)
    for question in questions:
        word, _, rest = question.partition(" ")
        if word == "login":
            told = {"tool": "login", "arguments": {"password": rest}, "call_id": None, "hands_over": False}
            own(ready.playback, "tool", told)
        elif word == "returned":
            own(ready.playback, "returned", json.loads(rest))
        else:
            ready.playback.answer("/v1/chat/completions", {}, body(question))
    return judge(ready, 0)


def told(done: Replayed) -> str:
    return f"{done.verdict}: {done.reason} {[one.message for one in done.findings]}"


def test_nothing_secret_is_in_the_file_and_what_was_equal_is() -> None:
    file = text(redacted(case_of(trace(run()), "turn", "0.0")))
    assert [word for word in ("ann@", "bob@", "cid@", "hunter2") if word in file] == []
    assert "You serve <email:2>. Use the password <secret:1>." in file
    assert "mail <email:1> and <email:3>" in file
    assert '"redacted": {"email": 3, "secret": 1}' in file
    assert '"id": "c1"' in file


def test_what_is_hidden_in_names_is_counted_too() -> None:
    spans = [replace(span, name=f"{span.name} for dora@home.org") for span in run()]
    whole = replace(trace(spans), name="mail of eve@home.org")
    assert redacted(case_of(whole, "turn", "0.0")).redacted == {"email": 5, "secret": 1}


def test_a_program_that_has_the_values_asks_the_same() -> None:
    """The password in the prompt is found by no rule: that it stands where the case hides one tells it."""
    done = replay(ASKED, "login hunter2-x", TOLD, 'returned "sent to bob@home.org"')
    assert told(done) == "reproduced: the program asked what was recorded: 2 of 2 calls []"
    assert done.unreal == ("placeholders stand for what the recording hides: email (3), secret (1)",)


def test_a_program_that_was_served_placeholders_asks_the_same() -> None:
    served = TOLD.replace('"hunter2-x"', '"<secret:1>"').replace("welcome, bob@home.org", "welcome, <email:1>")
    assert told(replay(ASKED, "login <secret:1>", served)).startswith("reproduced")


def test_other_values_in_the_same_places_are_the_same_question_and_mixed_ones_are_not() -> None:
    other = [text.replace("bob@", "bea@").replace("hunter2-x", "other-pw1") for text in (ASKED, TOLD)]
    assert told(replay(other[0], "login other-pw1", other[1])).startswith("reproduced")
    mixed = TOLD.replace("welcome, bob@home.org", "welcome, cid@home.org")
    done = replay(ASKED, "login hunter2-x", mixed)
    assert done.verdict == "diverged"
    assert "character 9: recorded 'welcome, <email:1>', now 'welcome, <email:3>'" not in told(done)
    assert "recorded 'welcome, <email:1>', now 'welcome, <email:3>'" in told(done)


def test_where_a_question_parts_is_told_and_not_that_the_case_hides_something() -> None:
    done = replay(ASKED.replace("You serve", "You only serve"))
    assert (
        "recorded 'You serve <email:2>. Use the password <secret:1>.', now 'You only serve <email:2>. Use the password"
        in told(done)
    )


def test_questions_that_differ_by_a_hidden_value_alone_stay_apart() -> None:
    """Two at the same time; the program asks them the other way round, with what each was answered."""
    both = [
        llm("a", "user who is ann@x.org", "assistant Ann", 1),
        llm("b", "user who is bob@x.org", "assistant Bob", 1),
        llm("c", "user ann@x.org is Ann, bob@x.org is Bob", "assistant fine", 5),
    ]
    questions = ["user who is ann@x.org", "user who is bob@x.org", "user ann@x.org is Ann, bob@x.org is Bob"]
    assert told(replay(*questions, spans=both)).startswith("reproduced")
    done = replay("user who is ann@x.org", "user who is ann@x.org", spans=both)
    assert done.findings[0].detector == "replay.extra_call"


def test_a_value_may_be_spelled_out_beside_the_placeholder_that_was_served_for_it() -> None:
    spans = [
        llm("a", "user who is it?", "assistant ann@x.org", 1),
        llm("b", "user who is it?\nassistant ann@x.org\nuser then mail ann@x.org", "assistant ok", 3),
    ]
    second = "user who is it?\nassistant <email:1>\nuser then mail ann@x.org"
    assert told(replay("user who is it?", second, spans=spans)).startswith("reproduced")


def test_many_values_that_no_rule_finds_take_no_time() -> None:
    words = [f"pw-{n:02}-x9" for n in range(40)]
    spans = [llm("a", f"user {', '.join(words)}", "assistant ok", 1, parameters=json.dumps({"password": words[0]}))]
    spans += [llm(f"b{n}", f"user password: {word}", "assistant ok", 3 + n) for n, word in enumerate(words)]
    assert replay(f"user {', '.join(words)}, and more", spans=spans).verdict == "diverged"
    assert replay(f"user {', '.join(words)}", spans=spans).asked[0].outcome == "served"


def test_dates_that_differ_do_not_hide_who_is_meant() -> None:
    spans = [llm("a", "user 2026-11-20: mail ann@x.org", "assistant ok", 1)]
    assert told(replay("user 2026-11-21: mail ann@x.org", spans=spans)).startswith("reproduced")


@pytest.mark.parametrize("had", ["user mail bob@home.org", "user hello"])
def test_what_is_accepted_is_redacted_as_the_case_is(had: str) -> None:
    one = redacted(case_of(trace([llm("m1", had, "assistant ok", 1)]), WHOLE_RUN, "0.0"))
    new = "user mail bob@home.org, dora@shop.org and dora@shop.org, the password is hunter2-x"

    def asked(case: Case) -> Rerun:
        ready = prepare(
            case.reader, "t", case.span_id, Policies({}), redaction=redaction_of(case.trace), accept=case is one
        )
        ready.playback.answer("/v1/chat/completions", {}, body(new))
        return ready

    ready = asked(one)
    after, told = update(one, ready.playback.journal, judge(ready, 0), "for eve@home.org", "x")
    shown = text(after)
    assert [word for word in ("bob@", "dora@", "eve@", "hunter2", ":?") if word in shown + "".join(told.diff)] == []
    assert "mail <email:1>, <email:2> and <email:2>, the password is <secret:1>" in shown
    assert after.redacted == {"email": 2, "secret": 1}
    assert judge(asked(after), 0).verdict == "reproduced"


def test_a_store_that_was_redacted_is_replayed_as_well_and_its_placeholders_stay_its_own() -> None:
    spans = [llm("a", "user mail <email:3f2a.1> and <email:1>", "assistant ok", 1)]
    redaction = redaction_of(trace(spans))
    ready = prepare(OneTrace(trace(spans)), "t", WHOLE_RUN, Policies({}), redaction=redaction)
    ready.playback.answer("/v1/chat/completions", {}, body("user mail ann@x.org and bob@x.org"))
    assert told(judge(ready, 0)).startswith("reproduced")
    assert redaction_of(trace(run())) is None

    missed = [llm("a", "user mail <email:1> and ann@x.org, page <page:7>", "assistant ok", 1)]
    case = redacted(case_of(trace(missed), WHOLE_RUN, "0.0"))
    assert "mail <email:1> and <email:2>, page <page:7>" in (case.trace.spans[0].input or "")
    assert case.redacted == {"email": 2}


def test_what_the_case_left_in_the_open_is_no_secret_of_the_program() -> None:
    """Rules come and go: a value that stands in the case as it is stays as it is in what the program says."""
    spans = [llm("a", "user mail ann@x.org", "assistant ok", 1), llm("b", "user mail bob@x.org", "assistant ok", 3)]
    case = redacted(case_of(trace(spans), WHOLE_RUN, "0.0"))
    span = case.trace.by_id()["b"]
    span.input = (span.input or "").replace("<email:2>", "bob@x.org")
    ready = prepare(case.reader, "t", WHOLE_RUN, Policies({}), redaction=Redaction(case.trace))
    for question in ("user mail ann@x.org", "user mail bob@x.org"):
        ready.playback.answer("/v1/chat/completions", {}, body(question))
    assert told(judge(ready, 0)).startswith("reproduced: the program asked what was recorded: 2 of 2 calls")
