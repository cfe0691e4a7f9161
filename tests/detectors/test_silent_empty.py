"""Answers that hold nothing: who noticed, and who went on."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from agentdbg.detectors.silent.empty import Empty
from tests.detectors.judging import found, judged, places, skipped


def run(body: str) -> str:
    return f"agent clerk\n  llm gpt-4o\n{indent(dedent(body), '  ')}"


EMPTY = 'tool find_permits {"street": "Elm"} -> []'


@pytest.mark.parametrize(
    ("body", "severity", "words"),
    [
        pytest.param('llm gpt-4o -> "Permit P-881 is valid until 2031."', "high", "rests on it", id="invented"),
        pytest.param('llm gpt-4o -> "No permits were found for Elm."', "low", "says so", id="said"),
        pytest.param(
            'llm gpt-4o -> "There are no permits."', "low", "says so", id="denies what the tool is named after"
        ),
        pytest.param('llm gpt-4o -> "Which house number do you mean?"', "low", "says so", id="asks back"),
        pytest.param('tool find_permits {"street": "Elm St"} -> ["P-1"]', "info", "other arguments", id="asked again"),
        pytest.param('tool read_archive {"street": "Elm"} -> ["P-1"]', "info", "another tool", id="another tool"),
        pytest.param("llm gpt-4o", "low", "not recorded", id="no answer recorded"),
    ],
)
def test_what_became_of_an_empty_result(body: str, severity: str, words: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Empty(), run(f"{EMPTY}\n{body}"))
    assert (finding.severity, finding.confidence, finding.agent) == (severity, "likely", "clerk")
    assert words in finding.message


@pytest.mark.parametrize(
    "value",
    [
        '{"results": []}',
        '""',
        "[null, null]",
        '"No results found."',
        '{"items": [], "total": 0}',
        '"Error: permit server is down"',
        '{"error": "permit server is down"}',
    ],
)
def test_what_counts_as_nothing(value: str, tmp_path: Path) -> None:
    other = 'agent other\n  tool find_owner {"street": "Elm"} -> ["Smith"]\n'  # results are shown at all
    text = run(f'tool find_permits {{"street": "Elm"}} -> {value}\nllm gpt-4o -> "Permit P-881 is valid."')
    findings = found(tmp_path, Empty(), f"trace one\n{other}\ntrace two\n{text}")
    assert [f.severity for f in findings] == ["high"]


@pytest.mark.parametrize("value", ["0", "false", '{"count": 0, "permits": ["none needed"]}', '["P-1"]', '"[1]"'])
def test_what_does_not(value: str, tmp_path: Path) -> None:
    text = run(f'tool find_permits {{"street": "Elm"}} -> {value}\nllm gpt-4o -> "Permit P-881 is valid."')
    assert found(tmp_path, Empty(), text) == []


def test_a_tool_that_changes_something_has_nothing_to_say(tmp_path: Path) -> None:
    text = run('tool send_letter {"to": "Elm"} -> null\nllm gpt-4o -> "The letter is sent."')
    assert found(tmp_path, Empty(), text) == []


def test_a_tool_that_looks_for_faults_is_glad_to_find_none(tmp_path: Path) -> None:
    assert (
        found(tmp_path, Empty(), run('tool screen_sanctions {"name": "Acme"} -> []\nllm gpt-4o -> "Acme is clear."'))
        == []
    )


def test_results_that_are_never_shown_are_not_empty(tmp_path: Path) -> None:
    text = run(
        """
        tool find_permits {"street": "Elm"} -> {}
        tool find_permits {"street": "Oak"} -> {}
        tool find_owner {"street": "Elm"} -> {}
        llm gpt-4o -> "Permit P-881 is valid."
        """
    )
    assert found(tmp_path, Empty(), text) == []


def test_what_a_handoff_tool_gives_back_is_no_result(tmp_path: Path) -> None:
    text = """
agent clerk
  llm gpt-4o
  tool transfer_to_judge handoff_to=judge tool_call_id=c1
  agent judge
    llm gpt-4o [{"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "result": []}]}] -> "Granted."
"""
    assert found(tmp_path, Empty(), text) == []


def test_an_object_of_nulls_is_no_answer_and_one_of_lists_is(tmp_path: Path) -> None:
    body = 'tool permits {"street": "Elm"} -> %s\nllm gpt-4o -> "Permit P-881 is valid."'
    assert found(tmp_path, Empty(), run(body % '{"result": null}')) == []
    assert len(found(tmp_path, Empty(), run(body % '{"result": []}'))) == 1


def test_where_no_result_is_recorded_it_says_so(tmp_path: Path) -> None:
    (one,) = skipped(tmp_path, Empty(), run('tool find_permits {"street": "Elm"}\nllm gpt-4o -> "Elm is free."'))
    assert one.reason == "no results of tools recorded"
    assert skipped(tmp_path, Empty(), run(EMPTY)) == []
    assert skipped(tmp_path, Empty(), run("llm gpt-4o")) == []


def test_other_results_at_hand_make_it_less(tmp_path: Path) -> None:
    text = run(f'tool find_owner {{"street": "Elm"}} -> ["Smith"]\n{EMPTY}\nllm gpt-4o -> "Smith holds permit P-881."')
    assert [f.severity for f in found(tmp_path, Empty(), text)] == ["medium"]


@pytest.mark.parametrize(
    ("others", "answer", "severity"),
    [
        pytest.param('["Smith"]', "Smith owns the house.", "low", id="other results at hand"),
        pytest.param(None, "The count is 0.", "low", id="the answer passes the zero on"),
        pytest.param(None, "Permit P-881 is valid until 2031.", "high", id="the answer states otherwise"),
    ],
)
@pytest.mark.parametrize("value", ['{"count": 0, "results": []}', '{"totalResults": 0, "items": []}'])
def test_a_result_that_counts_none_is_an_answer(
    value: str, others: str | None, answer: str, severity: str, tmp_path: Path
) -> None:
    before = f'tool find_owner {{"street": "Elm"}} -> {others}\n' if others else ""
    text = run(f'{before}tool find_permits {{"street": "Elm"}} -> {value}\nllm gpt-4o -> "{answer}"')
    assert [f.severity for f in found(tmp_path, Empty(), text)] == [severity]


def test_one_empty_item_of_many_is_low(tmp_path: Path) -> None:
    text = run(f'tool find_permits {{"street": "Oak"}} -> ["P-1"]\n{EMPTY}\nllm gpt-4o -> "P-1 is valid."')
    assert [f.severity for f in found(tmp_path, Empty(), text)] == ["low"]


def test_the_usual_rate_of_the_tool_decides(tmp_path: Path) -> None:
    bad = run(f'{EMPTY}\nllm gpt-4o -> "Permit P-881 is valid."')
    honest = run(f'{EMPTY}\nllm gpt-4o -> "No permits found."')
    full = run('tool find_permits {"street": "Oak"} -> ["P-1"]\nllm gpt-4o -> "P-1 is valid."')

    def worst(others: list[str]) -> str:
        text = "\n".join(f"trace t{i}\n{one}" for i, one in enumerate([bad, *others]))
        return next(f for f in found(tmp_path, Empty(), text) if "P-881" in str(f) or f.severity != "low").severity

    assert worst([honest] * 6 + [full] * 4) == "info"
    assert worst([honest] * 1 + [full] * 24) == "high"


def test_an_error_under_the_status_of_success(tmp_path: Path) -> None:
    text = run(
        'tool find_permits {"street": "Elm"} -> "Error: index is offline"\nllm gpt-4o -> "Permit P-881 is valid."'
    )
    (finding,) = found(tmp_path, Empty(), text)
    assert "an error under the status of success" in finding.message
    assert places(tmp_path, text, finding) == ["tool find_permits", "llm gpt-4o"]
    assert "raise" in finding.advice


@pytest.mark.parametrize(
    "body",
    [
        '{"success": false, "message": "user not known"}',
        '{"statusCode": 503, "body": "busy"}',
        '{"status": 404, "message": "gone"}',
        '{"content": [{"type": "text", "text": "Error: no such user"}]}',
        '"<html><head><title>502 Bad Gateway</title>"',
    ],
)
def test_the_shapes_of_an_error_in_a_body(body: str, tmp_path: Path) -> None:
    text = f'agent clerk\n  tool find_user {{"id": 7}} -> {body}\n  llm gpt-4o "the task" -> "Ann has paid her bill."'
    (finding,) = found(tmp_path, Empty(), text)
    assert (finding.severity, finding.key) == ("high", "error in body find_user")


def test_the_tool_that_gives_the_answer_is_none(tmp_path: Path) -> None:
    text = run(
        """
        tool find_permits {"street": "Elm"} -> ["P-1"]
        llm gpt-4o -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "a", "name": "final_answer", "arguments": {"answer": "[]"}}]}]
        tool final_answer {"answer": "[]"} -> "[]"
        """
    )
    assert found(tmp_path, Empty(), text) == []


def test_results_that_stand_only_in_the_next_prompt(tmp_path: Path) -> None:
    text = """
agent clerk
  llm gpt-4o -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find_permits", "arguments": {"street": "Elm"}}]}]
  llm gpt-4o [{"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": "find_permits", "result": "[]"}]}] -> "Permit P-881 is valid."
"""
    (finding,) = found(tmp_path, Empty(), text)
    assert (finding.severity, finding.confidence) == ("high", "likely")
    assert places(tmp_path, text, finding)[0] == "llm gpt-4o"


def test_an_invented_answer_stays_a_finding_of_its_own_beside_the_cascade(tmp_path: Path) -> None:
    """The cascade tells where it entered; that the agent made something of nothing is told nowhere else."""
    passed_on = """
workflow town
  agent clerk
    tool find_permits {"street": "Elm"} -> []
    llm gpt-4o -> "{\\"permits\\": []}"
  agent writer
    llm gpt-4o -> "Elm street is free."
"""
    invented = passed_on.replace('"{\\"permits\\": []}"', '"Permit P-881 is valid."')
    assert [f.detector for f in judged(tmp_path, passed_on).findings] == ["cascade.root"]
    assert [f.detector for f in judged(tmp_path, invented).findings] == ["cascade.root", "silent.madeup"]
