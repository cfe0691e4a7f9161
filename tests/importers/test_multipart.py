"""Form bodies in, parts out: whole, concatenated, cut off and damaged."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.importers.multipart import Part, boundary, parts

LINE = b"\r\n"


def body(*fields: tuple[str, bytes], mark: bytes = b"--b1", end: bytes = b"--", line: bytes = LINE) -> bytes:
    made = b""
    for name, content in fields:
        head = [
            mark,
            b'Content-Disposition: form-data; name="' + name.encode() + b'"',
            b"Content-Type: application/json; length=3",
        ]
        made += line.join([*head, b"", content]) + line
    return made + mark + end + line


def read(data: bytes) -> list[Part]:
    delimiter = boundary(data)
    assert delimiter is not None
    return list(parts(io.BytesIO(data), delimiter))


def fields(data: bytes) -> list[tuple[str, bytes, str]]:
    return [(part.name, part.content, part.fault) for part in read(data)]


@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
def test_parts_of_a_body(line):
    data = body(("post.1", b'{"id":1}'), ("post.1.inputs", b"{}"), ("empty", b""), line=line)
    assert fields(data) == [("post.1", b'{"id":1}', ""), ("post.1.inputs", b"{}", ""), ("empty", b"", "")]
    assert [(part.kind, part.line) for part in read(data)] == [
        ("application/json", 2),
        ("application/json", 7),
        ("application/json", 12),
    ]


def test_content_that_looks_like_a_delimiter_but_is_none():
    content = b"--b\r\n--b12\r\n --b1\r\nx--b1"
    assert fields(body(("a", content))) == [("a", content, "")]


def test_bodies_one_after_the_other_each_with_its_own_boundary():
    data = body(("a", b"1")) + b"\r\n" + body(("b", b"2"), mark=b"--other")
    assert fields(data) == [("a", b"1", ""), ("b", b"2", "")]


def test_bytes_between_bodies_are_a_part_without_a_name():
    assert fields(body(("a", b"1")) + b"stray\r\n") == [("a", b"1", ""), ("", b"stray\r\n", "")]


def test_a_body_that_breaks_off_in_a_content():
    assert fields(body(("a", b"1"), ("b", b'{"x": 1}'))[:-12]) == [("a", b"1", ""), ("b", b'{"x": ', "cut")]


def test_a_body_that_breaks_off_in_the_headers():
    data = body(("a", b"1"), ("b", b"2"))
    assert fields(data[: data.rindex(b"Content-Type")]) == [
        ("a", b"1", ""),
        ("", b'Content-Disposition: form-data; name="b"\r\n', "cut"),
    ]


def test_headers_without_a_content_do_not_take_those_of_the_next_part():
    data = b'--b1\r\nContent-Disposition: form-data; name="a"\r\n' + body(("b", b"2"))
    assert fields(data) == [("", b'Content-Disposition: form-data; name="a"\r\n', ""), ("b", b"2", "")]


@pytest.mark.parametrize(
    "head",
    [b"", b"{}", b"--", b"--- a diff\n+++ b\n", b"--x\r\n\r\nContent-Disposition:", b"-- sql comment\nselect 1;\n"],
)
def test_what_is_no_form(head):
    assert boundary(head) is None


CONTENT = st.binary(max_size=60).filter(lambda content: b"--b1" not in content)


@given(st.lists(CONTENT, max_size=5))
def test_any_contents_come_back_as_they_were(contents):
    data = body(*((f"f{place}", content) for place, content in enumerate(contents)))
    if contents:
        assert fields(data) == [(f"f{place}", content, "") for place, content in enumerate(contents)]


@given(st.lists(CONTENT, min_size=1, max_size=4), st.integers(min_value=0, max_value=600))
def test_no_byte_of_a_cut_body_is_made_up(contents, size):
    data = body(*((f"f{place}", content) for place, content in enumerate(contents)))[:size]
    delimiter = boundary(data)
    for part in parts(io.BytesIO(data), delimiter) if delimiter else ():
        assert part.content in data
