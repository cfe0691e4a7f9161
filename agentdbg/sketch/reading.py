"""Text to nodes. The grammar is in the docstring of the package."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from agentdbg.errors import AgentdbgError

KINDS = ("workflow", "agent", "llm", "tool", "retriever", "state", "guard", "other", "handoff")
SHORT = {
    "in": "input_tokens",
    "out": "output_tokens",
    "cached": "cached_tokens",
    "reasoning": "reasoning_tokens",
    "cost": "cost_usd",
    "finish": "finish_reason",
    "session": "session_id",
}
MISSING = "missing"
_NAMES = {"agent": "agent", "llm": "model", "tool": "tool", "handoff": "handoff_to"}
FLAGS = frozenset({"open", "parallel", "error"})
BARE = re.compile(r"[A-Za-z_][\w./:@+-]*")
_KEY = re.compile(r"([A-Za-z_][\w.-]*)=")
TIMES = re.compile(r"x(\d{1,9})")
_DURATION = re.compile(
    r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?(?:(\d+(?:\.\d+)?)us)?(?:(\d+)ns)?"
)
_JSON = json.JSONDecoder(strict=False)


@dataclass(slots=True)
class Node:
    """A line. fields: plain attribute names to values; "input" and "output" are there only where they were written.
    Times are nanoseconds, None where the line leaves them to the reader."""

    kind: str
    name: str
    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    status: str | None = None
    error: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    duration_ns: int | None = None
    at_ns: int | None = None
    open: bool = False
    parallel: bool = False
    times: int = 1
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Sketch:
    """One trace of a text. text: its lines as they stand there, from which ids are made."""

    name: str | None
    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    trace_id: str | None = None
    roots: list[Node] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is no span, and why."""

    line: int
    message: str


def parse(text: str) -> list[Sketch]:
    """The traces of a text. Raises AgentdbgError for the first line that is not understood."""
    sketches, problems = read(text)
    if problems:
        raise AgentdbgError(f"sketch line {problems[0].line}: {problems[0].message}")
    return sketches


def read(text: str) -> tuple[list[Sketch], list[Problem]]:
    """The traces of a text and the lines that had to be left out, whose children go to the line above them."""
    sketches: list[Sketch] = []
    problems: list[Problem] = []
    above: list[tuple[int, Node]] = []
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        try:
            parsed = _Line(bare, number).parse()
        except _Wrong as error:
            problems.append(Problem(number, str(error)))
            continue
        if isinstance(parsed, Sketch) or not sketches:
            sketches.append(parsed if isinstance(parsed, Sketch) else Sketch(None, number))
            above = []
        sketches[-1].text.append(line.rstrip())
        if isinstance(parsed, Node):
            indent = len(line) - len(line.lstrip())
            while above and above[-1][0] >= indent:
                above.pop()
            (above[-1][1].children if above else sketches[-1].roots).append(parsed)
            above.append((indent, parsed))
    return sketches, problems


class _Wrong(ValueError):
    """What is wrong with a line."""


class _Line:
    """A cursor over one line."""

    def __init__(self, text: str, number: int) -> None:
        self.text, self.at, self.number = text, 0, number

    def parse(self) -> Node | Sketch:
        kind = self._word()
        if kind == "trace":
            return self._trace()
        if kind not in KINDS:
            raise _Wrong(f"expected trace or a kind of span ({', '.join(KINDS)}), found {kind[:40]!r}")
        node = Node(kind, kind, self.number)
        name = self._name(quoted=kind != "llm")
        if name is not None:
            node.name = transfer(name) if kind == "handoff" else name
            if kind in _NAMES:
                node.fields[_NAMES[kind]] = name
        values: list[tuple[str, Any]] = []
        while (item := self._item()) is not None:
            _apply(node, item, values)
        _place(node, values)
        return node

    def _trace(self) -> Sketch:
        sketch = Sketch(self._name(quoted=True), self.number)
        while (item := self._item()) is not None:
            what, key, value = item
            if what != "key":
                raise _Wrong(f"a trace takes only key=value, found {key or value!r}")
            if key == "id":
                sketch.trace_id = str(value)
            else:
                sketch.fields[SHORT.get(key, key)] = value
        return sketch

    def _skip(self) -> str:
        """The next character after blanks, "" at the end or before a comment."""
        while self.at < len(self.text) and self.text[self.at] in " \t\r":
            self.at += 1
        return "" if self.text[self.at : self.at + 1] == "#" else self.text[self.at : self.at + 1]

    def _word(self) -> str:
        end = self.at
        while end < len(self.text) and self.text[end] not in " \t\r":
            end += 1
        word, self.at = self.text[self.at : end], end
        return word

    def _name(self, quoted: bool) -> str | None:
        first = self._skip()
        if first == '"' and quoted:
            name = self._json()
            return str(name)
        found = BARE.match(self.text, self.at)
        if found is None or self.text[found.end() : found.end() + 1] not in ("", " ", "\t", "\r"):
            if first == "-" and self.text[self.at : self.at + 2].strip() == "-":
                self.at += 1
            return None
        if found[0] in FLAGS or TIMES.fullmatch(found[0]):
            return None
        self.at = found.end()
        return found[0]

    def _item(self) -> tuple[str, str, Any] | None:
        """The next ("key", key, value), ("flag", word, None), ("value", "", value) or ("output", "", value)."""
        first = self._skip()
        if not first:
            return None
        if self.text.startswith("->", self.at):
            self.at += 2
            self._skip()
            return "output", "", self._value()
        if first in '{["':
            return "value", "", self._json()
        if found := _KEY.match(self.text, self.at):
            self.at = found.end()
            return "key", found[1], self._scalar()
        word = self._word()
        if word in FLAGS or TIMES.fullmatch(word):
            return "flag", word, None
        known, value = literal(word)
        if not known:
            raise _Wrong(f"expected key=value, a JSON value, open, parallel, error or xN, found {word[:40]!r}")
        return "value", "", value

    def _value(self) -> Any:
        if self.text[self.at : self.at + 1] in tuple('{["'):
            return self._json()
        word = self._word()
        known, value = literal(word)
        if not known:
            raise _Wrong(f"expected a JSON value after ->, found {word[:40]!r}")
        return value

    def _scalar(self) -> Any:
        if self.text[self.at : self.at + 1] in tuple('{["'):
            return self._json()
        word = self._word()
        return literal(word)[1]

    def _json(self) -> Any:
        try:
            value, self.at = _JSON.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise _Wrong(
                f"this is no JSON, {error.msg[:1].lower()}{error.msg[1:]}: {self.text[self.at : self.at + 40]!r}"
            ) from None
        except RecursionError:
            raise _Wrong("this JSON is nested too deep") from None
        return value


def literal(word: str) -> tuple[bool, Any]:
    """(True, value) of a word that is JSON, (False, word) of any other."""
    try:
        return True, _JSON.decode(word)
    except (ValueError, RecursionError):
        return False, word


def _apply(node: Node, item: tuple[str, str, Any], values: list[tuple[str, Any]]) -> None:
    what, key, value = item
    if what in ("value", "output"):
        values.append((what, value))
    elif what == "flag":
        _flag(node, key)
    elif key in ("dur", "at"):
        ns = duration_ns(str(value))
        if ns is None:
            raise _Wrong(f"expected a time such as 2s, 150ms or 1m30s after {key}=, found {value!r}")
        if key == "dur":
            node.duration_ns = ns
        else:
            node.at_ns = ns
    elif key == "error":
        node.error, node.status = str(value), "error"
    elif key == "status":
        if value not in ("ok", "error", "unset"):
            raise _Wrong(f"expected ok, error or unset after status=, found {value!r}")
        node.status = value
    elif key in ("id", "parent"):
        setattr(node, "span_id" if key == "id" else "parent_id", str(value))
    elif key == "name":
        node.name = str(value)
    else:
        node.fields[SHORT.get(key, key)] = value


def _flag(node: Node, word: str) -> None:
    if word == "error":
        node.status = "error"
    elif word == "open":
        node.open = True
    elif word == "parallel":
        node.parallel = True
    else:
        node.times = int(word[1:])


def _place(node: Node, values: list[tuple[str, Any]]) -> None:
    """Which value is what went in and which is what came out."""
    arrows = [value for what, value in values if what == "output"]
    plain = [value for what, value in values if what == "value"]
    if len(arrows) > 1 or len(plain) > 1:
        raise _Wrong("a span has at most two values, written IN -> OUT")
    if plain:
        node.fields["output" if node.kind == "llm" and not arrows else "input"] = plain[0]
    if arrows:
        node.fields["output"] = arrows[0]


def duration_ns(text: str) -> int | None:
    """Nanoseconds of a duration such as 1m30s, 2.5s, 150ms; None where it is none."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    units = (3_600_000_000_000, 60_000_000_000, 1_000_000_000, 1_000_000, 1_000, 1)
    total = sum(float(part) * unit for part, unit in zip(match.groups(), units, strict=True) if part)
    return round(total) if total < 2**62 else None


def transfer(agent: str) -> str:
    """The tool that a handoff line stands for."""
    return f"transfer_to_{agent}"
