"""What a database query reads or writes, as OpenTelemetry's database spans tell: Redis commands by key, SQL by row."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentdbg.detectors.recorded import first, value

Verb = Literal["read", "write", "append"]

_READS_WORDS = "get hget hgetall hmget mget lrange lindex smembers zrange getrange json.get"
_READS = frozenset(_READS_WORDS.split())
_WRITES_WORDS = "set hset hmset setex psetex lset mset getset json.set"
_WRITES = frozenset(_WRITES_WORDS.split())
_APPENDS_WORDS = """
    append rpush lpush rpushx lpushx sadd srem zadd zrem xadd incr incrby incrbyfloat decr decrby hincrby
    hincrbyfloat lrem ltrim json.arrappend json.numincrby
"""
_APPENDS = frozenset(_APPENDS_WORDS.split())
_COUNTS_WORDS = "incr incrby incrbyfloat decr decrby hincrby hincrbyfloat json.numincrby srem zrem lrem ltrim"
_COUNTS = frozenset(_COUNTS_WORDS.split())
_WITH_FIELD_WORDS = "hget hset hincrby hincrbyfloat json.get json.set json.arrappend json.numincrby"
_WITH_FIELD = frozenset(_WITH_FIELD_WORDS.split())
_GUARDS = frozenset(["nx", "ifeq", "ifdeq"])
_TIMED = frozenset(["setex", "psetex"])

_WHERE = r"\bwhere\s+(?P<where>.+?)(?:\s+(?:order by|limit|returning|for update)\b.*)?;?\s*$"
_SELECT = re.compile(rf"^\s*select\b.+?\bfrom\s+(?P<table>[\w.\"`]+).*?{_WHERE}", re.I | re.S)
_UPDATE = re.compile(rf"^\s*update\s+(?P<table>[\w.\"`]+)\s+set\s+(?P<set>.+?)\s+{_WHERE}", re.I | re.S)
_CHANGE = re.compile(r"([\w.\"`]+)\s*=\s*('(?:[^']|'')*'|[^,]+)")
_UNKNOWN = re.compile(r"\?|%s|\$\d|:\w+")
_GUARDED = re.compile(r"\b(?:version|rev|revision|etag|updated_at)\s*=", re.I)


_LONGEST = 1000
"""Characters of a statement that is read: the patterns above are not made for more."""


@dataclass(frozen=True, slots=True)
class Query:
    """key: what of. value: what was written, None where it is not told; columns: it is columns of a row by name, and
    those that are not named stay. guarded: it can be refused as outdated."""

    verb: Verb
    key: str
    value: Any = None
    guarded: bool = False
    columns: bool = False


def query(told: Mapping[str, Any]) -> Query | None:
    """The access that a span's database attributes tell; None where they do not tell of what."""
    text = first(told, ("db.query.text", "db.statement"))
    if not isinstance(text, str):
        return None
    return _sql(text) or _command(text)


def _command(text: str) -> Query | None:
    """`SET key value`. The value of SET is the rest of the text, quoted or not."""
    word, _, rest = text.strip().partition(" ")
    name, key, tail = word.lower(), *_next(rest)
    if name not in _READS | _WRITES | _APPENDS or not key or key == "?":
        return None
    if name in _WITH_FIELD:
        inner, tail = _next(tail)
        key = f"{key} {inner}".strip()
    if name in _READS:
        return Query("read", key)
    if name in _TIMED:
        _, tail = _next(tail)
    given = tail.strip()
    guarded = not _GUARDS.isdisjoint(given.lower().rsplit(" ", 3)[1:])
    written = None if name in _COUNTS or given in ("", "?") else value(_unquoted(given))
    return Query("write" if name in _WRITES else "append", key, written, guarded)


def _next(text: str) -> tuple[str, str]:
    """The first word of a text, without quotation marks, and the rest."""
    text = text.lstrip()
    if text[:1] in ("'", '"') and (end := text.find(text[0], 1)) > 0:
        return text[1:end], text[end + 1 :]
    word, _, rest = text.partition(" ")
    return word, rest


def _unquoted(text: str) -> str:
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        try:
            words = shlex.split(text)
        except ValueError:
            return text
        return words[0] if len(words) == 1 else text
    return text


def _sql(text: str) -> Query | None:
    if len(text) > _LONGEST:
        return None
    if found := _UPDATE.match(text):
        where, changes = found["where"], dict(_CHANGE.findall(found["set"]))
        if _UNKNOWN.search(where):
            return None
        added = any(re.search(rf"\b{re.escape(column)}\b", change) for column, change in changes.items())
        known = None if _UNKNOWN.search(found["set"]) else {name: change.strip() for name, change in changes.items()}
        return Query(
            "append" if added else "write", _row(found["table"], where), known, bool(_GUARDED.search(where)), True
        )
    if (found := _SELECT.match(text)) and not _UNKNOWN.search(found["where"]):
        return Query("read", _row(found["table"], found["where"]), guarded="for update" in text.lower())
    return None


def _row(table: str, where: str) -> str:
    """`accounts id = 7`, without the condition on a version."""
    parts = [part for part in re.split(r"\s+and\s+", where, flags=re.I) if not _GUARDED.match(part.strip())]
    return f"{table.strip(chr(34) + '`')} {' and '.join(' '.join(part.split()) for part in parts)}".lower()
