"""Keys that say "the same again", at three levels.

L0 exact: canonical JSON. L1 masked: without what changes from attempt to attempt (ids, times, counters of attempts).
Ordinary numbers stay: page 2 is not page 3. L2 near: the same content words about the same things.

What was asked and what came back are masked differently. A fresh id in an answer says nothing new; an id in the
arguments of a call names the thing it is about: twenty calls for twenty ids are twenty things (`masked_arguments`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import unpack
from typing import Any

import orjson

_DEEP = 64  # levels below which nothing is compared any more: bounds the recursion on hostile input
_OPENERS = frozenset('{["')
_NOT_JSON = object()

_OF_ATTEMPT = (
    r"(?:request|trace|span|correlation|idempotency)_?(?:id|key)|timestamp|ts|nonce|attempts?|retry|retries|retry_count"
)
_OF_ANSWER = (
    r"(?:run|call|message|msg|event|session|response)_?(?:id|key)|created|created_at|updated_at|seed"
    r"|(?:elapsed|duration|latency|took)(?:_(?:ns|us|ms|s|sec|seconds))?"
)
_VOLATILE_ARGUMENT = re.compile(rf"(?:^|_)(?:{_OF_ATTEMPT})$")
_VOLATILE = re.compile(rf"(?:^|_)(?:{_OF_ATTEMPT}|{_OF_ANSWER})$")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Patterns of numbers begin with a digit and look back for the boundary afterwards: so the engine skips to digits.
_MOMENT = r"\d{3}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z\b|[+-]\d\d:?\d\d\b)?"
_EPOCH = r"(?<=1)[5-9]\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b"
_ADDRESS = r"(?<=0)x[0-9a-fA-F]{6,}\b"
_TOOK = r"\d*(?:\.\d+)? ?(?:ms|µs|ns)\b|\d*\.\d+ ?(?:s|sec|secs|seconds)\b"
_NUMBERS = re.compile(rf"\d(?<!\w\d)(?:{_MOMENT}|{_EPOCH}|{_ADDRESS}|{_TOOK})")
_NUMBERS_IN_PROSE = re.compile(rf'\d(?<!\w\d)(?:{_ADDRESS}|(?<!"\d){_MOMENT}|(?>{_MOMENT})(?!"))')
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")
_OPAQUE_STARTS = {
    mark: tuple(start + mark for start in ("call", "toolu", "msg", "run", "chatcmpl", "resp", "req")) for mark in "_-"
}
_OPAQUE = re.compile(r"(?:call|toolu|msg|run|chatcmpl|resp|req)[_-](?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{8,}")
_TRIAL = re.compile(r"\b(?:attempt|retry) (?:no\. ?|number )?#?\d+(?: (?:of|/) \d+)?\b", re.I)
# Signs without which the dear patterns above need not run: most texts have none of them.
_DIGIT = re.compile(r"\d")
_UUID_SIGN = re.compile(r"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
_NUMBER_SIGN = re.compile(r"\d(?:(?<=[5-9])\d{8}|(?<=-\d)\d[T ]\d\d:|(?<=0)x| ?[mµn]s\b|(?<=\.\d)\d* ?s)")
_PROSE_SIGN = re.compile(r"\d(?:(?<=-\d)\d[T ]\d\d:|(?<=0)x)")


def canonical(value: object) -> str:
    """L0. Canonical JSON: keys sorted, strings that hold JSON opened, whitespace folded, 1.0 written as 1.

    A value that is text, or JSON text of a string, gives that text without quotation marks.
    """
    return _written(_folded(value, None))


def masked(value: object) -> str:
    """L1 of what came back: keys that change from attempt to attempt left out; ids, times, addresses masked."""
    text = _written(_folded(value, _volatile))
    if not _has_digit(text):
        return text
    if _UUID_SIGN.search(text):
        text = _UUID.sub("<>", text)
    if any(mark in text and any(start in text for start in starts) for mark, starts in _OPAQUE_STARTS.items()):
        text = _OPAQUE.sub("<>", text)
    if _NUMBER_SIGN.search(text):
        text = _NUMBERS.sub("<>", text)
    return _without_trials(text)


def masked_arguments(value: object) -> str:
    """L1 of what was asked: as `masked`, but ids and single values stay, because they name what it is about."""
    folded = _folded(value, _volatile_argument)
    if not folded and value:
        folded = _folded(value, None)  # nothing but an attempt's ids: then they are what it is about
    text = _written(folded)
    return _without_trials(_NUMBERS_IN_PROSE.sub("<>", text) if _PROSE_SIGN.search(text) else text)


def _has_digit(text: str) -> bool:
    """Looking for single characters is many times as fast as the pattern, which knows the digits of all scripts."""
    return any(digit in text for digit in "0123456789") or (not text.isascii() and bool(_DIGIT.search(text)))


def _without_trials(text: str) -> str:
    return _TRIAL.sub("<>", text) if "ttempt" in text or "etry" in text else text


def key(*parts: str) -> int:
    """A stable positive 63-bit number of some texts in their order; fits a BIGINT."""
    digest = blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def opened(text: str) -> Any:
    """The value of a text that holds a JSON object, array or string; any other text as it is."""
    if text[:1] not in _OPENERS:
        text = text.strip()
        if text[:1] not in _OPENERS:
            return text
    value = _parsed(text)
    return text if value is _NOT_JSON else value


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        # NaN, lone surrogates, raw line breaks in strings: no JSON by the letter, but recorded
        return json.loads(" ".join(text.split()), strict=False)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _folded(value: object, volatile: Callable[[str], bool] | None, depth: int = 0) -> Any:
    kind = type(value)
    if kind is str:
        text = " ".join(value.split())  # type: ignore[attr-defined]
        if text[:1] not in _OPENERS or depth > _DEEP:
            return text
        inner = opened(value)  # type: ignore[arg-type]
        return text if inner is value else _folded(inner, volatile, depth + 1)
    if kind is int or value is None or kind is bool:
        return value
    if depth > _DEEP:
        return "…"
    if isinstance(value, dict):
        return {
            str(name): _folded(item, volatile, depth + 1)
            for name, item in value.items()
            if volatile is None or not volatile(str(name))
        }
    if isinstance(value, (list, tuple)):
        return [_folded(item, volatile, depth + 1) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@lru_cache(maxsize=4096)
def _volatile(name: str) -> bool:
    return bool(_VOLATILE.search(_HUMP.sub("_", name).replace("-", "_").lower()))


@lru_cache(maxsize=4096)
def _volatile_argument(name: str) -> bool:
    return bool(_VOLATILE_ARGUMENT.search(_HUMP.sub("_", name).replace("-", "_").lower()))


def _written(folded: object) -> str:
    if isinstance(folded, str):
        return folded
    try:
        return orjson.dumps(folded, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # numbers beyond 64 bits, lone surrogates, values that are no JSON
        return json.dumps(folded, sort_keys=True, separators=(",", ":"), default=str)


# ---------------------------------------------------------------- L2: near copies

_ALIKE = 0.6  # Jaccard of content words from which two texts about the same things say the same
_BANDS, _ROWS = 16, 2  # finds a pair of Jaccard 0.6 with probability 0.999
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[\w./:@#%-]+")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts that run words together
_FUNCTION_WORDS = """
    a an the of to in on at for and or is are was be been please can could would you me my i it its this that these
    those with about more get find search look up lookup need needs want some any show give tell what which who how do
    does did now again then also just so if let check latest current here there still yet
"""
_STOP = frozenset(_FUNCTION_WORDS.split())


def near_clusters(texts: Sequence[str]) -> dict[str, int]:
    """L2. The number of its cluster for each text; numbers follow the order of the sorted texts.

    Two texts are near when they name the same things (numbers, paths, ids, names, one-word values) and at least 0.6 of
    their content words are common to both; clusters are closed over that. MinHash (Broder 1997) with banding proposes
    the pairs, each is verified. Takes canonical or masked texts: JSON is opened, so that its keys count for nothing.
    """
    distinct = sorted(set(texts))
    about: dict[frozenset[str], list[int]] = defaultdict(list)
    for i, text in enumerate(distinct):
        about[things(opened(text))].append(i)
    parent = list(range(len(distinct)))
    for members in about.values():
        if len(members) > 1:
            _join({i: content_words(opened(distinct[i])) for i in members}, parent)
    return {text: _root(parent, i) for i, text in enumerate(distinct)}


def _join(words: dict[int, frozenset[str]], parent: list[int]) -> None:
    """Joins those of some texts about the same things that are near."""
    for group in _proposed(words):
        first = group[0]
        for other in group[1:]:  # a star, not a clique: linear in the group
            a, b = _root(parent, first), _root(parent, other)
            if a != b and len(words[first] & words[other]) >= _ALIKE * len(words[first] | words[other]):
                parent[max(a, b)] = min(a, b)


def _proposed(words: dict[int, frozenset[str]]) -> Iterator[list[int]]:
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, own in words.items():
        if own:
            signature = tuple(map(min, zip(*map(_hashes, own), strict=True)))
            for band in range(_BANDS):
                groups[(band, signature[band * _ROWS : (band + 1) * _ROWS])].append(i)
    return (group for group in groups.values() if len(group) > 1)


@lru_cache(maxsize=65536)
def _hashes(word: str) -> tuple[int, ...]:
    """The 32 hash values of a word. Each word is hashed once, in how many texts it may be."""
    raw = word.encode("utf-8", "surrogatepass")
    return unpack("<32I", blake2b(raw, salt=b"1").digest() + blake2b(raw, salt=b"2").digest())


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def scalars(value: object) -> Iterator[tuple[bool, str]]:
    """(whether it stands inside an object or array, text) of each scalar."""
    stack: list[tuple[bool, object]] = [(False, value)]
    while stack:
        inside, item = stack.pop()
        if isinstance(item, dict):
            stack.extend((True, inner) for inner in item.values())
        elif isinstance(item, list):
            stack.extend((True, inner) for inner in item)
        elif item is not None:
            yield inside, str(item)


def things(value: object) -> frozenset[str]:
    """The things a text is about. Two texts about different things are never near, however alike their words."""
    found = set()
    for inside, text in scalars(value):
        if inside and len(words := _WORD.findall(text)) == 1:
            found.add(words[0].lower())
        for sentence in _SENTENCE.split(text):
            for place, word in enumerate(_WORD.findall(sentence)):
                if word.isalpha() and word.islower():
                    continue  # as most are: no thing, and no need to look closer
                word = word.strip(".:-#")
                if word and word.lower() not in _STOP and (_marked(word) or (place and word[:1].isupper())):
                    found.add(word.lower())
    return frozenset(found)


def _marked(word: str) -> bool:
    return "/" in word or "@" in word or "_" in word or any(c.isdigit() for c in word)


def content_words(value: object) -> frozenset[str]:
    """The words of a value that carry meaning, lower case and singular; of scripts without spaces, pairs of signs."""
    words: set[str] = set()
    for _, text in scalars(value):
        runs_together = _NO_SPACES.search(text) is not None
        for word in _WORD.findall(text.lower()):
            if runs_together and _NO_SPACES.search(word):
                words.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
                continue
            word = word.strip(".:-#")
            if word and word not in _STOP:
                words.add(word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word)
    return frozenset(words)
