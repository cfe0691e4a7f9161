"""Where a person spoke, and where it was a framework or another agent under the user's role."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.steps.interruptions import after_person
from agentdbg.steps.sequence import steps_of
from tests.stores import of_sketch


def conversation(folder: Path, user: str, answer: str = "Let me think about it.") -> list[bool]:
    """Three turns of one agent; the second and third come after `user` was said in the user's role."""
    said, lines = [{"role": "user", "content": "Find the price."}], ["agent bot", "  tool quote {} -> 17"]
    for _ in range(3):
        lines.append(f"  llm m {json.dumps(said)} -> {json.dumps(answer)}")
        said += [{"role": "assistant", "content": answer}, {"role": "user", "content": user}]
    with of_sketch(folder, "\n".join(lines)) as store:
        reader = store.reader()
        return after_person(steps_of(reader.trace(reader.trace_ids()[0])))[1:]


@pytest.mark.parametrize("text", ["And what about silver?", "Find the price.", "no, the other one", "ok"])
def test_a_persons_words_interrupt(text: str, tmp_path: Path) -> None:
    assert conversation(tmp_path, text) == [False, True, True]


@pytest.mark.parametrize(
    "text",
    [
        "You must use one of the tools to proceed.",
        "Please continue.",
        "Observation: 17",
        "Your output could not be parsed. Respond with valid JSON only.",
        "Error: no tool was called. Try again.",
        "[bot] `quote` tool returned result: 17",
        "The bot said: Let me think about it. Go on from there.",
        "Let me think about it.",
    ],
)
def test_nudges_and_what_agents_said_do_not(text: str, tmp_path: Path) -> None:
    assert conversation(tmp_path, text) == [False, False, False]


def test_examples_in_a_prompt_are_no_conversation(tmp_path: Path) -> None:
    examples = [{"role": "user", "content": "2+2"}, {"role": "assistant", "content": "4"}]
    prompt = json.dumps([*examples, {"role": "user", "content": "What is the capital of Peru?"}])
    with of_sketch(tmp_path, f'agent bot\n  llm m {prompt} -> "Lima"\n  llm m {prompt} -> "Lima"') as store:
        reader = store.reader()
        assert after_person(steps_of(reader.trace(reader.trace_ids()[0]))) == [False, False]
