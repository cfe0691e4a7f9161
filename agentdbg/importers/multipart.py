"""multipart/form-data without its HTTP headers: the boundary is told by the first line. Bodies may follow one
another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from agentdbg.importers.json_pieces import MAX_RECORD

_FIRST = re.compile(rb"\s*(--[^\r\n]{1,200}?)[ \t]*\r?\n(?:[^\r\n]+\r?\n){0,8}?Content-Disposition:", re.IGNORECASE)
_NAME = re.compile(rb'\bname="((?:[^"\\]|\\.)*)"|\bname=([^\s;"]+)', re.IGNORECASE)
_KIND = re.compile(rb"^content-type:\s*([^\s;]+)", re.IGNORECASE | re.MULTILINE)

_End = Literal["blank", "open", "close", "end"]


class Part(NamedTuple):
    """One field of a form. name: "" for bytes that belong to no field. kind: its content type in lower case, without
    parameters. line: where its headers begin. fault: "cut" (the input ended inside it), "long" (over MAX_RECORD bytes;
    `content` is its beginning)."""

    name: str
    kind: str
    content: bytes
    line: int
    fault: Literal["", "cut", "long"] = ""


def boundary(head: bytes) -> bytes | None:
    """The delimiter that a file beginning with `head` has between its parts; None for what is no such body."""
    match = _FIRST.match(head)
    return match[1] if match else None


def parts(stream: BinaryIO, delimiter: bytes) -> Iterator[Part]:
    """The parts of every body in a stream that begins with `delimiter`. Headers without a content and bytes between two
    bodies come as parts without a name; an input that ends without the closing delimiter ends with a part that is
    cut."""
    lines = _Lines(stream, delimiter)
    end = lines.until()[2]  # what stands before the first delimiter is nothing of the form's
    while end == "open":
        line = lines.number
        headers, fault, end = lines.until(blank=True)
        if end == "blank":
            content, fault, end = lines.until()
            # the line break before a delimiter belongs to it
            content = content if end == "end" else content[: -2 if content.endswith(b"\r\n") else -1]
            yield Part(_told(_NAME, headers), _told(_KIND, headers).lower(), content, line, fault)
        else:
            yield Part("", "", headers, line, fault)
        if end == "close":
            line = lines.number
            between, end = lines.until_body()
            if between:
                yield Part("", "", between, line)


def _told(pattern: re.Pattern[bytes], headers: bytes) -> str:
    match = pattern.search(headers)
    return next((group.decode("utf-8", "replace") for group in match.groups() if group), "") if match else ""


class _Lines:
    """The lines of a stream. number: of the next one, from 1."""

    def __init__(self, stream: BinaryIO, delimiter: bytes) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self.number = 1

    def _next(self) -> bytes:
        line = self._stream.readline(MAX_RECORD)
        self.number += line.endswith(b"\n")
        return line

    def until(self, blank: bool = False) -> tuple[bytes, Literal["", "cut", "long"], _End]:
        """What stands before the next delimiter (or, if asked for, blank line), what is wrong with it, and what ended
        it."""
        found: list[bytes] = []
        size = 0
        end: _End = "end"
        while line := self._next():
            if line.startswith(self._delimiter) and line.strip() in (self._delimiter, self._delimiter + b"--"):
                end = "open" if line.strip() == self._delimiter else "close"
                break
            if blank and not line.strip():
                end = "blank"
                break
            size += len(line)
            if size <= MAX_RECORD:
                found.append(line)
        return b"".join(found), "long" if size > MAX_RECORD else "cut" if end == "end" else "", end

    def until_body(self) -> tuple[bytes, _End]:
        """What follows a closed body, blank lines left out, and whether another body, of its own delimiter, follows."""
        found: list[bytes] = []
        size = 0
        while line := self._next():
            if line.startswith(b"--") and line.strip() != b"--":
                self._delimiter = line.strip()
                return b"".join(found), "open"
            size += len(line)
            if line.strip() and size <= MAX_RECORD:
                found.append(line)
        return b"".join(found), "end"
