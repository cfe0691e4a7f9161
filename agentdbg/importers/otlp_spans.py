"""What both spellings of OTLP (JSON and protobuf) have in common: ids, times, status, and the checks a span goes
through."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import blake2b
from typing import Any

from agentdbg.importers.notes import Notebook
from agentdbg.importers.times import MAX_NS
from agentdbg.rows import RawSpan

STATUS = {0: "unset", 1: "ok", 2: "error"}
KIND = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
REMOTE_PARENT = 0x200
_HEX_TRACE = re.compile(r"[0-9a-f]{32}").fullmatch
_HEX_SPAN = re.compile(r"[0-9a-f]{16}").fullmatch
_CUT_IDS = "ids of an unusual length are kept as they are"


class Reading:
    """What one pass over a stream remembers: its notes, and where it is."""

    def __init__(self) -> None:
        self.notes = Notebook()
        self.line: int | None = None
        self._nameless = 0
        self._piece = b""

    def begin(self, line: int | None, piece: bytes) -> None:
        """Spans without an id that follow get one from these bytes."""
        self.line, self._piece, self._nameless = line, piece, 0

    def trace_id(self, raw: str) -> str:
        """32 lower-case hex digits where the id is one; ids of other lengths verbatim; a missing one is made from the
        record's bytes, so that its spans stay together."""
        if _HEX_TRACE(raw) and raw != "0" * 32:
            return raw
        known = hex_id(raw, 16)
        if known:
            return known
        if known is None:
            self.notes.add("info", _CUT_IDS, f"trace id {raw[:80]!r}", line=self.line)
            return raw
        self.notes.add("info", "spans without a trace id were grouped by the record they stand in", line=self.line)
        return blake2b(self._piece, digest_size=16).hexdigest()

    def span_id(self, raw: str) -> str:
        if _HEX_SPAN(raw) and raw != "0" * 16:
            return raw
        known = hex_id(raw, 8)
        if known:
            return known
        if known is None:
            self.notes.add("info", _CUT_IDS, f"span id {raw[:80]!r}", line=self.line)
            return raw
        self._nameless += 1
        self.notes.add("info", "spans without a span id were given one", line=self.line)
        return blake2b(self._piece, digest_size=8, salt=self._nameless.to_bytes(8, "big")).hexdigest()

    def parent_id(self, raw: str) -> str | None:
        """None for a root, also for the all-zero id."""
        if _HEX_SPAN(raw) and raw != "0" * 16:
            return raw
        known = hex_id(raw, 8)
        return raw if known is None else known or None

    def time_ns(self, raw: Any, what: str) -> int | None:
        """0 and absent are None; so is what 63 bits cannot hold, with a note."""
        if not raw:
            return None
        try:
            value = int(raw)
        except (ValueError, OverflowError):
            value = -1
        if 0 <= value <= MAX_NS:
            return value or None
        self.notes.add(
            "info", "times that are no nanoseconds since 1970 were left out", f"{what} {raw!r}"[:200], line=self.line
        )
        return None

    def check(self, span: RawSpan) -> None:
        """Notes on a span that is kept although it is odd."""
        if span.start_ns is not None and span.end_ns is not None and span.end_ns < span.start_ns:
            self.notes.add("info", "spans that end before they start are kept", f"span {span.span_id}", line=self.line)
        elif span.start_ns is None:
            self.notes.add("info", "spans without a start time are kept", f"span {span.span_id}", line=self.line)


def hex_id(raw: str, size: int) -> str | None:
    """Lower-case hex of an id in hex or base64; "" for one that is absent or all zero; None where it is neither."""
    if not raw or not raw.strip("0"):
        return ""
    if len(raw) == 2 * size:
        lower = raw.lower()
        return lower if (_HEX_TRACE if size == 16 else _HEX_SPAN)(lower) else None
    bare = raw.rstrip("=")
    if len(bare) != (size * 8 + 5) // 6:
        return None
    try:
        decoded = base64.b64decode(bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None
    if len(decoded) != size:
        return None
    return decoded.hex() if any(decoded) else ""


def status_name(code: Any) -> str:
    """ok, error or unset from a number (2) or a name (STATUS_CODE_ERROR, ERROR)."""
    if type(code) is int:
        return STATUS.get(code, "unset")
    text = str(code).upper().removeprefix("STATUS_CODE_")
    return {"OK": "ok", "1": "ok", "ERROR": "error", "2": "error"}.get(text, "unset")


def kind_name(kind: Any) -> str | None:
    """client, server, producer, consumer; None for internal and unspecified, which say nothing."""
    if type(kind) is int:
        return KIND.get(kind)
    text = str(kind).upper().removeprefix("SPAN_KIND_")
    if text.isdigit() and len(text) == 1:
        return KIND.get(int(text))
    return text.lower() if text.lower() in KIND.values() else None
