"""Retries: hopeless ones, those without a pause, and those that are as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.loop.retry import Retry
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, judged, places

GONE = "HTTPError: 404 Client Error: Not Found"
BUSY = "HTTPError: 503 Server Error: Service Unavailable"


def tries(*outcomes: tuple[str, float], between: str = "") -> str:
    """Attempts at one call: its error, or what it gave, and the second at which it began."""
    lines = ["agent clerk"]
    for outcome, at in outcomes:
        ended = f'error="{outcome}"' if ":" in outcome else f'-> "{outcome}"'
        lines.append(f'  tool get_order {{"id": 7}} {ended} at={at}s dur=10ms')
        lines += [between] if between else []
    return "\n".join(lines)


def retries(folder: Path, text: str) -> list[Finding]:
    return found(folder, Retry(), text)


def test_an_error_that_cannot_go_away(tmp_path: Path) -> None:
    text = tries((GONE, 0), (GONE, 1), (GONE, 2), (GONE, 3))
    (finding,) = retries(tmp_path, text)
    assert grades([finding]) == [("high", "certain")]
    assert finding.message == (
        "clerk tried get_order 4 times with the same arguments, pauses of 990 ms, and none went well: HTTPError: 404 "
        "Client Error: Not Found; an error of this kind (bad request) does not go away by itself."
    )
    assert places(tmp_path, text, finding) == ["tool get_order"] * 3
    assert finding.evidence[0].note == "attempt 1: HTTPError: 404 Client Error: Not Found"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (tries((GONE, 0), (GONE, 1)), [("low", "certain")]),
        (tries((BUSY, 0), (BUSY, 0.02), (BUSY, 0.04)), [("medium", "certain")]),
        (tries((BUSY, 0), (BUSY, 1), (BUSY, 3)), []),
        (tries((BUSY, 0), (BUSY, 1), (BUSY, 3), (BUSY, 7)), [("medium", "certain")]),
        (tries((BUSY, 0), (BUSY, 1), ("12 EUR", 3)), []),
        (tries((BUSY, 0), (BUSY, 1), (BUSY, 3), (BUSY, 7), ("12 EUR", 15)), [("low", "certain")]),
        (tries((GONE, 0), (GONE, 1), ("12 EUR", 3)), []),
        (tries(("pending", 0), ("pending", 1), ("pending", 2), ("pending", 3), ("done", 4)), []),
        (tries((GONE, 0), (GONE, 1), (GONE, 2), between='  tool look_up {"k": 1} -> "x"'), []),
        ("agent clerk\n" + "".join(f'  tool get_order {{"id": {i}}} error="{GONE}"\n' for i in range(6)), []),
        ("agent clerk\n" + f'  tool get_order error="{GONE}"\n' * 6, []),
    ],
    ids=[
        "one more try", "three at once", "three with growing pauses", "four", "recovered", "recovered late",
        "found after all", "polling", "other work between", "other orders", "arguments not recorded",
    ],
)  # fmt: skip
def test_how_bad_it_is(text: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(retries(tmp_path, text)) == expected


def test_an_error_in_the_body_of_a_success_counts(tmp_path: Path) -> None:
    body = '-> {"error": "validation failed: id must be a number"}'
    text = "agent clerk\n" + f'  tool get_order {{"id": "x"}} {body}\n' * 3
    assert grades(retries(tmp_path, text)) == [("high", "certain")]


def test_retries_inside_retries_multiply(tmp_path: Path) -> None:
    inner = f'    tool get_order {{"id": 7}} error="{BUSY}"\n' * 3
    (finding,) = retries(tmp_path, "agent clerk\n" + f"  other attempt\n{inner}" * 3)
    assert finding.message.endswith("Retries lie inside retries: 3, 3 and 3 attempts below each.")


def test_a_model_that_is_asked_the_same_again(tmp_path: Path) -> None:
    text = "agent clerk\n" + '  llm m "sum it up" -> [] error="AuthenticationError: 401 invalid api key"\n' * 4
    (finding,) = retries(tmp_path, text)
    assert (finding.severity, finding.key) == ("high", "the model auth")


def test_a_loop_around_the_retry_tells_it(tmp_path: Path) -> None:
    lap = f'  llm m in=90 out=9 -> "I try again."\n  tool get_order {{"id": 7}} error="{GONE}"\n'
    findings = judged(tmp_path, "agent clerk\n" + lap * 5).findings
    assert [one.detector for one in findings] == ["loop.cycle"]
    assert any("clerk tried get_order 5 times" in evidence.note for evidence in findings[0].evidence)
