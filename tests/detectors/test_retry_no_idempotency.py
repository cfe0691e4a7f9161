"""The same effect asked for twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.effects import happens_again
from agentdbg.detectors.retry.no_idempotency import NoIdempotency
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, judged, places, skipped

ORDER = '{"order": "A-17", "amount": 40}'
TIMEOUT = 'error="TimeoutError: no answer in 30 s"'


def attempts(*outcomes: str, tool: str = "charge_card", given: str = ORDER) -> str:
    return "\n".join(["agent cashier", *(f"  tool {tool} {given} {outcome}" for outcome in outcomes)])


def repeats(folder: Path, *outcomes: str, tool: str = "charge_card", given: str = ORDER) -> list[Finding]:
    return found(folder, NoIdempotency(), attempts(*outcomes, tool=tool, given=given))


def test_a_payment_that_timed_out_and_was_made_again(tmp_path: Path) -> None:
    told = (TIMEOUT, '-> {"charge": "ch_2"}')
    (finding,) = judged(tmp_path, attempts(*told)).findings
    assert (finding.detector, *grades([finding])[0], finding.agent) == (
        "retry.no_idempotency",
        "high",
        "likely",
        "cashier",
    )
    assert finding.message == (
        'cashier called charge_card 2 times with {"order":"A-17","amount":40}: the first may have taken effect, the second '
        "took effect, 0.0 s apart. No idempotency key tells that they are one action."
    )
    assert [evidence.note for evidence in finding.evidence] == [
        'the second attempt: {"charge":"ch_2"}',
        "the first attempt: TimeoutError: no answer in 30 s",
    ]


@pytest.mark.parametrize(
    ("outcomes", "severity"),
    [
        (('-> {"charge": "ch_1"}', '-> {"charge": "ch_2"}'), "critical"),
        (('-> "ok"', '-> "ok"'), "medium"),
        (('error="ConnectionResetError: connection reset by peer"', TIMEOUT), "high"),
        (('error="HTTPError: 502 Bad Gateway"', '-> "ok"'), "high"),
        (('-> "ok"', TIMEOUT), "high"),
        (("idempotency_key=k1 " + TIMEOUT, 'idempotency_key=k2 -> "ok"'), "high"),
        (('request_id=r1 -> {"charge": "ch_1"}', 'request_id=r2 -> {"charge": "ch_2"}'), "critical"),
    ],
    ids=["both worked", "both acknowledged", "neither is known", "a server in between", "once more after it worked", "a key an attempt", "ids of requests"],
)  # fmt: skip
def test_how_bad_it_is(outcomes: tuple[str, ...], severity: str, tmp_path: Path) -> None:
    assert grades(repeats(tmp_path, *outcomes)) == [(severity, "likely")]


@pytest.mark.parametrize(
    "outcomes",
    [
        ("idempotency_key=k1 " + TIMEOUT, 'idempotency_key=k1 -> "ok"'),
        ("metadata.request_id=k1 " + TIMEOUT, 'metadata.request_id=k1 -> "ok"'),
        ('error="ValidationError: amount missing"', '-> "ok"'),
        ('error="RateLimitError: 429"', '-> "ok"'),
        ('error="HTTPError: 503 Service Unavailable"', '-> "ok"'),
        ('error="ConnectionError: connection refused"', '-> "ok"'),
        (TIMEOUT, '-> {"status": "already charged"}'),
        ('-> {"charge": "ch_1"}', '-> {"charge": "ch_1"}'),
        ('-> "ok" tool_call_id=c1', '-> "ok" tool_call_id=c1'),
        ('idempotency_key=k1 -> {"charge": "ch_1"}', 'idempotency_key=k2 -> {"charge": "ch_2"}'),
        ('-> "ok" at=0s dur=5s', '-> "ok" at=1s dur=2s'),
    ],
    ids=[
        "one key", "one request id", "refused", "slowed down", "not served", "not reached", "was there", "one and the same", "one call told twice", "two are meant",
        "at once",
    ],
)  # fmt: skip
def test_repetitions_that_are_safe(outcomes: tuple[str, ...], tmp_path: Path) -> None:
    assert repeats(tmp_path, *outcomes) == []


def test_a_key_among_the_arguments(tmp_path: Path) -> None:
    given = '{"amount": 40, "headers": {"Idempotency-Key": "k1"}}'
    assert repeats(tmp_path, TIMEOUT, '-> "ok"', given=given) == []


def test_attempts_whose_arguments_are_not_recorded_are_not_judged(tmp_path: Path) -> None:
    text = attempts(TIMEOUT, '-> "ok"', given="")
    assert found(tmp_path, NoIdempotency(), text) == []
    assert [one.reason for one in skipped(tmp_path, NoIdempotency(), text)] == [
        "no arguments of tools that have an effect are recorded"
    ]


def test_other_arguments_are_another_action(tmp_path: Path) -> None:
    text = attempts(TIMEOUT) + '\n  tool charge_card {"order": "A-18", "amount": 40} -> "ok"'
    assert found(tmp_path, NoIdempotency(), text) == []


@pytest.mark.parametrize("tool", ["search_orders", "update_address", "order_status", "set_flag"])
def test_tools_that_may_be_called_twice(tool: str, tmp_path: Path) -> None:
    assert repeats(tmp_path, TIMEOUT, '-> "ok"', tool=tool) == []


def test_the_worst_pair_is_the_one_that_is_told(tmp_path: Path) -> None:
    told = (TIMEOUT, '-> {"charge": "ch_1"}', '-> {"charge": "ch_2"}')
    (finding,) = repeats(tmp_path, *told)
    assert finding.severity == "critical"
    assert places(tmp_path, attempts(*told), finding) == ["tool charge_card"] * 3


@pytest.mark.parametrize(
    ("tool", "again"),
    [
        ("charge_card", True), ("payments.refund", True), ("process_payment", True), ("createOrder", True), ("placeOrder", True),
        ("send_mail", True), ("order_status", False), ("book_details", False), ("get_order", False), ("update_order", False),
        ("transfer_to_billing", False), ("delete_order", False), ("add_item", False), ("process_document", False), (None, False),
    ],
)  # fmt: skip
def test_what_happens_again_when_it_is_called_again(tool: str | None, again: bool) -> None:
    assert happens_again(tool) is again
