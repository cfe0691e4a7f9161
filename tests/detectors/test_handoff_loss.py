"""What did not reach the next agent: texts that were cut, values that it asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.handoff.loss import Loss
from tests.detectors.judging import found, places

REPORT = (
    " ".join(f"Parcel {i} of the harbour was weighed and sealed." for i in range(1, 30)) + " Seal AX-9931 is broken."
)


def run(wrote: str, given: str, answer: str = "All is well.") -> str:
    prompt = json.dumps([{"role": "user", "content": given}])
    return (
        f"workflow port\n  agent weigher\n    llm gpt-4o -> {json.dumps(wrote)}\n"
        f"  agent customs\n    llm gpt-4o {prompt} -> {json.dumps(answer)}"
    )


@pytest.mark.parametrize(
    ("given", "how"),
    [
        pytest.param(REPORT[:700] + "…", "with the mark '…'", id="a mark"),
        pytest.param(f"Report:\n{REPORT[:640]} [truncated 800 characters]", "with the mark '[truncated'", id="a label"),
        pytest.param(REPORT[:1000] + "\n\nWhat is to be done?", "after 1,000 characters", id="a round length"),
        pytest.param(REPORT[:655], "in the middle of a word", id="a word"),
    ],
)
def test_a_text_that_was_cut(given: str, how: str, tmp_path: Path) -> None:
    text = run(REPORT, given)
    (finding,) = found(tmp_path, Loss(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "certain", "weigher")
    assert f"of {len(REPORT):,} characters that weigher wrote; the text was cut {how}." in finding.message
    assert "AX-9931" in finding.message
    assert places(tmp_path, text, finding) == ["llm gpt-4o", "agent customs"]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(f"Read this: {REPORT}", id="the whole text"),
        pytest.param("29 parcels were weighed, seal AX-9931 is broken.", id="a summary"),
        pytest.param(REPORT[: REPORT.index("Parcel 9")], id="a beginning that ends with a sentence"),
        pytest.param(REPORT[:-100] + "…", id="hardly anything is missing"),
        pytest.param(REPORT[:655] + "s and crates, too, which nobody had counted.", id="it goes on in other words"),
    ],
)
def test_texts_that_arrived_or_were_made_shorter_by_somebody(given: str, tmp_path: Path) -> None:
    assert found(tmp_path, Loss(), run(REPORT, given)) == []


def test_values_that_the_receiver_asks_for_are_a_hint(tmp_path: Path) -> None:
    wrote = "The parcel for Ms Berg has tracking number TR-55812 and weighs 3 kg."
    (finding,) = found(tmp_path, Loss(), run(wrote, "A parcel for Ms Berg.", "The tracking number is missing."))
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "hint", "weigher")
    assert finding.title == "weigher told TR-55812, which did not reach customs"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        pytest.param("Parcel TR-55812 for Ms Berg.", "The tracking number is missing.", id="it was given"),
        pytest.param("A parcel for Ms Berg.", "The parcel is cleared.", id="nobody misses it"),
        pytest.param("A parcel for Ms Berg.", "The customs form is missing.", id="something else is missing"),
    ],
)
def test_values_that_nobody_misses_are_no_loss(given: str, answer: str, tmp_path: Path) -> None:
    wrote = "The parcel for Ms Berg has tracking number TR-55812 and weighs 3 kg."
    assert found(tmp_path, Loss(), run(wrote, given, answer)) == []
