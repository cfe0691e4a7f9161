"""Conversations in, how each call follows from the ones before out."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentdbg.replay.call import Call, Message
from agentdbg.replay.consistency import Step, follow
from tests.replay.recorded import SECOND, call, llm


def sketch(*calls: Call) -> str:
    """One line a call: how it follows, then everything that its predecessor does not explain."""
    return "\n".join(_line(step) for step in follow(calls).values())


def _line(step: Step) -> str:
    out = f"{step.span_id} {step.relation}" + (f" {step.of}" if step.of else "")
    out += f" results={step.results}" if step.results else ""
    out += f" reworded={step.reworded}" if step.reworded else ""
    for mark, several in (("+", step.appended), ("in", step.inserted), ("gone", step.vanished)):
        out += "".join(f" | {mark} {said.by}: {said.text}" for said in several)
    for change in step.changed:
        out += f" | {change.path}:{change.at} {change.before!r} -> {change.after!r}"
    return out + (f" | damaged: {step.damaged}" if step.damaged else "")


ASKED = """
system You are careful.
user find rome
"""
SEARCHED = (
    ASKED
    + """
call c1 search {"q": "rome"}
result c1 ["old"]
"""
)


def test_an_input_is_the_one_before_the_answer_and_the_results() -> None:
    assert sketch(
        call(llm("1", ASKED, 'call c1 search {"q": "rome"}', 0)),
        call(llm("2", SEARCHED, "assistant Rome is old.", 2)),
        call(llm("3", SEARCHED + "assistant Rome is old.\nuser how old?", "assistant Very.", 4)),
    ) == ("1 new | + user: find rome\n2 continues 1 results=1\n3 continues 2 | + user: how old?")


def test_ids_white_space_cuts_and_the_order_of_a_batch_make_no_difference() -> None:
    first = call(llm("1", ASKED, 'assistant Looking.\ncall c1 search {"q": "rome"}\ncall c2 search {"q": "oslo"}', 0))
    second = call(
        llm(
            "2",
            """
            system You  are careful.
            user find rome
            assistant Looking.
            call x9 search {"q": "rome"}
            call x8 search {"q": "oslo"}
            result x8 [2]
            result x9 [1]
            """,
            "assistant Done.",
            2,
        )
    )
    third = call(
        llm(
            "3",
            """
            system You are careful.
            user find rome
            assistant Looking.
            call a search {"q": "rome"}
            call b search {"q": "oslo"}
            result a [1]
            result b [2]
            assistant Done.
            """,
            "assistant Bye.",
            4,
        )
    )
    assert sketch(first, second, third) == "1 new | + user: find rome\n2 continues 1 results=2\n3 continues 2"


def test_results_that_change_places_are_seen() -> None:
    asked = 'call c1 search {"q": "rome"}\ncall c2 search {"q": "oslo"}'
    told = ASKED + asked
    assert sketch(
        call(llm("1", ASKED, asked, 0)),
        call(llm("2", told + "\nresult c1 one\nresult c2 two", "assistant Done.", 2)),
        call(llm("3", told + "\nresult c1 two\nresult c2 one\nassistant Done.", "assistant Bye.", 4)),
    ).splitlines()[2] == (
        "3 continues 2 | $.messages[3].parts[0].result:0 'one' -> 'two'"
        " | $.messages[4].parts[0].result:0 'two' -> 'one'"
    )


def test_a_changed_text_is_shown_where_it_parts() -> None:
    assert sketch(
        call(llm("1", ASKED, 'call c1 search {"q": "rome"}', 0)),
        call(llm("2", SEARCHED.replace("find rome", "find Rome at once"), "assistant Rome is old.", 2)),
    ).splitlines()[1] == ("2 continues 1 results=1 | $.messages[1].parts[0].text:5 'find rome' -> 'find Rome at once'")


def test_a_system_prompt_made_anew_is_a_change_and_no_new_conversation() -> None:
    assert sketch(
        call(llm("1", ASKED, 'call c1 search {"q": "rome"}', 0)),
        call(llm("2", SEARCHED.replace("careful.", "careful. It is noon."), "assistant Rome is old.", 2)),
    ).splitlines()[1] == (
        "2 continues 1 results=1 | $.messages[0].parts[0].text:16 'You are careful.' -> 'You are careful. It is noon.'"
    )


def test_history_cut_to_a_window_is_gone() -> None:
    assert sketch(
        call(llm("1", ASKED, 'call c1 search {"q": "rome"}', 0)),
        call(llm("2", SEARCHED, "assistant Rome is old.", 2)),
        call(llm("3", "system You are careful.\nassistant Rome is old.\nuser how old?", "assistant Very.", 4)),
    ).splitlines()[2] == (
        "3 continues 2 | + user: how old? | gone user: find rome"
        ' | gone assistant: asks for search {"q": "rome"} | gone tool: search: ["old"]'
    )


def test_a_summary_stands_before_what_was_kept() -> None:
    assert (
        sketch(
            call(llm("1", ASKED, 'call c1 search {"q": "rome"}', 0)),
            call(llm("2", SEARCHED, "assistant Rome is old.", 2)),
            call(
                llm(
                    "3",
                    "system You are careful.\nuser So far: nothing.\nassistant Rome is old.\nuser how old?",
                    "assistant Very.",
                    4,
                )
            ),
        )
        .splitlines()[2]
        .startswith("3 continues 2 | + user: how old? | in user: So far: nothing. | gone user: find rome")
    )


def test_words_of_another_agent_are_known_by_its_answer() -> None:
    found = "Rome was founded in 753 before Christ."
    assert (
        sketch(
            call(llm("1", ASKED, f"assistant {found}", 0, agent="researcher")),
            call(llm("2", f"user Write it up.\nuser Notes so far: {found} Go.", "assistant Memo.", 2, agent="writer")),
        ).splitlines()[1]
        == f"2 new | + user: Write it up. | + researcher: Notes so far: {found} Go."
    )


def test_a_short_word_is_no_quotation() -> None:
    assert sketch(
        call(llm("1", ASKED, "assistant ok", 0, agent="researcher")),
        call(llm("2", "user look it up", "assistant Memo.", 2, agent="writer")),
    ).endswith("2 new | + user: look it up")


def test_the_next_agent_takes_over_the_conversation() -> None:
    handed = "call h1 transfer_to_writer {}"
    assert (
        sketch(
            call(llm("1", ASKED, handed, 0, agent="researcher")),
            call(
                llm(
                    "2",
                    f"system You write.\nuser find rome\n{handed}\nresult h1 done",
                    "assistant Memo.",
                    2,
                    agent="writer",
                )
            ),
        ).splitlines()[1]
        == "2 takes over 1 results=1"
    )


def test_a_call_again_after_a_failure_is_a_retry_and_after_an_answer_a_repetition() -> None:
    failed = llm("1", ASKED, None, 0, status="error", error_type="RateLimitError")
    assert sketch(
        call(failed), call(llm("2", ASKED, "assistant Rome.", 2)), call(llm("3", ASKED, "assistant Rome.", 4))
    ) == ("1 new | + user: find rome\n2 retries 1\n3 repeats 2")


def test_a_retry_in_the_middle_of_a_conversation_is_a_retry() -> None:
    asked = 'call c1 search {"q": "rome"}'
    assert sketch(
        call(llm("1", ASKED, asked, 0)),
        call(llm("2", SEARCHED, None, 2, status="error")),
        call(llm("3", SEARCHED, "assistant Old.", 4)),
    ).splitlines()[1:] == ["2 continues 1 results=1", "3 retries 2"]


def test_the_same_words_under_other_instructions_are_no_repetition() -> None:
    assert (
        sketch(
            call(llm("1", "system Judge this: red is warm", "assistant yes", 0)),
            call(llm("2", "system Judge this: red is cold", "assistant no", 2)),
            call(llm("3", "system Judge this: red is cold", "assistant no", 4)),
        )
        == "1 new\n2 new\n3 repeats 2"
    )


def test_answers_that_are_never_kept_are_not_gone() -> None:
    assert (
        sketch(
            call(llm("1", ASKED, "assistant researcher", 0)),
            call(llm("2", ASKED + "user Rome is old.", "assistant writer", 2)),
        ).splitlines()[1]
        == "2 extends 1 | + user: Rome is old."
    )


def test_one_name_for_several_agents_does_not_mix_their_conversations() -> None:
    assert (
        sketch(
            call(llm("1", "system You plan the work of others.\nuser find rome", "call h1 to_writer {}", 0, None)),
            call(
                llm(
                    "2",
                    "system Write short memos.\nuser find rome\ncall h1 to_writer {}\nresult h1 ok",
                    "assistant M.",
                    2,
                    None,
                )
            ),
        ).splitlines()[1]
        == "2 takes over 1 results=1"
    )


def test_calls_of_one_agent_side_by_side_keep_their_own_conversations() -> None:
    def ask(city: str, more: str = "") -> str:
        return f"system You are careful.\nuser find {city}\n{more}"

    calls = [
        call(llm("1", ask("rome"), 'call c1 search {"q": "it"}', 0)),
        call(llm("2", ask("oslo"), 'call c2 search {"q": "it"}', 0)),
        call(llm("3", ask("rome", 'call c1 search {"q": "it"}\nresult c1 r'), "assistant R.", 2)),
        call(llm("4", ask("oslo", 'call c2 search {"q": "it"}\nresult c2 o'), "assistant O.", 2)),
    ]
    assert sketch(*calls).splitlines()[2:] == ["3 continues 1 results=1", "4 continues 2 results=1"]


def test_a_call_does_not_go_on_from_one_that_was_still_running() -> None:
    still = llm("1", ASKED, "assistant Rome is old.", 0)
    still.end_ns = 9 * SECOND
    step = sketch(call(still), call(llm("2", ASKED + "assistant Rome is old.\nuser more", "assistant Yes.", 2)))
    assert step.splitlines()[1].startswith("2 new")


def test_a_tool_call_told_as_prose_is_no_loss() -> None:
    assert (
        sketch(
            call(llm("1", ASKED, 'call c1 search {"q": "rome"}', 0)),
            call(
                llm("2", ASKED + "assistant Calling search with q = rome\nuser Observation: old", "assistant Old.", 2)
            ),
        ).splitlines()[1]
        == "2 continues 1 reworded=1 | + user: Observation: old"
    )


def test_what_a_damaged_recording_lacks_was_not_taken_away_by_the_application() -> None:
    asked = 'call c1 search {"q": "rome"}'
    lost = "the SDK dropped 71 attributes of this span"
    assert (
        sketch(
            call(llm("1", ASKED, asked, 0)),
            call(llm("2", f"{asked}\nresult c1 old", "assistant Old.", 2), "partial", lost),
        ).splitlines()[1]
        == f"2 continues 1 results=1 | gone system: You are careful. | gone user: find rome | damaged: {lost}"
    )


def test_without_messages_nothing_is_said() -> None:
    assert sketch(call(llm("1", None, "assistant Rome.", 0), "partial", "no messages")) == "1 unknown"


WORDS = st.text("abcdefgh", min_size=1, max_size=4)
TURNS = st.lists(st.tuples(WORDS, st.integers(0, 2), WORDS), min_size=2, max_size=6)


@given(TURNS, st.randoms(use_true_random=False))
def test_any_history_kept_whole_is_consistent_however_it_is_written(
    turns: list[tuple[str, int, str]], chance: random.Random
) -> None:
    history: list[Message] = [{"role": "system", "parts": [{"type": "text", "text": "S"}]}]
    calls = []
    for n, (asked, tools, result) in enumerate(turns):
        history.append({"role": "user", "parts": [{"type": "text", "text": f"{n} {asked}"}]})
        parts: list[dict[str, Any]] = [{"type": "text", "text": f"answer {n}"}]
        parts += [{"type": "tool_call", "id": f"{n}.{k}", "name": "f", "arguments": {"k": k}} for k in range(tools)]
        span = llm(str(n), "user x", "assistant x", 2 * n)
        calls.append(_written(span, history, parts, chance))
        history.append({"role": "assistant", "parts": parts})
        done = [{"type": "tool_result", "id": f"{n}.{k}", "result": f"{result}{k}"} for k in range(tools)]
        history += [{"role": "tool", "parts": [part]} for part in done]
    steps = list(follow(calls).values())
    assert [step.relation for step in steps[1:]] == ["continues"] * (len(steps) - 1)
    assert [step.results for step in steps[1:]] == [tools for _, tools, _ in turns[:-1]]
    assert not any(step.edited or step.reworded for step in steps)
    assert [len(step.appended) for step in steps] == [1] * len(steps)


def _written(span: Any, history: list[Message], answered: list[dict[str, Any]], chance: random.Random) -> Call:
    """The call as one of many instrumentations would write it down: other ids, cuts, blanks, batch orders."""
    suffix = str(chance.randrange(100))
    out: list[Message] = []
    for message in history:
        parts = [
            part
            | ({"id": part["id"] + suffix} if "id" in part else {})
            | ({"text": f" {part['text']}\n"} if "text" in part else {})
            for part in message["parts"]
        ]
        cut = chance.random() < 0.5
        out += [{"role": message["role"], "parts": [part]} for part in parts] if cut else [{**message, "parts": parts}]
    runs: list[list[Message]] = []
    for message in out:
        if runs and runs[-1][-1]["role"] == message["role"] == "tool":
            runs[-1].append(message)
        else:
            runs.append([message])
    for run in runs:
        chance.shuffle(run)
    return replace(call(span), messages=tuple(m for run in runs for m in run), answer=tuple(answered))
