"""Numbers as people read them."""

from __future__ import annotations

import pytest

from agentdbg.view.ids import ShortIds, short_trace_id
from agentdbg.view.units import duration, moment, tokens, usd

MS = 1_000_000
S = 1_000 * MS


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, ""),
        (0, "0ms"),
        (999_999, "<1ms"),
        (MS, "1ms"),
        (430 * MS, "430ms"),
        (999_600_000, "1.0s"),
        (3_240 * MS, "3.2s"),
        (59_949 * MS, "59.9s"),
        (59_950 * MS, "1m00s"),
        (61_400 * MS, "1m01s"),
        (99_460 * MS, "1m39s"),
        (599_949 * MS, "10m00s"),
        (1_000 * S, "16m40s"),
        (3_599_960 * MS, "1h00m"),
        (7_500 * S, "2h05m"),
        (100_000 * S, "1d03h"),
        (86_400 * 120 * S, "120d"),
        (10**40, ">9999d"),
    ],
)
def test_durations(ns: int | None, text: str) -> None:
    assert duration(ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, "0"),
        (999, "999"),
        (1_000, "1.0k"),
        (773_540, "773.5k"),
        (999_960, "1.0M"),
        (12_300_000, "12.3M"),
        (999_960_000, "1.0G"),
        (999_900_000_000, "999.9G"),
        (999_960_000_000, ">999G"),
        (2 * 10**18, ">999G"),
        (10**400, ">999G"),
    ],
)
def test_tokens(count: int | None, text: str) -> None:
    assert tokens(count) == text


@pytest.mark.parametrize(
    ("amount", "partial", "text"),
    [
        (None, True, ""),
        (0.0, False, "$0"),
        (0.00001, True, "<$0.0001"),
        (0.009, False, "$0.0090"),
        (0.01, False, "$0.01"),
        (2.268, True, "≥$2.27"),
        (1_234.5, False, "$1234.50"),
        (2_500_000.0, False, "$2500k"),
    ],
)
def test_money(amount: float | None, partial: bool, text: str) -> None:
    assert usd(amount, partial) == text


def test_moments() -> None:
    assert moment(1_773_480_413 * S) == "2026-03-14 09:26:53"
    assert moment(None) == ""
    assert moment(10**30) == ""


def test_ids_are_as_short_as_they_stay_unique() -> None:
    short = ShortIds(["0000000000000001", "0000000000000002", "abcdef0123456789", "span_aaaabbbbcccc"])
    assert short("0000000000000001") == "0000000000000001"
    assert short("abcdef0123456789") == "abcdef01"
    assert short("span_aaaabbbbcccc") == "span_aaaabbbb"
    assert ShortIds(["ab", "abc"])("ab") == "ab"


def test_trace_ids_that_begin_with_the_time_stay_longer() -> None:
    assert short_trace_id("4bf92f3577b34da6a3ce929d0e0e4736") == "4bf92f35"
    assert short_trace_id("trace_4bf92f3577b34da6a3ce929d0e0e4736") == "trace_4bf92f35"
    assert short_trace_id("0190c5a2-1b2c-7abc-8def-0123456789ab") == "0190c5a2-1b2c-7abc"
