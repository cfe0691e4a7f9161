"""Facts that programs record on spans where no convention has a field for them: `state.key`, `db.query.text`,
`messaging.message.id`, `idempotency_key`. Under these names on a span, or in the metadata of LangSmith and JSON lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentdbg.steps.keys import opened

_METADATA = ("langsmith.extra.metadata.", "langsmith.metadata.", "langfuse.observation.metadata.", "metadata.")
_HOLDERS = ("metadata", "extra", "langsmith.extra", "langsmith.metadata", "langsmith.custom_metadata")
_DEEP = 4


def facts(attributes: str | None) -> dict[str, Any]:
    """Every attribute of a span by its own name, wherever metadata hides it. A span's own goes before metadata."""
    try:
        told = json.loads(attributes) if attributes else {}
    except ValueError:
        return {}
    found: dict[str, Any] = {}
    for name, value in _flat(told, "", 0):
        bare = next((name.removeprefix(prefix) for prefix in _METADATA if name.startswith(prefix)), name)
        if bare == name or bare not in found:
            found[bare] = value
    return found


def _flat(told: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Names and values; what metadata nests is under dotted names as well."""
    for key, value in told.items():
        name = f"{prefix}{key}"
        yield name, value
        inner = opened(value) if isinstance(value, str) and name in _HOLDERS else value
        if isinstance(inner, dict) and depth < _DEEP and name.startswith(("metadata", "extra", "langsmith.")):
            yield from _flat(inner, f"{name}.", depth + 1)


def first(told: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these facts that says something; None where none does."""
    return next((told[name] for name in names if told.get(name) not in (None, "")), None)


def value(told: Any) -> Any:
    """A fact that is JSON text, opened."""
    return opened(told) if isinstance(told, str) else told
