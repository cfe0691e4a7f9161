"""Opening an input: a file or stdin, compressed or not, in UTF-8 or UTF-16, as one stream of plain bytes with a head to
look at.

Compression and encoding are told by content, never by the name. Memory is bounded whatever the input expands to.
"""

from __future__ import annotations

import codecs
import io
import sys
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO, Protocol

from agentdbg.importers.contract import Unreadable
from agentdbg.rows import NoteRow

HEAD_BYTES = 64 * 1024
BOMB_BYTES = 256 * 1024 * 1024  # what an input may expand to before its ratio is looked at
BOMB_RATIO = 500
_STEP = 2048  # compressed bytes a time: zstd expands one of them to at most 32 KB
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BOMS = (
    ("utf-8", codecs.BOM_UTF8),
    ("utf-32", codecs.BOM_UTF32_LE),
    ("utf-32", codecs.BOM_UTF32_BE),
    ("utf-16", codecs.BOM_UTF16_LE),
    ("utf-16", codecs.BOM_UTF16_BE),
)


class Opened:
    """An open input. head: its first bytes (decompressed, decoded), at most 64 KB; stream: all of it, from the first
    byte. layers: what stands between the file and `raw`, to be asked for what went wrong."""

    def __init__(self, raw: BinaryIO, layers: Sequence[_Layer] = ()) -> None:
        self._file = raw
        self._layers = [*layers]
        self._remarks: list[NoteRow] = []
        source: _Source = raw
        head = _fill(source)
        for _ in range(3):  # a gzip body may have been compressed again by whoever archived it
            magic = next((magic for magic in (_GZIP, _ZSTD) if head.startswith(magic)), None)
            if magic is None:
                break
            source = self._add(_Expanded(_Joined(head, source), magic))
            head = _fill(source)
        encoding, bom = _encoding(head)
        if encoding == "utf-8":
            head = head[bom:] if bom else head
        else:
            self._remarks.append(NoteRow("info", f"read as {encoding.upper()}", "traces are smaller in UTF-8"))
            source = self._add(_Recoded(_Joined(head, source), encoding))
            head = _fill(source)
        self.head = head
        self.stream: BinaryIO = joined(head, source)

    def _add(self, layer: _Layer) -> _Layer:
        self._layers.append(layer)
        return layer

    def notes(self) -> list[NoteRow]:
        """What opening and reading so far showed: a decoded encoding, a compressed stream that ended early or was
        broken."""
        faults = [layer.fault for layer in self._layers if layer.fault is not None]
        return self._remarks + faults

    def close(self) -> None:
        if self._file is not getattr(sys.stdin, "buffer", None):
            self._file.close()


def open_input(path: str, part: tuple[int, int] | None = None) -> Opened:
    """Opens a file, or stdin for `-`. part: only what stands between these two places of a file. Raises Unreadable for
    what cannot be opened."""
    if path == "-":
        return Opened(sys.stdin.buffer)
    try:
        file = open(path, "rb")  # noqa: SIM115  # Opened closes it
        return Opened(_Part(file, *part) if part else file)
    except IsADirectoryError:
        raise Unreadable(f"{path} is a folder that holds no files") from None
    except FileNotFoundError:
        raise Unreadable(
            f"{path}: there is no such file", "paths are files, folders, quoted globs, or - for stdin"
        ) from None
    except OSError as error:
        raise Unreadable(f"{path} cannot be opened: {error.strerror or error}") from None


def open_stretch(path: str, start: int, end: int) -> BinaryIO:
    """What stands between two places of a plain file, as it is. Raises OSError."""
    return joined(b"", _Part(open(path, "rb"), start, end))


class _Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Part(io.BufferedReader):
    """A file from one place to another, also while it grows."""

    def __init__(self, file: io.BufferedReader, start: int, end: int) -> None:
        super().__init__(file.detach(), HEAD_BYTES)
        self.seek(start)
        self._left = end - start

    def read(self, size: int | None = -1, /) -> bytes:
        part = super().read(self._left if size is None or size < 0 else min(size, self._left))
        self._left -= len(part)
        return part


def joined(head: bytes, rest: _Source) -> BinaryIO:
    """A stream of bytes that were read already and those still to come."""
    return io.BufferedReader(_Joined(head, rest), HEAD_BYTES)


def _fill(source: _Source) -> bytes:
    """As much of the head as there is: pipes give less than asked for."""
    parts: list[bytes] = []
    size = 0
    while size < HEAD_BYTES:
        part = source.read(HEAD_BYTES - size)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _encoding(head: bytes) -> tuple[str, int]:
    """The encoding and the length of its byte order mark. UTF-16 without a mark shows as a zero beside every ASCII
    character."""
    for name, mark in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    start = head[:8]
    if len(start) == 8:
        if start[0] in b'{["' and start[1::2] == b"\0\0\0\0" and 0 not in start[::2]:
            return "utf-16-le", 0
        if start[1] in b'{["' and start[::2] == b"\0\0\0\0" and 0 not in start[1::2]:
            return "utf-16-be", 0
    return "utf-8", 0


class _Joined(io.RawIOBase):
    """Bytes already read, then the rest of where they came from."""

    def __init__(self, head: bytes, rest: _Source) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._head:
            size = min(len(buffer), len(self._head))
            buffer[:size] = self._head[:size]
            self._head = self._head[size:]
            return size
        part = self._rest.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


class _Layer(Protocol):
    fault: NoteRow | None

    def read(self, size: int = -1, /) -> bytes: ...


class _Frame(Protocol):
    """One compressed member: what zlib and zstandard's decompressobj have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_frame() -> _Frame:
    return zlib.decompressobj(wbits=31)


def _zstd_frame() -> _Frame:
    import zstandard

    frame: _Frame = zstandard.ZstdDecompressor().decompressobj()
    return frame


class _Expanded:
    """A compressed source expanded little by little, so that a bomb is seen before it fills the memory. Never raises:
    what goes wrong ends the stream and is told in `fault`."""

    def __init__(self, source: _Source, magic: bytes) -> None:
        self.fault: NoteRow | None = None
        self._source = source
        self._magic = magic
        self._new = _gzip_frame if magic == _GZIP else _zstd_frame
        self._frame: _Frame | None = self._new()
        self._ready = memoryview(b"")
        self._taken = self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        while not self._ready and self._frame is not None:
            self._ready = memoryview(self._more(self._frame))
        size = len(self._ready) if size < 0 else size
        part, self._ready = bytes(self._ready[:size]), self._ready[size:]
        self._given += len(part)
        return part

    def _more(self, frame: _Frame) -> bytes:
        data = self._source.read(_STEP)
        self._taken += len(data)
        if not data:
            return self._end("the compressed data ends early", f"after {self._given:,} bytes of content")
        try:
            content = frame.decompress(data)
            while frame.eof and frame.unused_data.startswith(self._magic):  # members one after the other
                data, frame = frame.unused_data, self._new()
                content += frame.decompress(data)
        except Exception as error:  # zlib.error, ZstdError: neither has a base that zstandard need not be imported for
            return self._end("the compressed data is broken", f"{error}, after {self._given:,} bytes of content")
        self._frame = frame
        if frame.eof:
            self._next_member(frame.unused_data)
        if self._given > BOMB_BYTES and self._given > BOMB_RATIO * self._taken:
            return self._end(
                "reading was stopped",
                f"the input expands to more than {BOMB_RATIO} times its size, as archives made to fill a memory do",
                "if it is a real trace, decompress it first",
            )
        return content

    def _next_member(self, unused: bytes) -> None:
        """After a whole member: another one, the end of the file, or padding that says nothing."""
        rest = unused or self._source.read(_STEP)
        self._taken += 0 if unused else len(rest)
        if rest.startswith(self._magic):
            self._frame = self._new()
            self._source = _Joined(rest, self._source)
            return
        self._frame = None
        if rest.strip(b"\0"):
            self.fault = NoteRow("info", "bytes after the end of the compressed data were left out")

    def _end(
        self, what: str, detail: str, advice: str = "export or copy the file again; what came before was read"
    ) -> bytes:
        self._frame = None
        self.fault = NoteRow("data_loss", f"{what}: {detail}", advice)
        return b""


class _Recoded:
    """Text in UTF-16 or UTF-32 as UTF-8."""

    fault: NoteRow | None = None

    def __init__(self, source: _Source, encoding: str) -> None:
        self._source = source
        self._decode = codecs.getincrementaldecoder(encoding)("replace").decode
        self._ready = b""
        self._over = False

    def read(self, size: int = -1, /) -> bytes:
        while not self._ready and not self._over:
            data = self._source.read(HEAD_BYTES)
            self._over = not data
            self._ready = self._decode(data, final=self._over).encode("utf-8", "replace")
        size = len(self._ready) if size < 0 else size
        part, self._ready = self._ready[:size], self._ready[size:]
        return part
