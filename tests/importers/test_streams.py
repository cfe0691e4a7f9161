"""Compressed and encoded inputs as plain streams."""

import bz2
import gzip
import io
import sys

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.importers import streams
from agentdbg.importers.streams import Opened, open_input

TEXT = '{"a": "naïve"}\n' * 20_000


def whole(data: bytes) -> tuple[bytes, list[str]]:
    opened = Opened(io.BytesIO(data))
    content = opened.stream.read()
    return content, [note.message for note in opened.notes()]


LAYERS = {
    "gzip": gzip.compress,
    "gzip members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "gzip with padding": lambda data: gzip.compress(data) + bytes(512),
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "zstd frames": lambda data: (
        zstandard.ZstdCompressor().compress(data[:100]) + zstandard.ZstdCompressor().compress(data[100:])
    ),
    "gzip in zstd": lambda data: zstandard.ZstdCompressor().compress(gzip.compress(data)),
    "nothing": bytes,
}


@pytest.mark.parametrize("layer", LAYERS)
def test_compression_is_told_by_content(layer):
    assert whole(LAYERS[layer](TEXT.encode())) == (TEXT.encode(), [])


@given(data=st.binary(max_size=300), layer=st.sampled_from(sorted(LAYERS)))
@settings(max_examples=60, deadline=None)
def test_any_content_survives(data, layer):
    if streams._encoding(data) != ("utf-8", 0) or data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        return
    assert whole(LAYERS[layer](data))[0] == data


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_encodings_become_utf8(encoding):
    content, notes = whole(TEXT.encode(encoding))
    assert content == TEXT.encode()
    assert len(notes) == (0 if encoding == "utf-8-sig" else 1)


def test_utf16_inside_gzip():
    assert whole(gzip.compress(TEXT.encode("utf-16"))) == (TEXT.encode(), ["read as UTF-16"])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_truncated_archive_keeps_what_came_before(compress):
    text = "".join(f'{{"a": {number}}}\n' for number in range(50_000)).encode()
    content, notes = whole(compress(text)[:-1000])
    assert content
    assert text.startswith(content)
    assert [note.startswith("the compressed data ends early") for note in notes] == [True]


def test_a_broken_archive_is_a_note():
    data = bytearray(gzip.compress(bytes(range(256)) * 2000))
    data[len(data) // 2] ^= 0xFF
    _, notes = whole(bytes(data))
    assert len(notes) == 1
    assert notes[0].startswith("the compressed data")


def test_bytes_after_an_archive_are_noted():
    assert whole(gzip.compress(b"hello") + b"trailing") == (
        b"hello",
        ["bytes after the end of the compressed data were left out"],
    )


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_bomb_is_stopped(compress, monkeypatch):
    monkeypatch.setattr(streams, "BOMB_BYTES", 1_000_000)
    opened = Opened(io.BytesIO(compress(bytes(200_000_000))))
    size = sum(len(part) for part in iter(lambda: opened.stream.read(1 << 20), b""))
    assert size < 200_000_000
    [note] = opened.notes()
    assert note.severity == "data_loss"
    assert "expands to more than 500 times its size" in note.message


def test_a_pipe_that_gives_little_at_a_time():
    class Trickle(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.data = data

        def readable(self) -> bool:
            return True

        def readinto(self, buffer):
            part, self.data = self.data[:1], self.data[1:]
            buffer[: len(part)] = part
            return len(part)

    opened = Opened(Trickle(b"hello"))
    assert (opened.head, opened.stream.read()) == (b"hello", b"hello")


def test_stdin(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"hello"))))
    assert open_input("-").stream.read() == b"hello"


def test_other_compressions_stay_as_they_are():
    assert whole(bz2.compress(b"hello"))[0].startswith(b"BZh")
