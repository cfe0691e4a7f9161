"""`why`: a run in, the way back to where it entered out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.reporters.terminal import Look
from agentdbg.view.clean import cells
from tests.analysis.pages import chain, explained, why_text

MEMO = """\
trace memo
workflow credit-memo
  agent researcher
    tool search_invoices {"customer": "C-17"} -> []
    llm gpt-4o in=400 out=20 "look up C-17" -> "C-17 has 214 invoices paid on time, score 0.93."
  agent analyst
    llm gpt-4o in=300 out=9 "C-17 has 214 invoices paid on time, score 0.93." -> {"risk": "low", "score": 0.93}
    tool save_rating {"score": 0.93} -> "saved"
  agent writer
    llm gpt-4o in=200 out=30 "{\\"risk\\": \\"low\\", \\"score\\": 0.93}" -> "We recommend the loan: low risk, 0.93."
"""


def test_the_page_reads_from_where_it_entered_to_what_was_asked(tmp_path: Path) -> None:
    text = re.sub(r"\b0[0-9a-f]{7,}\b", "ID", why_text(explained(tmp_path, MEMO)))
    assert (
        text
        == """\
trace ID  credit-memo  OK
why  the run ended with "We recommend the loan: low risk, 0.93."

It entered at researcher: search_invoices answered with nothing: [].

  1 researcher › search_invoices  ID  ← it entered here
      search_invoices answered with nothing: []
      ↓ nothing to carry
  2 researcher  ID
      C-17 has 214 invoices paid on time, score 0.93.
      ↓ all of its 9 words
  3 analyst  ID
      {"risk":"low","score":0.93}
      ↓ all of its 4 words
  4 writer  ID
      We recommend the loan: low risk, 0.93.

built on it  2 agents (analyst, writer), 2 model calls, 539 tokens, $0.0016; it changed things:
             analyst › save_rating
how          it is the earliest trouble before the symptom that nothing mended; nothing that was
             said later mentions it; words were followed over 2 of 3 hops
also         ID researcher: researcher names 0.93, which nothing gave it
next:        agentdbg replay ID
             agentdbg span ID
             agentdbg handoffs ID
"""
    )


def test_words_lead_to_whoever_said_them_first_and_to_the_trouble_before(tmp_path: Path) -> None:
    found = explained(tmp_path, MEMO, "214 invoices paid on time")
    assert found.verdict == (
        "the words were first said by researcher; they stand in nothing it was given; "
        "before that, it entered at researcher: search_invoices answered with nothing: []"
    )
    assert [(role, name) for role, name, _ in chain(found)] == [
        ("trouble", "researcher › search_invoices"),
        ("introduced", "researcher"),
    ]


def test_a_value_is_followed_over_every_hop_however_it_is_written(tmp_path: Path) -> None:
    found = explained(tmp_path, MEMO, "0.93")
    assert [name for _, name, _ in chain(found)] == ["researcher › search_invoices", "researcher", "analyst", "writer"]
    assert found.steps[1].role == "introduced"


GIVEN = """\
trace memo
workflow memo
  agent writer
    llm gpt-4o "user: The budget is 48500 euros. Write it up." -> "The budget is 48500 euros, as agreed."
  agent editor
    llm gpt-4o "The budget is 48500 euros, as agreed." -> "Final: 48500 euros."
"""


def test_words_that_came_with_the_task_are_said_to_come_from_outside(tmp_path: Path) -> None:
    found = explained(tmp_path, GIVEN, "48500")
    assert [(role, name) for role, name, _ in chain(found)] == [("given", "writer"), ("said", "editor")]
    assert found.verdict == (
        "the words came from outside: they stand in what writer was given, and nobody said them before"
    )
    assert explained(tmp_path, GIVEN, "write it up").verdict == ("nobody said these words, writer was given them")


def test_without_any_trouble_only_the_words_lead_back(tmp_path: Path) -> None:
    healthy = MEMO.replace("-> []", '-> {"invoices": 214}')
    found = explained(tmp_path, healthy)
    assert found.verdict == "no trouble was found before it; its words lead back to researcher"
    assert "← its words begin here" in why_text(found)
    assert "it entered" not in why_text(found)


def test_a_failure_leads_back_to_what_was_swallowed(tmp_path: Path) -> None:
    run = """\
trace report
workflow report error="TypeError: no number"
  agent collector
    tool fetch_sales {"region": "Europe"} error="ConnectionError: warehouse unreachable"
    llm gpt-4o-mini "fetch" -> "{\\"rows\\": null}"
  agent analyst
    llm gpt-4o-mini "{\\"rows\\": null}" -> "{\\"growth\\": null}"
  agent reporter error="TypeError: no number"
    tool draw {"growth": null} error="TypeError: no number"
"""
    found = explained(tmp_path, run)
    assert found.question == "reporter › draw failed with TypeError: no number"
    assert [(role, name) for role, name, _ in chain(found)] == [
        ("trouble", "collector › fetch_sales"),
        ("said", "collector"),
        ("said", "analyst"),
        ("failed", "reporter › draw"),
    ]
    by_words = explained(tmp_path, run, "no number")
    assert by_words.steps[0] == found.steps[0]
    by_span = explained(tmp_path, run, span="draw")
    assert by_span.steps == found.steps


def test_a_failure_with_nothing_before_it_began_where_it_was_raised(tmp_path: Path) -> None:
    found = explained(
        tmp_path,
        """\
trace r
workflow r error="ValueError: bad date"
  agent planner error="ValueError: bad date"
    tool parse_date {"text": "soon"} error="ValueError: bad date"
""",
    )
    assert [
        (role, name, lost) for (role, name, _), lost in zip(chain(found), [s.lost for s in found.steps], strict=True)
    ] == [
        ("trouble", "planner › parse_date", "passed up"),
        ("failed", "r", ""),
    ]
    assert found.blast.agents == ()


def test_a_finding_of_a_detector_is_a_trouble_too(tmp_path: Path) -> None:
    usual = "".join(
        f'trace u{n}\nworkflow invoice\n  agent extractor\n    llm m -> {{"amount": {n}.5, "confidence": 0.9}}\n'
        f'  agent scorer\n    llm m -> {{"risk": 0.{n}}}\n'
        for n in range(1, 6)
    )
    odd = """\
trace a
workflow invoice error="TypeError: not a number"
  agent extractor
    llm m -> {"amount": 9.5, "confidence": "high"}
  agent scorer error="TypeError: not a number"
"""
    found = explained(tmp_path, odd + usual)
    assert found.verdict == "it entered at extractor: extractor → scorer: `confidence` is text"
    assert chain(found)[0][0] == "trouble"
    assert found.reason.startswith("handoff.schema found it (")


_LAP = """\
  agent planner
    llm m "Is it fine?" -> "Please look again, reviewer."
  agent reviewer
    llm m "Please look again, reviewer." -> "Is it fine?"
"""


LOOP = """\
workflow desk
  agent clerk
    llm m "which vans are due?" -> "I look into the list."
    other lap x5
      llm m -> "I look again."
      tool list_vans {"due": "april"} -> "no list today"
    llm m in=90 out=9 -> "I could not find out."
  agent herald
    llm m "I could not find out." -> "The office could not find out which vans are due."
"""


def test_an_answer_after_a_loop_leads_back_to_where_the_loop_was_entered(tmp_path: Path) -> None:
    told = explained(tmp_path, LOOP)
    assert told.verdict == "it entered at clerk: clerk ↻ list_vans ×5: nothing new in any lap"
    assert told.reason.startswith("loop.cycle found it (high, certain)")
    assert [(step.name, step.role, step.said) for step in told.steps] == [
        ("clerk", "trouble", "I look again."),
        ("clerk › list_vans", "said", "no list today"),
        ("clerk", "said", "I could not find out."),
        ("herald", "said", "The office could not find out which vans are due."),
    ]


def test_a_loop_that_came_later_is_behind_nothing(tmp_path: Path) -> None:
    told = explained(tmp_path, LOOP, text="I look into the list.")
    assert "it entered" not in told.verdict


def test_trouble_off_the_way_of_the_words_is_not_denied(tmp_path: Path) -> None:
    clerk = '  agent clerk\n    llm m "Close the file." -> "Four forms were signed."\n'
    found = explained(tmp_path, f"trace r\nworkflow w\n{_LAP * 6}{clerk}")
    assert found.verdict == ("its words lead no further back than clerk; what else went wrong in this run stands below")
    assert [words for _, words in found.others] == ["reviewer: planner ⇄ reviewer ×6: nothing new in any lap"]


def test_a_finding_about_several_agents_enters_at_none_of_them_alone(tmp_path: Path) -> None:
    found = explained(tmp_path, f"trace r\nworkflow w\n{_LAP * 6}")
    assert (found.verdict, found.steps[0].agent) == (
        "it came of this: planner ⇄ reviewer ×6: nothing new in any lap",
        "planner",
    )


def test_what_is_not_recorded_is_said(tmp_path: Path) -> None:
    found = explained(
        tmp_path,
        """\
trace r
workflow r error="TypeError: none"
  agent collector
    tool fetch_sales error="ConnectionError: down"
    llm gpt-4o
  agent reporter error="TypeError: none"
    llm gpt-4o
    tool draw error="TypeError: none"
""",
    )
    assert found.missing == (
        "this trace does not record the prompts of 2 of 2 model calls, the answers of 2 of 2 model calls, "
        "so words cannot be followed there",
    )
    assert found.steps[0].name == "collector › fetch_sales"


def test_a_run_that_records_no_model_call_says_so(tmp_path: Path) -> None:
    found = explained(tmp_path, "trace r\nworkflow r\n  agent a\n  agent b\n")
    assert found.steps == ()
    assert found.entered is None
    assert found.next[0] == "agentdbg doctor"
    assert "this trace records no model call" in why_text(found)


def test_words_that_nobody_said_are_an_error_with_the_last_words_as_a_hint(tmp_path: Path) -> None:
    with pytest.raises(AgentdbgError, match='said "bankrupt"') as raised:
        explained(tmp_path, MEMO, "bankrupt")
    assert raised.value.hint == "its last words are: We recommend the loan: low risk, 0.93."
    with pytest.raises(AgentdbgError, match="holds no word"):
        explained(tmp_path, MEMO, "...")


@pytest.mark.parametrize("width", [40, 56, 72, 120])
def test_no_line_is_wider_than_the_page_and_ascii_is_ascii(tmp_path: Path, width: int) -> None:
    found = explained(tmp_path, MEMO.replace("low risk", "low risk 报告 \\u001b[31m"))
    text = why_text(found, Look(width))
    assert max(map(cells, text.splitlines())) <= width
    assert "\x1b" not in text
    assert why_text(found, Look(width, ascii=True)).isascii()


def test_a_long_chain_keeps_its_ends(tmp_path: Path) -> None:
    lines = [
        "trace long",
        "workflow long",
        "  agent a0",
        '    tool look {"x": 1} -> []',
        '    llm m "go" -> "value 7001.5 here now"',
    ]
    for n in range(1, 20):
        lines += [f"  agent a{n}", f'    llm m "value 700{n - 1}.5 here now" -> "value 700{n}.5 here now"']
    text = why_text(explained(tmp_path, "\n".join(lines) + "\n"))
    assert "more steps; --json lists them all" in text
    assert "  1 a0 › look" in text
    assert " 21 a19" in text
