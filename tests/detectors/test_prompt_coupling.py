"""Answers that changed their form with the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentdbg.detectors.prompt.coupling import Coupling
from tests.detectors.judging import found, judged

BARE = '{"label": "spam"}'
WRAPPED = f"Of course!\n```json\n{BARE}\n```\nAnything else?"


def runs(*answers: tuple[str, str], prompt: Sequence[str] = ("Answer in JSON.",), more: str = "") -> str:
    traces = []
    for i, (model, said) in enumerate(answers):
        asked = json.dumps([{"role": "system", "content": prompt[min(i, len(prompt) - 1)]}])
        traces.append(
            f"trace mail\nworkflow mail\n  agent filter\n    llm {model} {asked} -> {json.dumps(said)}\n{more}"
        )
    return "\n".join(traces)


OLD, NEW = ("gpt-4o", BARE), ("gpt-5", WRAPPED)


def test_another_model_puts_words_around_its_json(tmp_path: Path) -> None:
    findings = found(tmp_path, Coupling(), runs(*[OLD] * 5, *[NEW] * 3))
    assert [(one.severity, one.confidence, one.agent) for one in findings] == [("high", "likely", "filter")] * 3
    assert findings[0].message == (
        "filter answers in JSON inside prose since gpt-5 took the place of gpt-4o behind the same prompt. "
        "gpt-4o: 5 runs, 5 in bare JSON, median 17 characters; gpt-5: 3 runs, 3 in JSON inside prose, median 55 "
        "characters. It is the first run with it."
    )
    assert len({one.key for one in findings}) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(runs(*[OLD] * 5, *[("gpt-5", BARE)] * 3), id="the new one answers as the old"),
        pytest.param(runs(*[OLD] * 5, *[("gpt-4o", WRAPPED)] * 3), id="the model is the same"),
        pytest.param(runs(*[OLD] * 3, *[NEW] * 3), id="too few runs before"),
        pytest.param(runs(*[OLD] * 5, NEW), id="one run is chance"),
        pytest.param(runs(*[OLD, NEW] * 4), id="both are in use"),
        pytest.param(runs(*[("gpt-4o", "Spam.")] * 5, *[NEW] * 3), id="it was prose before"),
        pytest.param(runs(*[OLD] * 5, *[NEW] * 3, prompt=["Answer in JSON."] * 5 + ["Be nice."]), id="another prompt"),
        pytest.param(runs(*[OLD] * 5, *[NEW] * 3, more='    llm gpt-4o-mini -> "{}"'), id="several models in a run"),
    ],
)
def test_what_no_swap_explains(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Coupling(), text) == []


def test_the_message_that_is_odd_for_it_is_told_once(tmp_path: Path) -> None:
    text = runs(*[OLD] * 5, *[NEW] * 3, more='  agent mover\n    llm gpt-4o -> "moved"')
    findings = judged(tmp_path, text).findings
    assert {one.detector for one in findings} == {"prompt.coupling"}
    assert "filter → mover: JSON inside prose instead of bare JSON." in findings[0].message
