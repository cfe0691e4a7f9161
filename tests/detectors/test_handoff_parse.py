"""Messages that the next agent could not read: the finding points at the message, not at the crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.handoff.parse import Parse
from tests.detectors.judging import found, judged, places

CRASH = 'error="JSONDecodeError: Expecting value: line 1 column 1 (char 0)"'
PROSE = 'llm gpt-4o -> "It is probably 42."'
JSON = 'llm gpt-4o -> "{\\"answer\\": 42}"'


@pytest.mark.parametrize(
    ("wrote", "form"),
    [
        pytest.param(PROSE, "prose", id="prose"),
        pytest.param('llm gpt-4o -> "```json\\n{\\"answer\\": 42}\\n```"', "JSON in a code fence", id="fences"),
        pytest.param('llm gpt-4o -> "Here: {\\"answer\\": 42}. Done."', "JSON inside prose", id="around it"),
        pytest.param("llm gpt-4o -> \"{'answer': 42}\"", "broken JSON", id="another language's braces"),
    ],
)
def test_the_writer_is_told_and_the_form(wrote: str, form: str, tmp_path: Path) -> None:
    text = f"workflow quiz\n  agent solver\n    {wrote}\n  agent grader\n    other load_answer {CRASH}"
    (finding,) = found(tmp_path, Parse(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "solver")
    assert finding.title == f"grader could not parse what solver wrote: {form}"
    assert places(tmp_path, text, finding) == ["llm gpt-4o", "other load_answer"]


def test_where_the_failed_span_records_what_it_was_given_it_is_certain(tmp_path: Path) -> None:
    text = f'agent solver\n  {PROSE}\nagent grader\n  tool load {{"text": "It is probably 42."}} {CRASH}'
    (finding,) = found(tmp_path, Parse(), text)
    assert finding.confidence == "certain"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"agent solver\n  {JSON}\nagent grader\n  other load {CRASH}", id="bare JSON can be decoded"),
        pytest.param(f"agent solver\n  {PROSE}\n  other load {CRASH}", id="what its own model wrote"),
        pytest.param(
            f"agent solver\n  {PROSE}\nagent grader\n  {PROSE}\n  other load {CRASH}", id="its own model spoke last"
        ),
        pytest.param(f"agent solver\n  {PROSE}\nagent grader\n  llm gpt-4o {CRASH}", id="a provider's broken answer"),
        pytest.param(f"agent solver\n  {PROSE}\nagent grader\n  tool fetch {{}} {CRASH}", id="a tool's own affair"),
        pytest.param(f"agent solver\n  {PROSE}\nagent grader\n  other load", id="nothing failed"),
        pytest.param(
            f'agent solver\n  {PROSE}\nagent grader\n  other load error="KeyError: rows"', id="another kind of error"
        ),
        pytest.param(
            f"agent solver\n  {PROSE}\nagent grader\n  other load {CRASH.replace('char 0', 'char 812')}",
            id="an error at another place",
        ),
    ],
)
def test_what_is_no_handoff_that_could_not_be_read(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Parse(), f"trace quiz\n{text}") == []


LAP = f"\n    agent scout\n      {PROSE}\n    other read_reply {CRASH}"


def test_a_reply_that_could_be_read_when_asked_again_is_low(tmp_path: Path) -> None:
    text = f"workflow tour\n  agent boss{LAP}\n    agent scout\n      {JSON}\n    other read_reply"
    (finding,) = found(tmp_path, Parse(), text)
    assert (finding.severity, finding.agent) == ("low", "scout")


def test_many_laps_are_one_finding_that_tells_both_facts(tmp_path: Path) -> None:
    text = f"workflow tour\n  agent boss{LAP * 6}"
    (parsed,) = found(tmp_path, Parse(), text)
    assert parsed.title == "boss could not parse what scout wrote 6 times: prose"
    (finding,) = [one for one in judged(tmp_path, text).findings if one.severity in ("high", "critical")]
    assert finding.detector == "loop.cycle"
    assert "boss could not parse what scout wrote 6 times: prose." in finding.message


def test_the_crash_is_not_told_a_second_time(tmp_path: Path) -> None:
    text = f"workflow quiz {CRASH}\n  agent solver\n    {PROSE}\n  agent grader {CRASH}\n    other load_answer {CRASH}"
    assert [one.detector for one in judged(tmp_path, text).findings] == ["handoff.parse"]
