"""One trace with four faults, as a peer's users might send it: OTLP/JSON, gen_ai attributes, no payloads but the tools'."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.detectors.judge import judge
from agentdbg.model import Finding
from tests.stores import of_files, otlp

AGENTS = ("planner", "researcher")


def hop(depth: int) -> list[dict[str, Any]]:
    """An agent inside the one before it, with a model call of its own."""
    name, at = AGENTS[depth % 2], 100 * depth
    usage = {"gen_ai.usage.input_tokens": 400 + depth, "gen_ai.usage.output_tokens": 20}
    return [
        {
            "id": f"a{depth}".ljust(16, "0"),
            "parent": f"a{depth - 1}".ljust(16, "0") if depth else "",
            "name": f"invoke_agent {name}",
            "start": at,
            "end": 9_000 - at,
            "attributes": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name},
        },
        {
            "id": f"c{depth}".ljust(16, "0"),
            "parent": f"a{depth}".ljust(16, "0"),
            "name": "chat gpt-4o",
            "start": at + 10,
            "end": at + 60,
            "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"} | usage,
        },
    ]


def tool(number: int) -> dict[str, Any]:
    return {
        "id": f"d{number}".ljust(16, "0"),
        "parent": "a5".ljust(16, "0"),
        "name": "execute_tool search",
        "start": 1_000 + 200 * number,
        "end": 1_100 + 200 * number,
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
            "gen_ai.tool.call.arguments": json.dumps({"query": "lithium prices 2024"}),
            "gen_ai.tool.call.result": json.dumps(
                ["Lithium fell by 80 % within the year, says the exchange in London."]
            ),
        },
    }


def stray(number: int) -> dict[str, Any]:
    return {
        "id": f"e{number}".ljust(16, "0"),
        "parent": f"f{number}".ljust(16, "0"),
        "name": "execute_tool fetch",
        "start": 3_000 + 200 * number,
        "end": 3_100 + 200 * number,
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "fetch",
            "error.type": "TimeoutError",
        },
        "status": {"code": 2, "message": "no answer in 30 s"},
    }


GIANT = {
    "id": "b" * 16,
    "parent": "a0".ljust(16, "0"),
    "name": "chat gpt-4o",
    "start": 8_990,
    "end": 8_999,
    "attributes": {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 950_000,
        "gen_ai.usage.output_tokens": 30,
    },
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finding, ...]:
    spans = [span for depth in range(6) for span in hop(depth)]
    spans += [*map(tool, range(4)), *map(stray, range(3)), GIANT]
    with of_files(otlp(tmp_path_factory.mktemp("probe"), spans)) as store:
        return judge(store.reader(), {}).findings


def at(found: tuple[Finding, ...], *detectors: str) -> list[str]:
    """What findings of these detectors that count point at, the primary span first."""
    alarms = [one for one in found if one.detector in detectors and one.severity in ("medium", "high", "critical")]
    return [evidence.span_id.rstrip("0") for one in alarms if one.confidence != "hint" for evidence in one.evidence]


def test_the_delegation_that_goes_in_a_circle(found: tuple[Finding, ...]) -> None:
    places = at(found, "deleg.cycle")
    assert places[0] == "a2"  # where the planner gets its own work back
    assert set(places) >= {"a", "a1", "a2", "a3", "a4", "a5"}


def test_the_same_search_four_times(found: tuple[Finding, ...]) -> None:
    assert at(found, "loop.cycle", "redundant.calls")[:2] == ["d", "d1"]


def test_the_spans_without_a_parent(found: tuple[Finding, ...]) -> None:
    assert set(at(found, "trace.orphan", "error.origin")) >= {"e", "e1", "e2"}


def test_the_call_of_950_000_tokens(found: tuple[Finding, ...]) -> None:
    assert at(found, "token.spike") == ["b" * 16]
