"""The keys of the first JSON objects of a file, from its first bytes: what importers tell formats apart by."""

from __future__ import annotations

import re
from functools import lru_cache

from agentdbg.importers.json_values import is_json

_KEYS_DEEP = 2
_MOST = 30
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?|([\[\]{}])', re.DOTALL)


@lru_cache(maxsize=8)
def shapes(head: bytes) -> tuple[frozenset[str], ...]:
    """The key paths ("spans", "spans.name") of each of the first objects in `head`, two levels deep, arrays being
    transparent. Objects that are cut off by the end of `head` count with the keys seen. () for what is no JSON."""
    found = _objects(head)
    for line in head.splitlines()[1 : _MOST + 1]:  # a broken first line must not hide the good ones below it
        stripped = line.strip()
        if stripped[:1] in (b"{", b"[") and is_json(stripped):
            found += _objects(stripped)
    return tuple(dict.fromkeys(found))


def _objects(text: bytes) -> list[frozenset[str]]:
    if text.lstrip()[:1] not in (b"{", b"["):
        return []
    found: list[frozenset[str]] = []
    keys: set[str] = set()
    open_: list[str | None] = []  # the last key of each open object, None for an array
    for match in _TOKEN.finditer(text):
        bracket = match[3]
        if bracket is None:
            if match[2] is not None and open_ and open_[-1] is not None:
                open_[-1] = match[1].decode("utf-8", "replace")
                path = [key for key in open_ if key is not None]
                if len(path) <= _KEYS_DEEP:
                    keys.add(".".join(path))
        elif bracket in (b"{", b"["):
            open_.append("" if bracket == b"{" else None)
        elif open_:
            was = open_.pop()
            if was is not None and all(key is None for key in open_):
                found.append(frozenset(keys))
                keys = set()
                if len(found) == _MOST:
                    break
    if keys:
        found.append(frozenset(keys))
    return found
