"""Labelled runs as they are kept: `NAME/PART/records.jsonl.gz`, one JSON object a line, of {id, path, text}."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TRAILING_COMMA = re.compile(r",\s*([}\]])")
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Record:
    """A file of a data set, as found."""

    id: str
    text: str

    @property
    def value(self) -> dict[str, Any]:
        """What it says. Labels were written by hand, some with a comma too many."""
        try:
            found: dict[str, Any] = json.loads(self.text)
        except json.JSONDecodeError:
            found = json.loads(_TRAILING_COMMA.sub(r"\1", self.text))
        return found

    @property
    def answer(self) -> dict[str, Any]:
        """The object in a model's answer; empty where it gave none that can be read."""
        found = _OBJECT.search(self.text)
        try:
            value = json.loads(found[0]) if found else {}
        except json.JSONDecodeError:
            value = {}
        return value if isinstance(value, dict) else {}


def records(data: Path, name: str) -> Iterator[Record]:
    """The records of a data set, of all the parts that are there; none where the set is not."""
    for file in sorted((data / name).glob("*/records.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                told = json.loads(line)
                yield Record(told["id"], told["text"])
