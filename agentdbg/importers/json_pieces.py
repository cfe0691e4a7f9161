"""A stream of JSON in any dress (lines, one document, an array, documents one after the other) cut into single records.

Lines are the fast path. Everything else goes through a splitter that only counts brackets, so that an array of a
gigabyte is read element by element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Literal, NamedTuple

from agentdbg.importers.json_values import is_json

MAX_RECORD = 512 * 1024 * 1024
_CHUNK = 1024 * 1024
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)
_STRING_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BLANK = b" \t\r\n\x1e"


class Piece(NamedTuple):
    """One record. fault: "" (whole, as far as can be told), "cut" (the input ended inside it or without a final
    newline), "long" (longer than MAX_RECORD bytes; `text` is its beginning)."""

    text: bytes
    line: int
    fault: Literal["", "cut", "long"] = ""


def pieces(stream: BinaryIO, *, arrays: bool = False, by_line: bool = False) -> Iterator[Piece]:
    """The records of a stream, blank ones left out. Elements of a top-level array are records of their own; with
    `arrays` the array is one record, for formats in which its elements belong together. by_line: it is known that every
    line is a record; else its beginning tells."""
    if by_line:
        yield from _lines(iter(lambda: stream.readline(MAX_RECORD), b""), 1)
        return
    number = 0
    for opening in iter(lambda: stream.readline(MAX_RECORD), b""):
        number += 1
        if opening.strip(_BLANK):
            break
    else:
        return
    lines = [opening]
    first = opening.strip(_BLANK)
    endless = len(opening) >= MAX_RECORD and not opening.endswith(b"\n")
    if first[:1] == b"{" and not endless and not is_json(first):
        following = [stream.readline(MAX_RECORD) for _ in range(3)]
        lines += [line for line in following if line]
        # an indented object is an element of the document that the first line opens
        by_line = any(line[:1] == b"{" and is_json(line.strip(_BLANK)) for line in following)
    elif first[:1] == b"[":
        by_line = arrays and not endless and is_json(first)
    else:
        by_line = True
    if by_line:
        yield from _lines(chain(lines, iter(lambda: stream.readline(MAX_RECORD), b"")), number)
    else:
        yield from _Splitter(stream, number, arrays).split(b"".join(lines))


def _lines(lines: Iterator[bytes], number: int) -> Iterator[Piece]:
    number -= 1
    overlong = False
    for line in lines:
        whole = line.endswith(b"\n")
        if overlong:  # the rest of a line whose beginning was handed out already
            overlong = not whole
            continue
        number += 1
        text = line.strip(_BLANK)
        if not whole and len(line) >= MAX_RECORD:
            overlong = True
            yield Piece(text, number, "long")
        elif text:
            yield Piece(text, number, "" if whole else "cut")


class _Splitter:
    """Cuts at depth 0, or at depth 1 inside a top-level array, unless `arrays` are to stay whole."""

    def __init__(self, stream: BinaryIO, line: int, arrays: bool) -> None:
        self._stream = stream
        self._arrays = arrays
        self._buffer = b""
        self._start = 0  # where the current record begins
        self._scanned = 0
        self._depth = 0
        self._base = 0
        self._in_string = False
        self._line = line

    def split(self, opening: bytes) -> Iterator[Piece]:
        self._buffer = opening
        while True:
            yield from self._scan()
            if len(self._buffer) - self._start >= MAX_RECORD:
                yield Piece(self._buffer[self._start :].strip(_BLANK), self._line, "long")
                return
            # doubling the read with the record keeps the copying linear
            more = self._stream.read(max(_CHUNK, len(self._buffer) - self._start))
            if not more:
                break
            self._buffer = self._buffer[self._start :] + more
            self._scanned -= self._start
            self._start = 0
        rest = self._buffer[self._start :].strip(_BLANK)
        complete = self._depth == self._base and not self._in_string
        if rest:
            yield Piece(rest, self._line, "" if complete and self._base else "cut")
        if complete and self._base:
            yield Piece(b"", self._line, "cut")

    def _scan(self) -> Iterator[Piece]:
        buffer = self._buffer
        while self._scanned < len(buffer):
            if self._in_string:
                match = _STRING_REST.match(buffer, self._scanned)
                self._scanned = match.end() if match else self._scanned
                if buffer[self._scanned : self._scanned + 1] != b'"':
                    return  # the string goes on in the next chunk
                self._scanned += 1
                self._in_string = False
            for token in _TOKEN.finditer(buffer, self._scanned):
                self._scanned = token.end()
                mark = buffer[token.start()]
                if mark == 0x22:
                    if token.end() - token.start() == 1:
                        self._in_string = True
                        break
                    continue
                yield from self._turn(mark, token.start(), token.end())
            else:
                self._scanned = len(buffer)

    def _turn(self, mark: int, at: int, after: int) -> Iterator[Piece]:
        if mark in b"{[":
            if self._depth == 0:
                yield from self._cut(at, at)
                if mark == 0x5B and not self._arrays:
                    self._base = 1
                    yield from self._cut(at, after, keep=False)
            self._depth += 1
        elif mark == 0x2C:
            if self._depth == self._base:
                yield from self._cut(at, after)
        else:
            self._depth = max(0, self._depth - 1)
            if self._depth == 0:
                yield from self._cut(at if self._base else after, after)
                self._base = 0

    def _cut(self, end: int, begin: int, keep: bool = True) -> Iterator[Piece]:
        raw = self._buffer[self._start : end]
        text = raw.strip(_BLANK)
        skipped = len(raw) - len(raw.lstrip(_BLANK))
        if text and keep:
            yield Piece(text, self._line + raw.count(b"\n", 0, skipped))
        self._line += self._buffer.count(b"\n", self._start, begin)
        self._start = begin


def mend(text: bytes, depth: int) -> bytes | None:
    """Truncated JSON with its open brackets closed after the last value that ended at `depth` open brackets or fewer;
    None where there is no such value. What came after it is lost."""
    stack = bytearray()
    end, open_there = 0, b""
    for token in _TOKEN.finditer(text):
        mark = text[token.start()]
        if mark in b"{[":
            stack.append(mark)
        elif mark in b"}]":
            if not stack:
                return None
            stack.pop()
            if len(stack) <= depth:
                end, open_there = token.end(), bytes(stack)
        elif mark == 0x22 and token.end() - token.start() == 1:
            break
    if not end or not open_there:
        return None
    return text[:end] + bytes(0x7D if mark == 0x7B else 0x5D for mark in reversed(open_there))
