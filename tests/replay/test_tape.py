"""What a program gets that is about to run a tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.replay.inspection import ToolUse
from agentdbg.replay.tape import Policies, Tape, Told


def use(tool: str, arguments: Any, result: Any, call_id: str | None = None, **more: Any) -> ToolUse:
    found = {
        "asked_by": "m1",
        "span_id": None,
        "result_from": "next input",
        "status": "ok",
        "error": None,
        "start_ns": None,
    }
    return ToolUse(tool=tool, call_id=call_id, arguments=arguments, result=result, **{**found, **more})


def told(found: Told) -> str:
    return f"{found.do} {found.result}" if found.do == "answer" else f"{found.do} ({found.why}) {found.message}".strip()


TWO = [use("search", {"q": "rome"}, "old", "c1"), use("search", {"q": "rome"}, "older", "c2")]


def test_the_id_that_the_model_gave_tells_equal_calls_apart() -> None:
    tape = Tape(TWO, Policies({}))
    assert [told(tape.ask("search", {"q": "rome"}, one)) for one in ("c2", "c1")] == ["answer older", "answer old"]


def test_without_ids_each_result_is_given_once_in_order() -> None:
    tape = Tape(TWO, Policies({}))
    assert [told(tape.ask("search", '{"q": "rome"}', None)) for _ in range(3)] == [
        "answer old",
        "answer older",
        'stop (miss) the tool search was called once more than recorded, with {"q":"rome"}',
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"q": "rome", "limit": 3}, "answer old"), ('{"q": "rome"}', "answer old"),
     ({"q": "oslo"}, 'stop (miss) the tool search was called with {"q":"oslo"}, recorded with {"q":"rome"}'),
     ({}, 'stop (miss) the tool search was called with {}, recorded with {"q":"rome"}')],
)  # fmt: skip
def test_the_arguments_must_be_the_recorded_ones_whatever_the_id(arguments: Any, expected: str) -> None:
    assert told(Tape(TWO[:1], Policies({})).ask("search", arguments, "c1")) == expected


def test_a_bare_argument_is_that_of_a_tool_of_one() -> None:
    assert told(Tape([use("search", "rome", "old")], Policies({})).ask("search", {"q": "rome"}, None)) == "answer old"


def test_what_was_never_called_or_recorded_stops_the_program() -> None:
    tape = Tape([use("read", {}, None, result_from=None)], Policies({}))
    assert (
        told(tape.ask("pay", {"n": 1}, None))
        == 'stop (miss) the tool pay was never called in the recording, now with {"n":1}'
    )
    assert (
        told(tape.ask("read", {}, None))
        == "stop (not recorded) the result of read is recorded nowhere; --tool read=live runs it"
    )


def test_a_recording_without_tool_spans_knows_only_tools_that_a_model_asked_for() -> None:
    found = Tape(TWO, Policies({}), has_spans=False).ask("pay", {"n": 1}, None)
    assert (found.do, found.why) == ("stop", "not recorded")


def test_a_tool_that_failed_fails_again_unless_the_model_was_told_something() -> None:
    failed = use("read", {}, None, result_from=None, error="OSError: gone")
    assert told(Tape([failed], Policies({})).ask("read", {}, None)) == "fail (recorded) OSError: gone"
    explained = use("read", {}, "Error: gone", error="OSError: gone")
    assert told(Tape([explained], Policies({})).ask("read", {}, None)) == "answer Error: gone"


def test_tools_that_pass_control_on_run(tmp_path: Path) -> None:
    recorded = [use(name, {}, "Command(goto=...)") for name in ("transfer_to_writer", "go", "ask_writer")]
    tape = Tape(recorded, Policies({}), frozenset({"ask_writer"}))
    assert told(tape.ask("transfer_to_writer", {}, None)) == "live (hands over)"
    assert told(tape.ask("go", {}, None, hands_over=True)) == "live (hands over)"
    assert told(tape.ask("ask_writer", {}, None)) == "live (runs an agent)"
    assert (
        told(Tape(recorded, Policies({"transfer_to_writer": "recorded"})).ask("transfer_to_writer", {}, None))
        == "answer Command(goto=...)"
    )


def test_the_user_decides(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text('[{"id": 1}]\n')
    policies = Policies.of([f"db=stub:{rows}", "search=live", "pay=deny"])
    tape = Tape(TWO, policies)
    assert [told(tape.ask(tool, {}, None)) for tool in ("db", "search", "pay")] == [
        "answer [{'id': 1}]", "live (live)", "stop (deny) the tool pay was called, which --tool pay=deny forbids",
    ]  # fmt: skip
    assert told(Tape(TWO, Policies.of(["*=live"])).ask("anything", {}, None)) == "live (live)"


@pytest.mark.parametrize("option", ["search", "search=maybe", "=live", "db=stub:/nowhere/rows.json"])
def test_what_is_no_policy_is_told(option: str) -> None:
    with pytest.raises(AgentdbgError):
        Policies.of([option])
