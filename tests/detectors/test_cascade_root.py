"""Cascades: where the error entered, who went on with it, and when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.cascade.root import Root
from tests.detectors.judging import found, grades, judged, places

SWALLOWED = """
workflow quote
  agent librarian
    llm gpt-4o
    tool find_tariff {"zone": 4} error="ConnectionError: tariff store unreachable"
    llm gpt-4o -> "{\\"tariff\\": []}"
  agent pricer
    llm gpt-4o in=200 out=10 -> "{\\"price\\": 0}"
  agent clerk
    llm gpt-4o in=100 out=20 -> "The transport costs 0 EUR."
"""


def test_an_error_that_nobody_mentions_and_others_build_on(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Root(), SWALLOWED)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "librarian")
    assert places(tmp_path, SWALLOWED, finding) == ["tool find_tariff", "agent pricer", "agent clerk", "llm gpt-4o"]
    assert "find_tariff failed with ConnectionError" in finding.message
    assert "pricer and clerk went on with it" in finding.message
    assert "2 agents, 2 model calls, 330 tokens" in finding.message
    assert finding.wasted_tokens == 330
    assert finding.key == "error find_tariff network"
    assert finding.next.startswith("agentdbg span ")


def test_the_run_that_fails_two_agents_later(tmp_path: Path) -> None:
    text = """
workflow quote error="TypeError: unsupported operand type for *: NoneType and int"
  agent librarian error="RateLimitError: 429 too many requests"
    llm gpt-4o error="RateLimitError: 429 too many requests"
  agent pricer
    llm gpt-4o -> "{\\"price\\": null}"
"""
    (finding,) = found(tmp_path, Root(), text)
    assert finding.agent == "librarian"
    assert places(tmp_path, text, finding) == ["llm gpt-4o", "agent pricer", "workflow quote"]
    assert "until quote failed with TypeError" in finding.message
    assert finding.next.startswith("agentdbg replay ")
    assert [f.detector for f in judged(tmp_path, text).findings] == ["cascade.root"]


def test_an_empty_result_that_is_passed_on(tmp_path: Path) -> None:
    text = """
workflow report
  agent scout
    tool list_sites {"region": "Nrod"} -> []
    llm gpt-4o -> "{\\"sites\\": []}"
  agent planner
    llm gpt-4o -> "{\\"visits\\": 0}"
  agent writer
    llm gpt-4o -> "The north is fully served, the team can be dissolved."
"""
    (finding,) = found(tmp_path, Root(), text)
    assert (finding.agent, finding.severity, finding.confidence) == ("scout", "high", "likely")
    assert "list_sites answered with nothing: []" in finding.message
    assert "the team can be dissolved" in finding.message


def test_an_answer_cut_off_in_the_middle(tmp_path: Path) -> None:
    text = """
workflow report error="KeyError: 'total'"
  agent counter
    llm gpt-4o finish=length -> "{\\"rows\\": [{\\"id\\": 1, \\"val"
  agent writer
    llm gpt-4o -> "{}"
"""
    (finding,) = found(tmp_path, Root(), text)
    assert (finding.agent, finding.confidence) == ("counter", "likely")
    assert "JSON answer was cut off" in finding.message


def test_a_tool_whose_answer_was_cut_off(tmp_path: Path) -> None:
    text = """
workflow report
  agent counter
    tool count_stock {"hall": 3} -> "{\\"rows\\": [{\\"id\\": 1, \\"val"
    llm gpt-4o -> "There are 7 pieces in hall 3."
  agent writer
    llm gpt-4o -> "The stock is 7."
"""
    (finding,) = found(tmp_path, Root(), text)
    assert (finding.agent, finding.confidence) == ("counter", "likely")
    assert "the answer of count_stock was cut off" in finding.message
    cut_by_the_recorder = text.replace("val", "v" * 1000)
    assert found(tmp_path, Root(), cut_by_the_recorder) == []


def test_an_agent_with_other_results_may_rest_on_those(tmp_path: Path) -> None:
    text = """
workflow report
  agent counter
    tool read_page {"url": "a.example"} error="HTTPError: 404"
    tool search_stock {"hall": 3} -> [7]
    llm gpt-4o -> "There are 7 pieces in hall 3."
  agent writer
    llm gpt-4o -> "The stock is 7."
"""
    assert found(tmp_path, Root(), text) == []
    failing = text.replace("workflow report", 'workflow report error="TypeError: None + 1"')
    assert grades(found(tmp_path, Root(), failing)) == [("high", "likely")]


@pytest.mark.parametrize(
    "middle",
    [
        pytest.param(
            """
    tool find_tariff {"zone": 4} error="TimeoutError: 5 s"
    tool find_tariff {"zone": 4} error="TimeoutError: 5 s"
    tool find_tariff {"zone": 4} -> {"eur": 12}
    llm gpt-4o -> "{\\"tariff\\": 12}\"""",
            id="the tool answers at the third attempt",
        ),
        pytest.param(
            """
    llm gpt-4o error="RateLimitError: 429"
    llm gpt-4o error="InternalServerError: 500"
    llm gpt-4o -> "{\\"tariff\\": 12}\"""",
            id="the model answers at the third attempt",
        ),
        pytest.param(
            """
    tool find_tariff {"zone": 4} -> []
    tool find_tariff {"zone": "IV"} -> [{"eur": 12}]
    llm gpt-4o -> "{\\"tariff\\": 12}\"""",
            id="other arguments find something",
        ),
        pytest.param(
            """
    tool find_tariff {"zone": 4} error="TimeoutError: 5 s"
    tool read_tariff_sheet {"zone": 4} -> [{"eur": 12}]
    llm gpt-4o -> "{\\"tariff\\": 12}\"""",
            id="another tool stands in",
        ),
        pytest.param(
            """
    tool find_tariff {"zone": 4} error="TimeoutError: 5 s"
    llm gpt-4o -> "The tariff could not be looked up, I go on with the list price of 12 EUR.\"""",
            id="the agent says that it is missing",
        ),
        pytest.param(
            """
    tool find_tariff {"zone": 4} -> {"results": []}
    llm gpt-4o -> "There is no tariff for zone 4. Which zone is meant?\"""",
            id="the agent asks back",
        ),
        pytest.param(
            """
    tool transfer_to_pricer handoff_to=pricer error="ParentCommand: goto pricer\"""",
            id="a handoff by exception",
        ),
    ],
)
def test_what_is_mended_or_admitted_is_no_root(middle: str, tmp_path: Path) -> None:
    text = f"""
workflow quote
  agent librarian{middle}
  agent pricer
    llm gpt-4o -> "{{\\"price\\": 48}}"
  agent clerk
    llm gpt-4o -> "The transport costs 48 EUR."
"""
    assert found(tmp_path, Root(), text) == []


def test_an_error_that_stops_its_own_agent_is_no_cascade(tmp_path: Path) -> None:
    text = """
workflow quote error="TimeoutError: 5 s"
  agent pricer
    llm gpt-4o -> "{\\"price\\": 48}"
  agent clerk error="TimeoutError: 5 s"
    tool print_letter {"price": 48} error="TimeoutError: 5 s"
"""
    assert found(tmp_path, Root(), text) == []
    (finding,) = judged(tmp_path, text).findings
    assert (finding.detector, finding.agent, finding.severity) == ("error.origin", "clerk", "high")


def test_agents_that_ran_beside_it_could_not_know(tmp_path: Path) -> None:
    text = """
workflow quote
  agent north
    tool find_tariff {"zone": 4} error="ConnectionError: refused" dur=2s
    llm gpt-4o -> "{\\"north\\": null}"
  agent south parallel
    llm gpt-4o dur=1s -> "{\\"south\\": 3}"
    llm gpt-4o dur=9s -> "{\\"south\\": 4}"
  agent judge
    llm gpt-4o -> "South is cheaper."
"""
    (finding,) = found(tmp_path, Root(), text)
    assert "judge went on with it" in finding.message
    assert "1 agent, 1 model call" in finding.message


def test_two_agents_that_fail_beside_each_other_are_two_roots(tmp_path: Path) -> None:
    text = """
workflow quote error="TypeError: None + None"
  agent north
    tool find_tariff {"zone": 4} error="ConnectionError: refused" dur=2s
    llm gpt-4o dur=4s -> "{\\"north\\": null}"
  agent south parallel
    llm gpt-4o dur=1s -> "{\\"south\\": 3}"
    tool read_scale {"scale": 9} error="ValueError: no such scale" dur=2s
    llm gpt-4o dur=2s -> "{\\"south\\": null}"
  agent judge
    llm gpt-4o -> "null"
"""
    assert sorted(f.agent or "" for f in found(tmp_path, Root(), text)) == ["north", "south"]


def test_a_rate_limit_at_the_end_is_not_caused_by_what_came_before(tmp_path: Path) -> None:
    text = """
workflow quote error="RateLimitError: 429"
  agent scout
    tool list_sites {"region": "N"} -> []
    tool list_roads {"region": "N"} -> ["A7"]
    llm gpt-4o -> "{\\"roads\\": [\\"A7\\"]}"
  agent writer error="RateLimitError: 429"
    llm gpt-4o error="RateLimitError: 429"
"""
    assert found(tmp_path, Root(), text) == []


def test_an_empty_look_up_that_made_the_agent_ask_another_one(tmp_path: Path) -> None:
    text = """
workflow answer
  agent boss
    tool recall_answer {"question": "height of the dam"} -> []
    llm gpt-4o
    agent researcher
      tool search_web {"q": "height of the dam"} -> ["the dam is 92 m high"]
      llm gpt-4o -> "It is 92 m high."
    llm gpt-4o -> "The dam is 92 m high."
"""
    assert found(tmp_path, Root(), text) == []


def test_what_a_subordinate_keeps_quiet_goes_into_the_answer_of_its_boss(tmp_path: Path) -> None:
    text = """
workflow answer
  agent boss
    llm gpt-4o
    agent researcher
      tool search_web {"q": "height of the dam"} error="TimeoutError: 30 s"
      llm gpt-4o -> "It is 92 m high."
    llm gpt-4o -> "The dam is 92 m high."
"""
    (finding,) = found(tmp_path, Root(), text)
    assert finding.agent == "researcher"
    assert "boss went on with it" in finding.message


def test_without_payloads_it_is_a_hint_unless_something_fails(tmp_path: Path) -> None:
    ends_well = """
workflow quote
  agent librarian
    tool find_tariff error="ConnectionError: refused"
    llm gpt-4o
  agent clerk
    llm gpt-4o
"""
    fails = ends_well.replace("workflow quote", 'workflow quote error="TypeError: None * 4"')
    assert grades(found(tmp_path, Root(), ends_well)) == [("high", "hint")]
    assert grades(found(tmp_path, Root(), fails)) == [("high", "likely")]


def test_a_failed_request_inside_a_call_that_went_well_is_the_calls_own_affair(tmp_path: Path) -> None:
    text = """
workflow quote
  agent librarian
    llm gpt-4o -> "{\\"tariff\\": 12}"
      other "POST /chat" error="HTTPError: 500"
      other "POST /chat"
  agent clerk
    llm gpt-4o -> "12 EUR"
"""
    assert found(tmp_path, Root(), text) == []


def test_the_floor_is_an_option(tmp_path: Path) -> None:
    assert len(found(tmp_path, Root(floor=1.0), SWALLOWED)) == 1
    text = SWALLOWED.replace('error="ConnectionError: tariff store unreachable"', "-> []")
    assert len(found(tmp_path, Root(), text)) == 1
    assert found(tmp_path, Root(floor=0.9), text) == []


def test_a_failure_before_anybody_went_on_is_not_its_symptom(tmp_path: Path) -> None:
    text = """
tool find_tariff {"zone": 4} error="ConnectionError: refused"
other step error="KeyError: 4"
agent clerk
  llm gpt-4o -> "It could not be looked up."
"""
    assert found(tmp_path, Root(), text) == []


def test_how_the_run_ended_is_no_root(tmp_path: Path) -> None:
    text = """
workflow quote error="TypeError: None * 4"
  agent librarian
    llm gpt-4o -> "{\\"tariff\\": 12}"
agent stray parent=missing
  llm gpt-4o -> "12 EUR"
"""
    assert found(tmp_path, Root(), text) == []


def test_a_provider_that_refuses_a_model_call_has_reasons_of_its_own(tmp_path: Path) -> None:
    text = """
workflow report
  agent reader
    tool search_docs {"q": "rome"} error="ValueError: index offline"
    llm gpt-4o -> "Rome is old."
  agent writer error="BadRequestError: Error code: 400 - unsupported parameter"
    llm gpt-4o error="BadRequestError: Error code: 400 - unsupported parameter"
"""
    assert [finding.agent for finding in found(tmp_path, Root(), text) if "unsupported" in finding.message] == []
