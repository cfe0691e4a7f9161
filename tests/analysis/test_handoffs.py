"""`handoffs`: what was sent, what arrived, and the contract's verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from agentdbg.reporters.terminal import Look
from agentdbg.steps.words import Carried
from agentdbg.view.clean import cells
from tests.analysis.pages import handoffs_text, passed


def invoice(sent: str, given: str = "", scorer: bool = True) -> str:
    """A run of extractor → scorer → reporter."""
    end = f"""\
  agent scorer
    llm m {given or sent} -> {{"risk": 0.2}}
  agent reporter
    llm m {{"risk": 0.2}} -> "All is well."
"""
    return f'trace r\nworkflow invoice\n  agent extractor\n    llm m "Read invoice 7." -> {sent}\n' + end * scorer


USUAL = "".join(invoice(f'{{"vendor": "V{n}", "confidence": 0.9{n}}}') for n in range(5))


def test_a_renamed_field_stands_above_everything_and_at_its_row(tmp_path: Path) -> None:
    text = handoffs_text(passed(tmp_path, USUAL + invoice('{"vendor": "Delta", "score": 0.93}'), 5))
    assert (
        re.sub(r"\b0[0-9a-f]{7,}\b", "ID", text)
        == """\
trace ID  invoice  OK  2 handoffs on 2 edges
breaks the contract extractor → scorer: `confidence` is missing

  1 extractor → scorer  ID → ID  at 103ms
    had       Read invoice 7.
    sent      {"vendor":"Delta","score":0.93}
    got       {"vendor":"Delta","score":0.93}
    arrived   whole
    contract  breaks the contract: `$.confidence` is missing, present (0.9) in 5 of 5 usual
              messages
              `$.score` is new (0.93), not there in 5 of 5 usual messages

  2 scorer → reporter  ID → ID  at 205ms
    had       {"vendor":"Delta","score":0.93}
    sent      {"risk":0.2}
    got       {"risk":0.2}
    arrived   whole
    contract  as usual: nothing breaks what is usual among 6 messages on this edge

next: agentdbg span ID
      agentdbg why ID ID
"""
    )


def test_what_the_program_lost_between_two_agents_is_named_field_by_field(tmp_path: Path) -> None:
    found = passed(
        tmp_path, invoice('{"vendor": "Delta", "amount": 820.5, "open": true}', '{"vendor": "Delta", "amount": 0}')
    )
    row = found.rows[0]
    assert (row.arrival, [(c.path, c.sent, c.got) for c in row.changes]) == ("part", [("amount", "820.5", "0")])
    assert row.values == ("820.5",)
    assert "`amount` was 820.5, arrived as 0" in handoffs_text(found)
    lost = passed(tmp_path, invoice('{"vendor": "Delta", "amount": 820.5}', '"Score the invoice of Delta."'))
    assert [(c.path, c.got) for c in lost.rows[0].changes] == [("amount", None)]


def test_a_field_that_a_framework_wraps_in_words_of_its_own_did_arrive(tmp_path: Path) -> None:
    wrapped = '{"task": "You are asked this by your manager: find the size of the market. Be brief."}'
    found = passed(tmp_path, invoice('{"task": "find the size of the market"}', wrapped))
    assert (found.rows[0].arrival, found.rows[0].changes) == ("whole", ())


def test_of_a_text_the_words_and_the_values_that_are_lost_are_counted(tmp_path: Path) -> None:
    found = passed(
        tmp_path,
        invoice('"Order 48213 of Acme is worth 1,290.50 euros in all."', '"Order of Acme is worth something."'),
    )
    row = found.rows[0]
    assert (row.arrival, row.values) == ("part", ("48213", "1290.50"))
    assert "not these values: 48213, 1290.50" in handoffs_text(found)


@pytest.mark.parametrize(("sent", "got"), [("45.0", "45"), ("4500", "4500.0")])
def test_a_number_that_another_language_writes_otherwise_did_arrive(tmp_path: Path, sent: str, got: str) -> None:
    for given in (f'{{"amount": {got}}}', f'"Invoice: {{\\"amount\\":{got}}}"'):
        row = passed(tmp_path, invoice(f'{{"amount": {sent}}}', given)).rows[0]
        assert (row.arrival, row.changes, row.values) == ("whole", (), ())


def test_a_handoff_without_words_has_nothing_to_arrive(tmp_path: Path) -> None:
    found = passed(tmp_path, invoice('{"vendor": "Delta"}'))
    silent = replace(found.rows[0], sent="", carried=Carried(0, 0, "", ()), arrival="whole")
    text = handoffs_text(replace(found, rows=(silent,)))
    assert "sent      no words, only the turn" in text
    assert "arrived" not in text
    assert "not recorded" not in text


def test_few_messages_are_not_judged(tmp_path: Path) -> None:
    row = passed(tmp_path, invoice('{"vendor": "Delta"}')).rows[0]
    assert (row.verdict.grade, row.arrival) == ("not judged", "whole")
    assert row.verdict.told[0].startswith("fewer than 3 comparable messages on this edge")


def test_a_last_word_that_nobody_took_up_is_a_row_of_its_own(tmp_path: Path) -> None:
    odd = invoice('{"vendor": "Delta", "confidence": "high"}', scorer=False)
    found = passed(tmp_path, USUAL + odd, 5)
    assert [(row.seq, row.to_agent, row.arrival, row.verdict.grade) for row in found.rows] == [
        (None, "scorer", "never ran", "breaks")
    ]
    text = handoffs_text(found)
    assert "scorer never ran" in text
    assert text.splitlines()[0].endswith("0 handoffs  1 message that nobody took up")


def test_what_is_not_recorded_is_neither_lost_nor_whole(tmp_path: Path) -> None:
    found = passed(tmp_path, "trace r\nworkflow w\n  agent a\n    llm m\n  agent b\n    llm m\n")
    assert [(row.sent, row.got, row.arrival, row.verdict.told) for row in found.rows] == [
        (None, None, "not recorded", ("what was sent is not recorded",))
    ]
    assert found.next == ("agentdbg doctor",)


def test_a_run_of_one_agent_says_so(tmp_path: Path) -> None:
    found = passed(tmp_path, 'trace r\nworkflow w\n  agent a\n    llm m "hi" -> "ho"\n')
    assert "no work passed from one agent to another in this run" in handoffs_text(found)


@pytest.mark.parametrize(
    "wrapped",
    [
        '{"messages": [{"role": "user", "content": "Rate Delta."}], "step": 3}',
        '{"messages": [{"type": "human", "data": {"content": "Rate Delta.", "id": "4-11"}}]}',
        '[{"role": "user", "parts": [{"type": "text", "text": "Rate Delta."}]}]',
        '{"task": "Rate Delta.", "stream": false, "images": null, "max_steps": 8}',
        '{"system": "You rate.", "prompt": "Rate Delta."}',
        '{"args": ["scorer", "Rate Delta.", 10], "kwargs": {}}',
        '{"agent": {"role": "scorer", "verbose": false}, "tools": ["Delegate work"]}',
    ],
    ids=["state", "LangChain", "parts", "smolagents", "prompt", "arguments", "CrewAI"],
)
def test_what_an_agent_was_told_is_taken_out_of_what_its_framework_wraps_it_in(wrapped: str, tmp_path: Path) -> None:
    run = f"""trace r
workflow rating
  agent boss
    llm m "Go." -> "Rate Delta."
  agent scorer {wrapped}
    llm m "Rate Delta." -> "Delta is fine."
  agent herald
    llm m "Delta is fine." -> "Done."
"""
    rows = passed(tmp_path, run).rows
    assert (rows[0].got, rows[0].arrival, rows[1].had) == ("Rate Delta.", "whole", "Rate Delta.")


@pytest.mark.parametrize("state", ['{"task": "Rate", "vendor": "Delta"}', '{"vendor": "Delta", "tools": 3}'])
def test_a_state_of_several_values_is_shown_whole(state: str, tmp_path: Path) -> None:
    run = f'trace r\nworkflow w\n  agent boss\n    llm m "Go." -> "Go on."\n  agent scorer {state}\n    tool rate {{}} -> 1\n'
    assert passed(tmp_path, run).rows[0].got == state


def test_equal_rows_stand_once(tmp_path: Path) -> None:
    turn = '  agent a\n    llm m "Go on, please." -> "Here is part one of it."\n  agent b\n    llm m "Here is part one of it." -> "Go on, please."\n'
    text = handoffs_text(passed(tmp_path, "trace r\nworkflow w\n" + turn * 6))
    assert "a → b ×6" in text
    assert text.count("sent ") == 2


@pytest.mark.parametrize("width", [40, 72, 120])
def test_no_line_is_wider_than_the_page(tmp_path: Path, width: int) -> None:
    found = passed(tmp_path, USUAL + invoice('"报告 of \\u001b[31m the invoice and then some more words"'), 5)
    text = handoffs_text(found, Look(width))
    assert max(map(cells, text.splitlines())) <= width
    assert "\x1b" not in text
    assert handoffs_text(found, Look(width, ascii=True)).isascii()
