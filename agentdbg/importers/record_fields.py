"""Fields of exported records as the importers take them: texts and ids, times with notes, JSON inside of JSON."""

from __future__ import annotations

from typing import Any

from agentdbg.importers.json_values import NotJson, loads
from agentdbg.importers.notes import Notebook
from agentdbg.importers.times import to_ns

_JSON_STARTS = frozenset('{["-0123456789tfn')


def text(value: Any) -> str | None:
    """A text or id; None for what is absent, null or empty."""
    if value is None or value == "":
        return None
    return value if type(value) is str else str(value)


def tells(value: Any) -> bool:
    """Whether a field says anything: null and empty values do not."""
    return value is not None and value != "" and value != [] and value != {}


def time_ns(value: Any, field: str, line: int | None, notes: Notebook) -> int | None:
    """Nanoseconds of a recorded time; None, with a note, for what is no time."""
    if value is None or value == "":
        return None
    found = to_ns(value)
    if found is None:
        notes.add("info", f"values of {field} that are no time were left out", repr(value)[:80], line=line)
    return found


def check_order(start_ns: int | None, end_ns: int | None, what: str, line: int | None, notes: Notebook) -> None:
    """The note on a span that ends before it starts."""
    if start_ns is not None and end_ns is not None and end_ns < start_ns:
        notes.add("info", "spans that end before they start are kept", what, line=line)


def from_json(value: Any) -> Any:
    """The value of a JSON text; anything else, also text that is no JSON, is the value."""
    if type(value) is not str or value[:1] not in _JSON_STARTS:
        return value
    try:
        return loads(value.encode("utf-8", "replace"))[0]
    except NotJson:
        return value


def as_object(value: Any) -> dict[str, Any]:
    """An object, also as JSON text; an empty one for everything else."""
    value = from_json(value)
    return value if isinstance(value, dict) else {}
