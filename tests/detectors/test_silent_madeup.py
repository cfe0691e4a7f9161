"""Values that nobody gave an agent whose tool had nothing to give."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from agentdbg.detectors.silent.madeup import Madeup
from tests.detectors.judging import found, judged, places

EMPTY = 'tool find_permits {"street": "Elm 12"} -> []'
INVENTED = 'llm gpt-4o -> "Permit PX-881 costs 240.50 EUR and runs until 2031-03-01."'


def run(body: str) -> str:
    return f"workflow town\n  agent clerk\n    llm gpt-4o\n{indent(dedent(body), '    ')}"


@pytest.mark.parametrize(
    ("troubled", "how"),
    [
        pytest.param(EMPTY, "with nothing ([])", id="empty"),
        pytest.param('tool find_permits {"street": "Elm 12"} -> [null, null]', "with nothing", id="nulls"),
        pytest.param('tool find_permits {} -> "Error: archive is locked"', "with an error", id="an error as text"),
        pytest.param('tool find_permits {} error="TimeoutError: 30 s"', "with an error", id="an error"),
    ],
)
def test_values_after_nothing(troubled: str, how: str, tmp_path: Path) -> None:
    text = run(f"{troubled}\n{INVENTED}")
    (finding,) = found(tmp_path, Madeup(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "clerk")
    assert "clerk names PX-881, 240.50 and 2031-03-01, which nothing before it in the run contains" in finding.message
    assert how in finding.message
    assert places(tmp_path, text, finding) == ["llm gpt-4o", "tool find_permits"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f'{EMPTY}\nllm gpt-4o -> "I found no permits, maybe you mean PX-881?"', id="it says so"),
        pytest.param(f'{EMPTY}\ntool find_permits {{"street": "Elm"}} -> ["PX-881"]\n{INVENTED}', id="asked again"),
        pytest.param(f'{EMPTY}\nllm gpt-4o -> "The permit for Elm 12 is in order."', id="no value in it"),
        pytest.param(
            f'{EMPTY}\nllm gpt-4o -> "A permit costs approximately 240.50 EUR."', id="it says that it guesses"
        ),
        pytest.param(
            f'tool read_fees {{}} -> {{"fee": 240.5, "id": "PX-881", "end": "2031-03-01"}}\n{EMPTY}\n{INVENTED}',
            id="another tool gave them",
        ),
        pytest.param(
            'tool read_fees {} -> {"fee": 200.5, "late": 40}\n'
            f'{EMPTY}\nllm gpt-4o -> "With the late fee that is 240.50 EUR, so 2886.00 EUR a year."',
            id="sums and products of what is known",
        ),
        pytest.param(f"tool read_fees {{}}\n{EMPTY}\n{INVENTED}", id="a result that is not recorded"),
        pytest.param(f'tool find_permits {{}} -> ["Elm 12"]\n{INVENTED}', id="the tool gave something"),
        pytest.param(f"{EMPTY}\nllm gpt-4o", id="no answer recorded"),
    ],
)
def test_what_is_not_made_up(body: str, tmp_path: Path) -> None:
    assert found(tmp_path, Madeup(), run(body)) == []


def test_beside_other_results_it_is_medium(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Madeup(), run(f'tool read_fees {{}} -> {{"fee": 12}}\n{EMPTY}\n{INVENTED}'))
    assert finding.severity == "medium"


def test_it_tells_who_was_given_the_values_next_and_is_one_finding(tmp_path: Path) -> None:
    alone = judged(tmp_path, run(f"{EMPTY}\n{INVENTED}"))
    assert [one.detector for one in alone.findings] == ["silent.madeup"]
    cashier = '  agent cashier {"permit": "PX-881"}\n    llm gpt-4o -> "Please pay."'
    text = run(f"{EMPTY}\n{INVENTED}\n") + cashier
    cascade, finding = judged(tmp_path, text).findings
    assert (cascade.detector, finding.detector) == ("cascade.root", "silent.madeup")
    assert places(tmp_path, text, finding) == ["llm gpt-4o", "tool find_permits", "agent cashier"]
