"""Results that hold nothing, errors in the body of a success, JSON that ends in the middle."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.steps.emptiness import counts_none, cut_off, error_in_body, is_empty


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "  \n",
        "null",
        [],
        "[]",
        "{}",
        '""',
        [None, None],
        "[null]",
        [[], {}],
        {"results": [], "total": 0},
        {"data": {"items": []}, "status": "ok"},
        {"totalCount": 0, "results": None},
        {"name": None, "price": None},
        [{"type": "text", "text": ""}],
        {"results": [], "message": "No results found"},
        "No results found",
        "no matching documents were found for 'rome'.",
        "There are no records.",
        "Sorry, no data available",
        "We couldn't find any results for Rome",
        "0 results",
        "Not found",
        "None",
        "n/a",
    ],
)
def test_empty(value: object) -> None:
    assert is_empty(value)


@pytest.mark.parametrize(
    "value",
    [
        0,
        False,
        "0",
        "false",
        [0],
        [False],
        {"count": 0},
        {"ok": False},
        {"error": "boom"},
        {"results": [], "error": "boom"},
        {"id": 5, "notes": ""},
        {"name": "Bob", "items": []},
        "No.",
        "No issues found",
        "No conflicts in the files",
        "No problem, here is the answer: 42",
        "Nothing compares to this result, which is 42",
        "[" * 3000 + "]" * 3000,
    ],
)
def test_not_empty(value: object) -> None:
    assert not is_empty(value)


@pytest.mark.parametrize(
    ("value", "counts"),
    [
        ({"count": 0, "results": []}, True),
        ('{"totalCount": 0, "items": null}', True),
        ({"results": []}, False),
        ({"results": [], "page": 0}, False),
        ({"count": False, "results": []}, False),
        ({"count": None, "results": []}, False),
        ([], False),
    ],
)
def test_counts_none(value: object, counts: bool) -> None:
    assert counts_none(value) is counts


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"error": "boom"}, "boom"),
        ('{"error": "boom", "data": null}', "boom"),
        ({"error": {"message": "bad key", "code": 3}}, "bad key"),
        ({"errors": [{"message": "m"}], "data": {"user": None}}, "m"),
        ({"error": True, "message": "it broke"}, "it broke"),
        ({"exception": "ValueError: x", "status": 500}, "ValueError: x"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["a"], "msg": "field required"}]}, "field required"),
        ({"status": "error", "message": "no such table"}, "no such table"),
        ({"isError": True, "content": [{"type": "text", "text": "bad"}]}, "bad"),
        ({"isError": False, "content": [{"type": "text", "text": "Error: no such city"}]}, "Error: no such city"),
        ([{"type": "text", "text": "ValueError: bad x"}], "ValueError: bad x"),
        ({"success": False, "message": "user not found"}, "user not found"),
        ({"statusCode": 503, "message": "Service Unavailable"}, "Service Unavailable"),
        ({"status": 404, "url": "https://example.com/x", "html": "<p>gone</p>", "message": "gone"}, "gone"),
        ({"jsonrpc": "2.0", "id": 3, "error": {"code": -32602, "message": "Unknown tool"}}, "Unknown tool"),
        ("<html><head><title>502 Bad Gateway</title></head><body></body></html>", "502 Bad Gateway"),
        ("<!DOCTYPE html>\n<html lang='en'><body><h1>404 Not Found</h1>", "404 Not Found"),
        ("Error: disk full", "Error: disk full"),
        ('"Error: disk full"', "Error: disk full"),
        ("Error (504): gateway", "Error (504): gateway"),
        ("Error executing tool search: timeout", "Error executing tool search: timeout"),
        ("ValueError: bad x", "ValueError: bad x"),
        ("requests.exceptions.ConnectionError: no", "requests.exceptions.ConnectionError: no"),
        ("Traceback (most recent call last):\n  File", "Traceback (most recent call last):\n  File"),
    ],
)
def test_error_in_body(value: object, error: str) -> None:
    assert error_in_body(value) == error


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        {"error": None},
        {"error": ""},
        {"error": "none", "value": 3},
        {"error": 0.03},
        {"error": "one row was skipped", "rows": [1, 2]},
        {"error_rate": 0.1},
        {"detail": "A long story about ducks"},
        {"status": "failed", "job": "j-1"},
        {"status": "failed"},
        {"status": "failed", "reason": "the job ran out of memory"},
        {"ok": False, "reason": "too short"},
        {"status_code": 404, "links": ["https://example.com/gone"]},
        {"status": 450, "items": [{"sku": 1}]},
        "<html><head><title>500 recipes for winter</title></head></html>",
        {"success": False},
        {"success": False, "message": ""},
        {"success": True, "message": "saved"},
        {"ok": False, "reason": "out of stock", "items": [{"sku": 1}]},
        {"status": 200, "message": "fine"},
        {"status": True, "message": "fine"},
        {"status_code": 204},
        {"code": 404, "name": "Oslo"},
        {"exit_code": 1, "stdout": "1 failed, 3 passed"},
        "<html><head><title>Room 404</title></head></html>",
        [{"type": "text", "text": "Error rates fell."}],
        [{"type": "text", "text": "Error: x"}, {"type": "text", "text": "and the rest"}],
        "Error analysis shows nothing",
        "Error: none",
        "error: 0.03",
        "Errors are part of life",
        "The Error: of our ways",
        "ERROR: one\n" + "INFO: fine\n" * 30,
    ],
)
def test_no_error_in_body(value: object) -> None:
    assert error_in_body(value) is None


WHOLE = json.dumps({"a": [1, 2.5, -3e10, {"b": 'x"y\u00e9\\'}], "c": True, "d": None, "e": "tail \u2603"})


def test_every_beginning_of_an_object_is_cut_off() -> None:
    assert [n for n in range(1, len(WHOLE)) if not cut_off(WHOLE[:n])] == []


@given(
    st.lists(st.text() | st.booleans() | st.none() | st.dictionaries(st.text(), st.floats(allow_nan=False))), st.data()
)
def test_every_beginning_of_an_array_is_cut_off_and_the_whole_is_not(value: list[object], data: st.DataObject) -> None:
    text = json.dumps(value)
    assert not cut_off(text)
    assert cut_off(text[: data.draw(st.integers(1, len(text) - 1))])


@pytest.mark.parametrize(
    "text",
    ['```json\n{"a": [1, 2', '["a", "b", ...', '{"a": "some te…', '{"a": [1, 2 [truncated]', '{"a": "line\nbreak'],
)
def test_cut_off(text: str) -> None:
    assert cut_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        '{"a": 1} and more',
        "[1] Smith et al. say",
        "{'a': 1}",
        "{'a': 1, 'b",
        "{a: 1}",
        '{"a": 1]',
        "[INST] go on",
        "[Note: this is prose",
        "{placeholder",
        '```json\n{"a": 1}\n```',
        "[" * 100_000,
    ],
)
def test_not_cut_off(text: str) -> None:
    assert not cut_off(text)
