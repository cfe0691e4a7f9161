"""Work of a run that stands in a trace of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.trace.split import Split
from agentdbg.model import Finding
from tests.detectors.judging import found, grades

WORDS = "Acme GmbH was founded in 1999 in Berlin."
# Traces of a sketch begin an hour apart.
MAIN = f"""trace main{{session}}
workflow profile at=0s dur=1h9s
  agent researcher at=1s dur=1s
    llm gpt-4o -> "Acme has 120 staff."
  agent writer at=1h6s dur=1s
    llm gpt-4o "Profile from: {WORDS}" -> "Acme, Berlin, 120 staff."
"""
STRAY = f"""trace stray{{session}}
agent enricher at={{at}} dur=1s
  llm gpt-4o -> "{WORDS}"
"""


def splits(folder: Path, at: str = "3s", session: str = "", main: str = MAIN, others: str = "") -> list[Finding]:
    return found(folder, Split(), main.format(session=session) + STRAY.format(at=at, session=session) + others)


def test_words_that_turn_up_where_nobody_had_said_them(tmp_path: Path) -> None:
    (finding,) = splits(tmp_path)
    assert grades([finding]) == [("medium", "likely")]
    assert finding.agent == "enricher"
    assert f'what it said, "{WORDS}", is given to writer later in that run' in finding.message


def test_the_same_conversation_alone_is_low(tmp_path: Path) -> None:
    (finding,) = splits(tmp_path, session=" session=s-1", main=MAIN.replace(WORDS, "what there is."))
    assert grades([finding]) == [("low", "likely")]
    assert "names the same conversation (s-1)" in finding.message


BACKGROUND = """trace main session=s-1
workflow profile at=0s dur=1h9s
  agent researcher at=1s dur=1h3s
    llm gpt-4o at=1s dur=1h -> "It is looked up meanwhile."
    llm gpt-4o at=1h3s dur=1s -> "Acme has 120 staff."
trace stray session={session}
{root} enricher at={at} dur=1s
  agent finder at={at} dur=1s
    llm gpt-4o at={at} dur=1s -> "Founded in 1999 in Berlin."
"""


def test_what_began_right_after_an_answer_in_the_same_conversation_was_started_by_it(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Split(), BACKGROUND.format(root="workflow", session="s-1", at="1.05s"))
    assert grades([finding]) == [("medium", "likely")]
    assert "(s-1) and began right after an answer of researcher, which was still at work" in finding.message


@pytest.mark.parametrize(("session", "at"), [("s-2", "1.05s"), ("s-1", "2.5s")], ids=["another one", "by itself"])
def test_a_chain_of_its_own_is_a_run_of_its_own(session: str, at: str, tmp_path: Path) -> None:
    assert found(tmp_path, Split(), BACKGROUND.format(root="workflow", session=session, at=at)) == []


@pytest.mark.parametrize("root", ["workflow", "agent"])
def test_where_several_runs_of_a_conversation_are_at_work_none_is_named(root: str, tmp_path: Path) -> None:
    text = BACKGROUND.format(root=root, session="s-1", at="1.05s")
    main, stray = text.split("trace stray")
    one, other = main, main.replace("trace main", "trace other").replace("dur=1h", "dur=3h").replace("at=1h", "at=3h")
    assert len(found(tmp_path, Split(), f"{one}trace stray{stray}")) == 1
    assert found(tmp_path, Split(), f"{other}{one}trace stray{stray}") == []


QUOTES = STRAY.replace("llm gpt-4o ->", f'llm gpt-4o "Context: {WORDS} When was Acme founded?" ->')


@pytest.mark.parametrize(
    ("words", "stray"),
    [(WORDS, QUOTES), ("Task completed successfully.", STRAY), ("technical support department", STRAY)],
    ids=["a document that both were given", "what everybody says", "a label"],
)
def test_words_that_tell_nothing_of_where_they_are_from(words: str, stray: str, tmp_path: Path) -> None:
    text = (MAIN.format(session="") + stray.format(at="3s", session="")).replace(WORDS, words)
    assert found(tmp_path, Split(), text) == []


@pytest.mark.parametrize(
    ("at", "main"),
    [
        ("12s", MAIN),
        ("3s", MAIN.replace(WORDS, "what there is.")),
        ("3s", MAIN.replace("Acme has 120 staff.", f"Acme has 120 staff. {WORDS}")),
        ("7s", MAIN),
    ],
    ids=["after the run", "nothing passed on", "said in the run too", "after it was given"],
)
def test_what_is_a_run_of_its_own(at: str, main: str, tmp_path: Path) -> None:
    assert splits(tmp_path, at=at, main=main) == []


def test_runs_of_the_same_kind_side_by_side_are_no_parts(tmp_path: Path) -> None:
    one = 'trace {n} session=s-1\nagent helper at=0s dur=5h\n  llm gpt-4o -> "It was sent on Monday."\n  llm gpt-4o\n'
    assert found(tmp_path, Split(), "".join(one.format(n=n) for n in range(3))) == []
