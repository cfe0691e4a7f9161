"""Hard failures: where they start, what class they are of, what became of them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from agentdbg.detectors.error.origin import Origin
from tests.detectors.judging import found, grades, places


def run(body: str, root: str = "workflow trip") -> str:
    return f"{root}\n  agent booker\n{indent(dedent(body), '    ')}"


FAILED = 'tool search_train {"to": "Bari"} error="TimeoutError: no answer in 30 s"'


@pytest.mark.parametrize(
    ("after", "severity", "words"),
    [
        pytest.param('tool search_train {"to": "Bari"} -> ["9:40"]', "info", "recovered", id="tried again"),
        pytest.param(
            'tool search_train {"to": "Bari Nord"} -> ["9:40"]', "low", "other arguments", id="asked otherwise"
        ),
        pytest.param('tool search_bus {"to": "Bari"} -> ["8:05"]', "low", "fallback used", id="another tool"),
        pytest.param('llm gpt-4o -> "The train search is unavailable now."', "low", "admitted", id="said"),
        pytest.param('llm gpt-4o -> "Take the train at 9:40."', "medium", "without mentioning it", id="unsaid"),
        pytest.param("llm gpt-4o", "medium", "not recorded", id="no payloads"),
        pytest.param('tool send_mail {"to": "Bari"} -> "sent"', "medium", "is not recorded", id="no model calls"),
    ],
)
def test_what_became_of_it(after: str, severity: str, words: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Origin(), run(f"{FAILED}\n{after}"))
    assert (finding.severity, finding.confidence, finding.agent) == (severity, "certain", "booker")
    assert words in finding.message
    assert "TimeoutError: no answer in 30 s (timeout)" in finding.message


def test_an_agent_that_did_nothing_after_it(tmp_path: Path) -> None:
    asked = 'llm gpt-4o -> [{"role": "assistant", "parts": [{"type": "text", "text": "I look."}]}]'
    (finding,) = found(tmp_path, Origin(), run(f"{asked}\n{FAILED}"))
    assert finding.severity == "high"
    assert "nothing tried it again, and the agent did nothing after it" in finding.message


def test_a_chain_is_told_once_at_its_start(tmp_path: Path) -> None:
    text = """
workflow trip error="AgentError: booker gave up: no answer in 30 s"
  agent booker error="TimeoutError: no answer in 30 s"
    tool search_train {"to": "Bari"} error="TimeoutError: no answer in 30 s"
"""
    (finding,) = found(tmp_path, Origin(), text)
    assert places(tmp_path, text, finding) == ["tool search_train"]
    assert finding.severity == "high"
    assert "the run failed with it" in finding.message


def test_an_error_after_later_work_is_another_one(tmp_path: Path) -> None:
    text = """
workflow trip error="KeyError: 'price'"
  agent booker error="TimeoutError: no answer in 30 s"
    llm gpt-4o error="TimeoutError: no answer in 30 s"
  agent writer
    llm gpt-4o -> "Have a good trip."
"""
    errors = {finding.key.split()[1]: finding.agent for finding in found(tmp_path, Origin(), text)}
    assert errors == {"TimeoutError": "booker", "KeyError": None}


def test_a_wrapper_beside_the_call_only_echoes_it(tmp_path: Path) -> None:
    text = """
agent booker
  other call_model error="RateLimitError: 429 slow down" at=0s dur=4s
  other sequence error="RateLimitError: 429 slow down" at=1s
    llm gpt-4o error="RateLimitError: 429 slow down" dur=1s
"""
    (finding,) = found(tmp_path, Origin(), text)
    assert places(tmp_path, text, finding) == ["llm gpt-4o"]


def test_a_span_without_status_does_not_break_the_chain(tmp_path: Path) -> None:
    text = """
workflow trip error="ConnectionError: refused"
  agent booker error="ConnectionError: refused"
    llm gpt-4o
      other "execute_tool search_train" error="ConnectionError: refused"
"""
    (finding,) = found(tmp_path, Origin(), text)
    assert places(tmp_path, text, finding) == ["other execute_tool search_train"]
    assert finding.severity == "high"


def test_equal_errors_are_one_finding(tmp_path: Path) -> None:
    text = run(
        """
        tool search_train {"to": "Bari"} error="TimeoutError: no answer in 30 s, request 4411"
        tool search_train {"to": "Bari"} error="TimeoutError: no answer in 31 s, request 4412"
        tool search_train {"to": "Bari"} error="ValueError: no such station"
        """
    )
    findings = found(tmp_path, Origin(), text)
    assert [len(f.evidence) for f in findings] == [2, 1]
    assert "failed 2 times" in findings[0].message
    assert "#" in findings[0].key
    assert "4411" not in findings[0].key


def test_steering_exceptions_are_no_errors(tmp_path: Path) -> None:
    text = run('tool transfer_to_hotel handoff_to=hotel error="ParentCommand: goto hotel"')
    assert found(tmp_path, Origin(), text) == []


def test_what_the_caller_gave_up_is_no_failure(tmp_path: Path) -> None:
    text = run('tool search_train error="CancelledError: cancelled by client"')
    assert grades(found(tmp_path, Origin(), text)) == [("info", "certain")]


def test_a_failed_step_of_a_loop_that_goes_on(tmp_path: Path) -> None:
    text = run(
        """
        other "Step 1" error="InterpreterError: name 'np' is not defined"
          llm gpt-4o -> "np.mean(x)"
        other "Step 2"
          llm gpt-4o -> "sum(x) / len(x)"
        """
    )
    assert grades(found(tmp_path, Origin(), text)) == [("low", "certain")]


def test_another_model_answers(tmp_path: Path) -> None:
    body = 'llm {} "where to?" error="InternalServerError: 500"\nllm {} "where to?" -> "Bari"'
    (other,) = found(tmp_path, Origin(), run(body.format("gpt-4o", "haiku")))
    (dated,) = found(tmp_path, Origin(), run(body.format("gpt-4o", "gpt-4o-2024-11-20")))
    assert (other.severity, dated.severity) == ("info", "info")
    assert "another model answered" in other.message
    assert "a later attempt went well" in dated.message
