"""A stream of JSON in any dress gives the same records."""

import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentdbg.importers import json_pieces
from agentdbg.importers.json_pieces import mend, pieces

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', "\\", '\\"', "{", "]}", "a,b", "\n"]
)
VALUES = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(TEXT, VALUES, min_size=1), min_size=1, max_size=6)


def records(text: str | bytes) -> list[object]:
    return [json.loads(piece.text) for piece in pieces(io.BytesIO(text.encode() if isinstance(text, str) else text))]


DRESSES = {
    "lines": lambda values: "\n".join(json.dumps(value) for value in values) + "\n",
    "lines without a last newline": lambda values: "\n".join(json.dumps(value) for value in values),
    "lines with blank ones and CRLF": lambda values: "\r\n\r\n".join(json.dumps(value) for value in values) + "\r\n",
    "array": json.dumps,
    "array, one element a line": lambda values: "[\n" + ",\n".join(json.dumps(value) for value in values) + "\n]\n",
    "indented array": lambda values: json.dumps(values, indent=2),
    "indented documents one after the other": lambda values: "\n".join(json.dumps(value, indent=1) for value in values),
    "text sequence (RFC 7464)": lambda values: "".join(f"\x1e{json.dumps(value)}\n" for value in values),
}


@pytest.mark.slow
@pytest.mark.parametrize("dress", DRESSES)
@example(values=[{"": [{}]}])
@given(values=RECORDS)
@settings(max_examples=20, deadline=None)
def test_every_dress_gives_the_same_records(dress, values):
    assert records(DRESSES[dress](values)) == values


@given(values=RECORDS, size=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_records_do_not_depend_on_where_chunks_end(values, size):
    whole = json.dumps(values, indent=1).encode()
    chunk, json_pieces._CHUNK = json_pieces._CHUNK, size
    try:
        assert records(whole) == values
    finally:
        json_pieces._CHUNK = chunk


def test_lines_are_numbered_from_one():
    found = [(piece.line, piece.text) for piece in pieces(io.BytesIO(b'\n{"a": 1}\n\n{"b": 2}\n'))]
    assert found == [(2, b'{"a": 1}'), (4, b'{"b": 2}')]


def test_elements_of_an_indented_array_have_the_line_they_begin_in():
    found = [piece.line for piece in pieces(io.BytesIO(b'[\n  {\n    "a": 1\n  },\n  {"b": 2}\n]\n'))]
    assert found == [2, 5]


def test_a_broken_first_line_does_not_hide_the_lines_below():
    found = [(piece.line, piece.text) for piece in pieces(io.BytesIO(b'{"a": \n{"b": 2}\n{"c": 3}\n'))]
    assert found == [(1, b'{"a":'), (2, b'{"b": 2}'), (3, b'{"c": 3}')]


def test_the_last_piece_of_a_truncated_stream_is_marked():
    assert [piece.fault for piece in pieces(io.BytesIO(b'{"a": 1}\n{"b": '))] == ["", "cut"]
    assert [piece.fault for piece in pieces(io.BytesIO(b'[{"a": 1},\n{"b": '))] == ["", "cut"]
    assert [piece.fault for piece in pieces(io.BytesIO(b'[{"a": 1}'))] == ["", "cut"]


def test_a_line_without_end_is_handed_out_up_to_the_limit(monkeypatch):
    monkeypatch.setattr(json_pieces, "MAX_RECORD", 10)
    found = [(piece.text, piece.fault) for piece in pieces(io.BytesIO(b"{" + b"x" * 50 + b'\n{"b": 2}\n'))]
    assert found == [(b"{" + b"x" * 9, "long"), (b'{"b": 2}', "")]


@pytest.mark.parametrize(
    ("text", "depth", "mended"),
    [
        ('{"a": [{"b": 1}, {"b": 2', 2, '{"a": [{"b": 1}]}'),
        ('{"a": [{"b": 1}, {"b": {"c": 1}', 2, '{"a": [{"b": 1}]}'),
        ('{"a": [{"b": "}]"}, {"b": "', 2, '{"a": [{"b": "}]"}]}'),
        ('{"a": [', 2, None),
        ("no json at all", 2, None),
        ("]]]", 2, None),
    ],
)
def test_mending_keeps_what_ended_before_the_cut(text, depth, mended):
    assert mend(text.encode(), depth) == (None if mended is None else mended.encode())
