"""Recorded calls and a question in, which of them answers it out."""

from __future__ import annotations

from typing import Any

import pytest

from agentdbg.replay.asked import Asked, recorded
from agentdbg.replay.call import Call
from agentdbg.replay.matching import HARD, USUAL, Match, Matcher
from tests.replay.recorded import call, llm

ROME = "system You are careful.\nuser find rome"
OSLO = "system You are careful.\nuser find oslo"


def said(span_id: str, given: str, answer: str | None = "assistant ok", at: int = 1, **more: Any) -> Call:
    return call(llm(span_id, given, answer, at, **more))


def ask(given: str, **more: Any) -> Asked:
    return recorded(said("live", given, None, **more))


def told(match: Match) -> str:
    """`served span`, or `miss why, nearest span: path recorded -> now`."""
    if match.call is not None:
        masked = f" masked {', '.join(match.volatile)}" if match.volatile else ""
        return f"{match.call.span_id}{masked}" + "".join(f", soft {one.path}" for one in match.soft)
    near = f" near {match.nearest.span_id}" if match.nearest else ""
    parted = match.difference
    return f"{match.miss}{near}" + (f": {parted.path} {parted.before} -> {parted.after}" if parted else "")


def play(calls: list[Call], *questions: str, **how: Any) -> list[str]:
    matcher = Matcher(calls, **how)
    return [told(matcher.take(ask(question))) for question in questions]


def test_content_is_served_in_any_order_and_each_call_once() -> None:
    calls = [said("a", ROME), said("b", OSLO, at=2)]
    assert play(calls, OSLO, ROME) == ["b", "a"]
    assert play(calls, ROME, ROME) == ["a", "extra near a"]


def test_equal_questions_are_served_in_recorded_order() -> None:
    assert play([said("a", ROME), said("b", ROME, at=2)], ROME, ROME) == ["a", "b"]


def test_what_no_call_asked_is_a_miss_with_the_nearest_and_where_it_parts() -> None:
    calls = [said("a", ROME), said("b", OSLO, at=2)]
    assert play(calls, ROME, "system You are careful.\nuser find bern") == [
        "a",
        "changed near b: $.messages[1].parts[0].text find oslo -> find bern",
    ]


def test_the_nearest_call_is_one_of_the_same_instructions() -> None:
    calls = [said("a", "system You write.\nuser go"), said("b", ROME, at=2)]
    assert play(calls, ROME + " now") == ["changed near b: $.messages[1].parts[0].text find rome -> find rome now"]


def test_a_message_more_and_a_message_less() -> None:
    calls = [said("a", f"{ROME}\nassistant which?\nuser the city")]
    assert play(calls, f"{ROME}\nassistant which?") == ["changed near a: $.messages[3].parts[0] user: the city -> None"]
    more = f"{ROME}\nassistant which?\nuser the city\nuser please"
    assert play(calls, more) == ["changed near a: $.messages[4].parts[0] None -> user: please"]


def test_dates_and_ids_are_masked_only_where_nothing_else_tells_calls_apart() -> None:
    dated = "system Today is 2026-03-01.\nuser find rome"
    now = dated.replace("2026-03-01", "2026-11-20")
    assert play([said("a", dated)], now) == ["a masked date"]
    two = [said("a", dated), said("b", dated.replace("03-01", "03-02"), at=2)]
    assert play(two, dated.replace("03-01", "03-02"), dated) == ["b", "a"]
    assert play(two, now) == [
        "changed near a: $.messages[0].parts[0].text Today is 2026-03-01. -> Today is 2026-11-20."
    ]


@pytest.mark.parametrize(
    ("recorded", "now", "rule"),
    [("2026-03-01T10:00:00Z", "2026-11-20T09:14:03.123+02:00", "time"), ("March 1, 2026", "November 20, 2026", "date"),
     ("Sunday, March 1, 2026", "Friday, November 20, 2026", "date"), ("10:00", "23:59", "time"),
     ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "6fa459ea-ee8a-3ca4-894e-db77e160355e", "uuid"),
     ("1772359200", "1795163689", "epoch"), ("<Tool at 0x7f3aa1b2>", "<Tool at 0x7f3bb1c2>", "address")],
)  # fmt: skip
def test_what_is_volatile(recorded: str, now: str, rule: str) -> None:
    assert play([said("a", f"user at {recorded} exactly")], f"user at {now} exactly") == [f"a masked {rule}"]


@pytest.mark.parametrize(
    ("recorded", "now"),
    [("page 2", "page 3"), ("14.2 kg", "14.3 kg"), ("order 4711", "order 4712"), ("v1.2.3", "v1.2.4")],
)
def test_what_is_not(recorded: str, now: str) -> None:
    assert play([said("a", f"user {recorded}")], f"user {now}")[0].startswith("changed near a")


def test_ids_of_tool_calls_white_space_and_the_order_of_parallel_results_say_nothing() -> None:
    asked = f'{ROME}\ncall c1 search {{"q": "rome"}}\ncall c2 read {{"n": 1}}\n'
    calls = [said("a", f'{asked}result c1 ["old"]\nresult c2 new')]
    other = asked.replace("c1", "x1").replace("c2", "x2").replace("find", "find  ")
    assert play(calls, f'{other}result x2 new\nresult x1 [ "old" ]') == ["a"]


def test_another_tool_result_is_where_questions_part() -> None:
    asked = f'{ROME}\ncall c1 search {{"q": "rome"}}\nresult c1 '
    assert play([said("a", f"{asked}4 degrees")], f"{asked}99 degrees") == [
        "changed near a: $.messages[3].parts[0].result 4 degrees -> 99 degrees"
    ]


def test_strict_wants_the_recorded_order() -> None:
    calls = [said("a", ROME), said("b", OSLO, at=2)]
    assert play(calls, ROME, OSLO, mode="strict") == ["a", "b"]
    assert play(calls, OSLO, mode="strict") == ["changed near a: $.messages[1].parts[0].text find rome -> find oslo"]


def test_ordered_serves_whatever_is_asked_and_tells_the_difference() -> None:
    calls = [said("a", ROME), said("b", OSLO, at=2)]
    assert play(calls, ROME, "user x", "user y", mode="ordered") == [
        "a",
        "b, soft $.messages[0].parts[0], soft $.messages[1].parts[0].text",
        "extra near b",
    ]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(USUAL, "a, soft $.tools.search, soft $.parameters.temperature"), (HARD, "changed near a: $.tools.search None -> {}"),
     ({**USUAL, "tools": "off", "parameters": "off"}, "a")],
)  # fmt: skip
def test_layers_count_as_the_user_wants(weights: Any, expected: str) -> None:
    calls = [said("a", ROME, tools="[]", parameters='{"temperature": 0.2}')]
    now = ask(ROME, tools='[{"name": "search", "parameters": {}}]', parameters='{"temperature": 0.9, "top_p": 1}')
    assert told(Matcher(calls, weights=weights).take(now)) == expected


def test_tools_that_were_not_recorded_are_no_difference() -> None:
    assert told(Matcher([said("a", ROME)]).take(ask(ROME, tools='[{"name": "search", "parameters": {}}]'))) == "a"


def test_a_failed_attempt_that_was_repeated_with_success_is_left_out() -> None:
    failed = said("a", ROME, None, status="error", error_type="RateLimitError")
    assert play([failed, said("b", ROME, at=2)], ROME) == ["b"]
    assert play([failed], ROME) == ["a"]


def test_what_is_not_recorded_whole_makes_no_divergence() -> None:
    cut = call(llm("a", "user find", "assistant ok", 1), "partial", "71 attributes were dropped")
    assert play([cut], ROME)[0].startswith("damaged near a")
    assert play([said("b", ROME, None)], ROME) == ["unanswered near b"]
    unread = call(llm("c", None, "assistant ok", 1), "partial", "no messages are recorded")
    assert play([said("a", ROME), unread], OSLO)[0].startswith("damaged near a")


def test_equal_questions_at_the_same_time_are_ambiguous_where_their_answers_differ() -> None:
    def groups(*calls: Call) -> list[list[str]]:
        return [[one.span_id for one in group] for group in Matcher(calls).ambiguous()]

    assert groups(said("a", ROME), said("b", ROME, "assistant no")) == [["a", "b"]]
    assert groups(said("a", ROME), said("b", ROME)) == []
    assert groups(said("a", ROME), said("b", ROME, "assistant no", at=5)) == []
