"""Windows that are full: what was cut, what was refused, and what may be shortened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.context.overflow import Overflow
from tests.detectors.judging import found, judged, places

TASK = "Find a villa near Lucca for 8 people, at most 2400 euros, only with a pool, no later than 2031-07-04."
LEDGER = " ".join(f"Page {i} of the catalogue lists cottages." for i in range(60))


def call(tokens: int, answer: str, *messages: tuple[str, str]) -> str:
    prompt = json.dumps([{"role": role, "content": text} for role, text in messages])
    return f"  llm gpt-4 in={tokens} out=20 {prompt} -> {json.dumps(answer)}"


def run(*lines: str) -> str:
    return "\n".join(["agent scout", *lines])


FULL = call(7800, "Next.", ("user", TASK), ("assistant", "I look."), ("tool", LEDGER), ("assistant", "And more."))
CUT = call(4000, "Cottages are small houses.", ("assistant", "And more."), ("tool", "Page 61."))


def test_a_prompt_that_lost_its_task(tmp_path: Path) -> None:
    text = run(FULL, CUT)
    (finding,) = found(tmp_path, Overflow(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "scout")
    assert finding.title == "scout lost its task when the prompt was cut"
    assert (
        "the oldest messages were cut from the prompt to fit the window of 8,192 tokens (7,800 tokens, 95% of the window"
        " before, 4,000 tokens, 49% of the window after)" in finding.message
    )
    assert (
        '"Find a villa near Lucca for 8 people"; "at most 2400 euros"; "only with a pool"; "no later than 2031-07-04"'
        in finding.message
    )
    assert places(tmp_path, text, finding) == ["llm gpt-4", "llm gpt-4"]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(call(900, "A", ("user", TASK), ("assistant", "And more.")), id="the task stays"),
        pytest.param(
            call(900, "A", ("system", f"Do this: {TASK}"), ("assistant", "And more.")),
            id="it moved to the system prompt",
        ),
        pytest.param(
            call(
                900, "A", ("user", "Villa near Lucca, 8 people, 2400 euros, pool, 2031-07-04"), ("assistant", "I look.")
            ),
            id="it was summarised",
        ),
        pytest.param(call(900, "A", ("user", "Translate this sentence to French.")), id="another conversation"),
        pytest.param(call(3000, "A", ("assistant", "And more."), ("tool", "Page 61.")), id="it hardly shrank"),
    ],
)
def test_prompts_that_still_hold_what_was_asked(after: str, tmp_path: Path) -> None:
    before = FULL.replace("in=7800", "in=3900")
    assert found(tmp_path, Overflow(), run(before, after)) == []


SLIDING = [("user", TASK), ("assistant", "I look."), ("tool", LEDGER), ("assistant", "And more."), ("tool", LEDGER)]


def test_a_window_that_slides_past_the_task_drops_it_though_the_prompt_keeps_its_length(tmp_path: Path) -> None:
    after = [*SLIDING[2:], ("assistant", "And still more."), ("tool", LEDGER)]
    (finding,) = found(
        tmp_path, Overflow(), run(call(3900, "And still more.", *SLIDING), call(3890, "Houses.", *after))
    )
    assert (finding.severity, finding.title) == ("high", "scout lost its task when the prompt was cut")
    assert "(3,900 tokens, 48% of the window before, 3,890 tokens, 47% of the window after)" in finding.message


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([SLIDING[0], *SLIDING[2:], ("tool", "Page 61.")], id="the task is kept at the head"),
        pytest.param([*SLIDING[3:], ("user", "Now translate it to French.")], id="another thing is asked"),
        pytest.param([SLIDING[4], ("assistant", "A list."), ("tool", LEDGER)], id="one result is handed on"),
    ],
)
def test_a_window_that_slides_over_what_is_no_longer_needed(after: list[tuple[str, str]], tmp_path: Path) -> None:
    assert found(tmp_path, Overflow(), run(call(3900, "More.", *SLIDING), call(3890, "Houses.", *after))) == []


def test_in_a_chat_a_later_request_takes_the_place_of_the_first(tmp_path: Path) -> None:
    chat = [("user", TASK), ("assistant", "I look."), ("tool", LEDGER), ("user", "Thanks. What is the weather there?")]
    text = run(call(3900, "Sunny.", *chat), call(700, "Yes.", *chat[3:], ("assistant", "Sunny.")))
    assert found(tmp_path, Overflow(), text) == []


LONG_TASK = f"{TASK} " + " ".join(f"Hamlet {i} has a bakery and a river." for i in "abcdefgh")
FOUND = [("tool", LEDGER), ("assistant", "I look at page two."), ("tool", "Page two: nothing.")]
SUMMARY = "So far: a villa near Lucca is wanted, 8 people, 2400 euros, a pool. Page one had only cottages."


@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_a_summary_takes_the_place_of_a_long_task(role: str, tmp_path: Path) -> None:
    before = [("user", LONG_TASK), ("assistant", "I look."), *FOUND]
    text = run(call(3900, "Next.", *before), call(900, "Rosa.", (role, SUMMARY), *FOUND[1:]))
    assert found(tmp_path, Overflow(), text) == []
    bare = run(call(3900, "Next.", *before), call(900, "Rosa.", (role, "You are brief."), *FOUND[1:]))
    assert len(found(tmp_path, Overflow(), bare)) == 1


def test_a_short_window_of_a_chat_holds_the_last_answer_and_what_is_asked_now(tmp_path: Path) -> None:
    chat = [("user", TASK), ("assistant", "I look."), ("tool", LEDGER), ("assistant", "The villa Rosa fits.")]
    text = run(call(3900, "Fine.", *chat), call(300, "Mild.", chat[3], ("user", "How warm is Tuscany in June?")))
    assert found(tmp_path, Overflow(), text) == []


@pytest.mark.parametrize(("instructions", "count"), [("You polish texts.", 0), ("You write.", 1)])
def test_an_answer_that_is_handed_on_under_other_instructions(instructions: str, count: int, tmp_path: Path) -> None:
    wrote = [("user", TASK), ("assistant", "I look."), ("tool", LEDGER), ("assistant", "Rosa sleeps eight.")]
    text = run(
        call(3900, "Rosa sleeps eight.", ("system", "You write."), *wrote),
        call(300, "Polished.", ("system", instructions), wrote[3]),
    )
    assert len(found(tmp_path, Overflow(), text)) == count


REFUSED = 'llm gpt-4 error="BadRequestError: This model\'s maximum context length is 8192 tokens"'


@pytest.mark.parametrize(
    ("lines", "severity", "words"),
    [
        pytest.param([f"  {REFUSED}"], "high", "refused as too long", id="refused"),
        pytest.param([f"  {REFUSED}", call(500, "A", ("user", "short"))], "low", "refused as too long", id="and cut"),
        pytest.param([call(7700, "A", ("user", "long"))], "medium", "94% of the window", id="nearly full"),
        pytest.param(
            ['  llm gpt-4o in=90 out=500 finish=length -> "The first of the"'], "medium", "ended at the limit", id="cut"
        ),
    ],
)
def test_what_else_a_full_window_does(lines: list[str], severity: str, words: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Overflow(), run(*lines))
    assert (finding.severity, finding.confidence) == (severity, "certain")
    assert words in finding.message


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('  llm gpt-4 error="RateLimitError: 429"', id="another error"),
        pytest.param('  llm my-own-model in=90000 out=20 -> "A"', id="a window nobody knows"),
        pytest.param('  llm gpt-4o in=90 out=1 finish=length -> "Y"', id="one token was asked for"),
        pytest.param('  llm gpt-4o in=90 out=500 finish=length -> "1"\n  llm gpt-4o -> "2"', id="it was continued"),
    ],
)
def test_what_is_no_overflow(line: str, tmp_path: Path) -> None:
    assert found(tmp_path, Overflow(), run(line)) == []


def test_a_refusal_is_told_once(tmp_path: Path) -> None:
    assert [one.detector for one in judged(tmp_path, run(f"  {REFUSED}")).findings] == ["context.overflow"]
