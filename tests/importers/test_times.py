"""Times as exporters write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.importers.times import to_ns

NEW_YEAR_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00", "2026-01-01 00:00:00+00:00", "2026-01-01T00:00:00", "2026-01-01",
        "2026-01-01T01:00:00.000+01:00", "2025-12-31T19:00:00-0500", "20260101T000000Z", "2026-01-01T00:00:00.000000000Z",
        "2026-01-01 00:00:00 UTC", "1767225600", "1767225600000", 1767225600, 1767225600.0, 1767225600000, 1767225600000000,
        NEW_YEAR_NS, str(NEW_YEAR_NS), 1.7672256e18,
    ],
)  # fmt: skip
def test_one_moment_in_many_spellings(text):
    assert to_ns(text) == NEW_YEAR_NS


@pytest.mark.parametrize(
    ("value", "fraction_ns"),
    [
        ("2026-01-01T00:00:00.5Z", 500_000_000), ("2026-01-01T00:00:00.123456Z", 123_456_000), ("2026-01-01T00:00:00.123456789Z", 123_456_789),
        ("2026-01-01T00:00:00.1234567891Z", 123_456_789), ("2026-01-01 00:00:00,25+00:00", 250_000_000), (1767225600.25, 250_000_000),
        (1767225600250, 250_000_000), ("1767225600.000000001", 1),
    ],
)  # fmt: skip
def test_fractions_are_exact(value, fraction_ns):
    assert to_ns(value) == NEW_YEAR_NS + fraction_ns


@pytest.mark.parametrize(
    "value",
    [None, True, "", "soon", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", -1, "-5", float("nan"), float("inf"), 1e300, 10**40,
     "1e999999999", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", [], {}],
)  # fmt: skip
def test_what_is_no_time_is_none(value):
    assert to_ns(value) is None


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2262, 1, 1)),
    st.sampled_from(["T", " "]),
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_times_of_any_zone(moment, separator, offset):
    zoned = moment.replace(tzinfo=UTC)
    shown = (moment + timedelta(minutes=offset)).isoformat(sep=separator)
    sign = "-" if offset < 0 else "+"
    text = f"{shown}{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    assert to_ns(text) == (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
