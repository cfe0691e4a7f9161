"""The wire format of protobuf, as far as needed to cut a stream into messages and to tell what they are without parsing
them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Literal, NamedTuple

MAX_MESSAGE = 1 << 30
_CHUNK = 1 << 20
_REQUEST_TAG = 0x0A  # field 1, length-delimited: the only field of an export request
_ENDLESS = 1 << 62
_GROUP_TAGS = frozenset({0x0A, 0x12, 0x1A})  # resource, scoped records, schema url

Framing = Literal["plain", "fixed", "varint"]


class Malformed(ValueError):
    """Bytes that break the wire format."""


class Field(NamedTuple):
    """A field of a message: start and end are those of its content; end may lie beyond the data where that is cut
    off."""

    number: int
    wire: int
    start: int
    end: int


class Message(NamedTuple):
    """A resource with its spans or log records. at: its place in the stream, in bytes; whole: False where the stream
    ends in it."""

    data: bytes
    at: int
    whole: bool


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A varint and the place after it. Raises Malformed, also where the data ends in it."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed(f"no number at byte {at}")


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message between start and end, which may lie beyond the data. Raises Malformed where it stops
    making sense."""
    at = start
    while at < min(end, len(data)):
        tag, at = varint(data, at)
        wire, content = tag & 7, at
        if wire == 0:
            _, stop = varint(data, at)
        elif wire == 1:
            stop = at + 8
        elif wire == 2:
            size, content = varint(data, at)
            stop = content + size
        elif wire == 5:
            stop = at + 4
        else:
            raise Malformed(f"no field at byte {at}")
        if tag < 8 or stop > end:
            raise Malformed(f"a field at byte {at} reaches beyond its message")
        yield Field(tag >> 3, wire, content, stop)
        at = stop


def framing(head: bytes) -> Framing | None:
    """How requests follow one another in a stream that begins like this; None where they are no OTLP export requests.
    The framings are not self-describing: each is tried against all of the head, the stricter ones first."""
    if _framed(head, "fixed"):
        return "fixed"
    if _framed(head, "varint"):
        return "varint"
    return "plain" if len(head) > 1 and _requests(head, 0, _ENDLESS) else None


def _framed(head: bytes, kind: Framing) -> bool:
    at = frames = 0
    while at < len(head):
        try:
            size, begin = _size(head, at, kind)
        except Malformed:
            break  # the head ends within a length
        if frames == 0 and (size == 0 or begin >= len(head)):
            return False
        if not _requests(head, begin, begin + size) and begin < len(head):
            break  # a whole frame before this one is proof enough: what comes here is damaged
        frames += 1
        at = begin + size
    return frames > 0


def _size(data: bytes, at: int, kind: Framing) -> tuple[int, int]:
    if kind == "varint":
        return varint(data, at)
    if at + 4 > len(data):
        raise Malformed("no length")
    return int.from_bytes(data[at : at + 4], "big"), at + 4


def _requests(head: bytes, start: int, end: int) -> bool:
    """Whether an export request stands between start and end: nothing but groups in it, and sane fields in the first of
    them."""
    seen = False
    try:
        for group in fields(head, start, end):
            if group.number != 1 or group.wire != 2:
                return seen and end == _ENDLESS  # damaged later on, but nothing frames it
            if not seen and not _group(head, group):
                return False
            seen = True
    except Malformed:
        return seen and end >= len(head)
    return seen or end > len(head)


def _group(head: bytes, group: Field) -> bool:
    found = False
    try:
        for part in fields(head, group.start, group.end):
            if (part.number << 3 | part.wire) not in _GROUP_TAGS:
                return False
            found = True
    except Malformed:
        return found and group.end >= len(head)
    return found or group.end > len(head) or group.start == group.end


def signal(group: bytes) -> Literal["spans", "logs", "metrics", "nothing"]:
    """What records a group holds, told by their fields' numbers and wire types: the three requests look alike from
    outside."""
    end = 0
    try:
        for scoped in fields(group, 0, _ENDLESS):  # it may be cut off
            end = scoped.end
            if scoped.number != 2 or scoped.wire != 2:
                continue
            for record in fields(group, scoped.start, scoped.end):
                if record.number == 2 and record.wire == 2 and record.end > record.start:
                    return _record(_begun(group, record))
    except Malformed:
        return "spans"  # parsing it will tell what is wrong
    return "nothing" if end == len(group) else "spans"


def _begun(data: bytes, record: Field) -> list[Field]:
    """The fields of a record, as far as it goes."""
    found = []
    with suppress(Malformed):
        for part in fields(data, record.start, record.end):
            found.append(part)  # noqa: PERF402 - what was read before the end stays
    return found


def _record(parts: list[Field]) -> Literal["spans", "logs", "metrics"]:
    wires = {(part.number, part.wire) for part in parts}
    sizes = {(part.number, part.end - part.start) for part in parts if part.wire == 2}
    if wires & {(7, 1), (8, 1), (6, 0)} or {(1, 16), (2, 8)} <= sizes:  # times and kind, or both ids, of a span
        return "spans"
    if (
        wires & {(1, 1), (11, 1), (2, 0), (8, 5)} or {(9, 16), (10, 8)} <= sizes
    ):  # times, severity, flags, ids of a log record
        return "logs"
    return "metrics" if wires & {(5, 2), (7, 2), (9, 2), (10, 2), (11, 2)} else "spans"


def messages(stream: BinaryIO, kind: Framing) -> Iterator[Message | Malformed]:
    """The groups of a stream, one at a time. A Malformed comes last: what follows it cannot be told apart any more."""
    at = 0
    while True:
        try:
            size, begin = _next_size(stream, at, kind)
        except EOFError:
            return
        except Malformed as error:
            yield error
            return
        if size > MAX_MESSAGE:
            yield Malformed(
                f"a message of {size:,} bytes at byte {at}: the length is damaged, or the message too large"
            )
            return
        data = _exactly(stream, size)
        if kind == "plain":
            yield Message(data, begin, len(data) == size)
        else:
            yield from _groups(data, begin, size)
        at = begin + size


def _groups(data: bytes, begin: int, size: int) -> Iterator[Message | Malformed]:
    try:
        for group in fields(data, 0, size):
            if group.number == 1 and group.wire == 2:
                yield Message(data[group.start : group.end], begin + group.start, group.end <= len(data))
    except Malformed as error:
        yield Malformed(f"{error}, in the message at byte {begin}")


def _next_size(stream: BinaryIO, at: int, kind: Framing) -> tuple[int, int]:
    if kind == "fixed":
        raw = _exactly(stream, 4)
        if not raw:
            raise EOFError
        if len(raw) < 4:
            raise Malformed(f"the input ends within a length at byte {at}")
        return int.from_bytes(raw, "big"), at + 4
    if kind == "plain":
        tag = stream.read(1)
        if not tag:
            raise EOFError
        if tag[0] != _REQUEST_TAG:
            raise Malformed(f"expected another resource at byte {at}, found the byte {tag[0]:#04x}")
        at += 1
    raw = b""
    while len(raw) < 10:
        byte = stream.read(1)
        if not byte:
            if not raw and kind == "varint":
                raise EOFError
            raise Malformed(f"the input ends within a length at byte {at}")
        raw += byte
        if byte[0] < 0x80:
            return varint(raw, 0)[0], at + len(raw)
    raise Malformed(f"no length at byte {at}")


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """size bytes, or what there is: a damaged length must not reserve the memory it names."""
    parts: list[bytes] = []
    while size > 0:
        part = stream.read(min(size, _CHUNK))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
