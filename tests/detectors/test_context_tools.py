"""Prompts full of tools, and toolboxes that are used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.context.tools import Tools
from tests.detectors.judging import found, grades, places

TEXT = "What it does, when to call it and when not to, what each argument means, and what comes back. " * 4


def offered(count: int, text: str = TEXT) -> str:
    return json.dumps([{"name": f"tool_{n}", "description": text} for n in range(count)], separators=(",", ":"))


def run(tools: str, calls: int = 3, used: int = 1, prompt: int = 4500) -> str:
    lines = [f'  llm gpt-4o in={prompt} out=9 "Go on." -> "Step {n}." tools={tools}' for n in range(calls)]
    return "\n".join(["agent clerk", *lines, *(f'  tool tool_{n} {{"n": {n}}} -> [{n}]' for n in range(used))])


def test_tools_that_nobody_calls_fill_the_prompts(tmp_path: Path) -> None:
    text = run(offered(40))
    (finding,) = found(tmp_path, Tools(), text)
    assert grades([finding]) == [("low", "likely")]
    assert finding.title == "clerk is offered 40 tools and calls 1; they are 95% of its prompts"
    assert "about 4,297 of 4,500 tokens in the first of 3 calls, about 12,891 in all" in finding.message
    assert finding.message.endswith("Of the tools it called tool_0.")
    assert finding.wasted_tokens == int(12_891 * 39 / 40)
    assert places(tmp_path, text, finding) == ["llm gpt-4o", "llm gpt-4o"]


def test_many_calls_of_it_are_medium(tmp_path: Path) -> None:
    assert grades(found(tmp_path, Tools(), run(offered(40), calls=9))) == [("medium", "likely")]


def test_what_a_model_asks_for_is_called_though_no_tool_records_it(tmp_path: Path) -> None:
    asked = [{"role": "assistant", "parts": [{"type": "tool_call", "name": f"tool_{n}"} for n in range(9)]}]
    text = run(offered(40), used=0).replace('"Step 0."', json.dumps(asked, separators=(",", ":")))
    assert found(tmp_path, Tools(), text) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(run(offered(19), prompt=2000), id="few tools"),
        pytest.param(run(offered(40), used=9), id="many of them are called"),
        pytest.param(run(offered(40), prompt=20_000), id="the prompt is mostly something else"),
        pytest.param(run(offered(40, "Short."), prompt=500), id="short definitions"),
        pytest.param(run(offered(40)).replace("in=4500 ", ""), id="no tokens recorded"),
        pytest.param(
            "\n".join(line.split(" -> ")[0] for line in run(offered(40)).splitlines()), id="no answers recorded"
        ),
    ],
)
def test_what_is_no_inflation(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Tools(), text) == []
