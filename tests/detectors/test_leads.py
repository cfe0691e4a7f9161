"""Signs on the acts of a run: a sketch in, each act with its signs out."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.acts import code, fault_of
from agentdbg.detectors.cascade.leads import Leads
from agentdbg.detectors.course import Course
from agentdbg.detectors.leads import Lead, leads, ranked
from agentdbg.detectors.results import Result
from agentdbg.model import Span
from tests.detectors.judging import found
from tests.stores import of_sketch

PLAN = '"Let me read the file and count its lines, as the task asks. ' + "I go through it line by line. " * 9
SEARCH = 'tools=[{"name": "search"}, {"name": "final_answer"}]'

CODE_FAILS = f"""
workflow task "How many lines?"
    llm m agent=coder -> {PLAN}\\n```python\\nprint(len(open('a.txt').readlines()))\\n```"
    tool execute_code {{"code": "..."}} -> "exitcode: 1 (execution failed)\\nCode output: FileNotFoundError: a.txt"
    llm m agent=checker -> {PLAN}The file is missing, so I go on without it.\\n```python\\nprint(7)\\n```"
    tool execute_code {{"code": "..."}} -> "exitcode: 0 (execution succeeded)\\nCode output: 7"
"""
STEP_FAILS = f"""
workflow task
  agent coder
    other step-1 error="SyntaxError: invalid syntax"
      llm m -> {PLAN}\\n```py\\nprint(1\\n```"
    other step-2
      llm m -> {PLAN}\\n```py\\nprint(1)\\n```"
"""
REFUSED = """
agent reader
  llm m -> {"role": "assistant", "tool_calls": [{"name": "scroll", "arguments": {"": ""}}]}
  tool scroll {"": ""} error="TypeError: scroll() got an unexpected keyword argument ''"
  llm m -> {"role": "assistant", "tool_calls": [{"name": "visit_page", "arguments": {"url": "x"}}]}
  tool visit_page {"url": "x"} -> "Title: Error 403\\nPlease enable JavaScript."
  llm m -> "I could not read it."
"""
UNFOUNDED = f"""
workflow task "Who opened the bridge?"
  agent writer
    llm m {SEARCH} -> "I have verified through official records that Mayor Lewis opened it in 1937."
"""
ASKED = f"""
workflow task "Who opened the bridge?"
  agent writer
    llm m {SEARCH} -> {{"role": "assistant", "tool_calls": [{{"name": "search", "arguments": {{}}}}]}}
    tool search {{}} -> "Mayor Lewis, 1937"
    llm m {SEARCH} -> "I have verified through official records that Mayor Lewis opened it in 1937."
"""
TOLD_BY_ANOTHER = f"""
workflow task
  agent writer
    llm m {SEARCH} "write" -> "I hand this to my colleague."
    agent helper
      llm m -> "Mayor Lewis, 1937"
    llm m {SEARCH} -> "According to the archive Mayor Lewis opened it in 1937."
"""
NO_TOOLS_KNOWN = """
agent writer
  llm m -> "I have verified through official records that Mayor Lewis opened it in 1937."
"""
OWN_WORDS = f"""
agent manager
  llm m {SEARCH} -> "```py\\ntask = 'Please find the opening date of the bridge'\\nprint(task)\\n```"
  tool execute_code {{}} -> "Please find the opening date of the bridge"
  llm m {SEARCH} -> "1937"
"""
COMPUTES = OWN_WORDS.replace(
    '-> "Please find the opening date of the bridge"', '-> "1937-05-27 Tuesday sunny windy crowded"'
)


def signs(folder: Path, text: str) -> list[tuple[str | None, set[str]]]:
    """Whose act, and its signs; those of length and place left out."""
    place = {"brief", "last word", "source of the answer"}
    return [(lead.act.agent, set(lead.signs) - place) for lead in told(folder, text)]


def told(folder: Path, text: str) -> list[Lead]:
    with of_sketch(folder, text) as store:
        reader = store.reader()
        return leads(Course(reader.trace(reader.trace_ids()[0])))


def test_code_that_failed_and_who_read_that(tmp_path: Path) -> None:
    assert signs(tmp_path, CODE_FAILS) == [("coder", {"first code", "code failed"}), ("checker", {"error read back"})]


def test_a_failed_step_tells_of_the_act_in_it(tmp_path: Path) -> None:
    assert signs(tmp_path, STEP_FAILS) == [("coder", {"first code", "code failed"}), ("coder", {"error read back"})]


def test_refused_arguments_and_pages_that_are_errors(tmp_path: Path) -> None:
    assert [found for _, found in signs(tmp_path, REFUSED)] == [{"arguments refused"}, {"call failed"}, set()]


def test_an_answer_without_any_tool(tmp_path: Path) -> None:
    (lead,) = told(tmp_path, UNFOUNDED)
    assert {"no tool used", "claims a source"} <= lead.signs
    assert lead.unfounded
    assert lead.opens


@pytest.mark.parametrize("text", [ASKED, TOLD_BY_ANOTHER, NO_TOOLS_KNOWN])
def test_who_asked_or_had_no_tools_is_not_blamed(tmp_path: Path, text: str) -> None:
    assert not any("no tool used" in found for _, found in signs(tmp_path, text))


def test_code_that_prints_a_request_to_nobody(tmp_path: Path) -> None:
    assert "own words" in signs(tmp_path, OWN_WORDS)[0][1]
    assert "own words" not in signs(tmp_path, COMPUTES)[0][1]


def test_the_first_act_is_the_one_that_most_speaks_for(tmp_path: Path) -> None:
    first, second = ranked(told(tmp_path, CODE_FAILS))
    assert (first.act.agent, second.act.agent) == ("coder", "checker")
    assert first.strength > second.strength


def test_who_hands_out_the_work_comes_after_those_who_do_it(tmp_path: Path) -> None:
    text = """
workflow task
  agent boss
    llm m -> "Let us assume that it is 7."
    handoff worker
  agent worker
    llm m -> "Done."
"""
    assert [lead.act.agent for lead in ranked(told(tmp_path, text))] == ["worker", "boss"]


def test_the_first_call_that_changes_something_comes_first(tmp_path: Path) -> None:
    text = """
agent clerk
  llm m -> {"role": "assistant", "tool_calls": [{"name": "get_order", "arguments": {}}]}
  tool get_order {} -> {"id": 7}
  llm m -> {"role": "assistant", "tool_calls": [{"name": "cancel_order", "arguments": {}}]}
  tool cancel_order {} -> {"ok": true}
  llm m -> "Your order is cancelled."
"""
    assert ranked(told(tmp_path, text))[0].act.calls == ("cancel_order",)


@pytest.mark.parametrize(
    ("text", "runs"),
    [("```py\nx = 1\n```", "x = 1\n"), ("```json\n{}\n```", ""), ("no code", ""), ("```\nls", "ls")],
)
def test_code_in_a_text(text: str, runs: str) -> None:
    assert code(text) == runs


@pytest.mark.parametrize(
    ("printed", "failed"),
    [
        ("exitcode: 1 (execution failed)\nCode output: x", True),
        ("The script ran, then exited with Unix exit code: 2", True),
        ("Fetching\nError ingesting repository: no such branch", True),
        ("# Error 404\nnothing here", True),
        ("exitcode: 0 (execution succeeded)\nCode output: 4", False),
        ("The script ran, then exited with Unix exit code: 0", False),
        ("the error of the mean is 4.2", False),
        ("404 rows", False),
    ],
)
def test_what_a_program_printed(printed: str, failed: bool) -> None:
    span = Span("t", "s", None, "run", "tool", 0, 1, "unset")
    assert (fault_of(Result(span, None, "run", printed, True, 0, 1)) is not None) is failed


def test_a_finding_names_the_step_and_why(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Leads(), CODE_FAILS)
    assert (finding.severity, finding.confidence, finding.agent) == ("info", "hint", "coder")
    assert finding.title == "Look first at coder: the code it wrote failed"
    assert finding.message == (
        "If the run went wrong, look first at this step of coder: the code it wrote failed and it is the first code of "
        "the run."
    )


def test_a_finding_says_that_nobody_was_asked(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Leads(), UNFOUNDED)
    assert finding.message.startswith(
        "If the run went wrong, look first at this step of writer: it answers without having used any of its tools, "
        "it speaks as if it had looked things up"
    )


@pytest.mark.parametrize("text", [ASKED, TOLD_BY_ANOTHER, NO_TOOLS_KNOWN, COMPUTES])
def test_no_finding_where_nothing_is_odd(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, Leads(), text) == []
