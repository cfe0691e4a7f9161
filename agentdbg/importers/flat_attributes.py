"""Attributes that an export nests, under the dotted names they were recorded with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

WHOLE = frozenset({"metadata", "tool.parameters", "llm.prompt_template.variables"})
"""Attributes that are JSON values of their own: OpenInference records them as JSON text, which some exports parse."""


def flatten(value: dict[str, Any], into: dict[str, Any], prefix: str = "", whole: Collection[str] = ()) -> None:
    """Objects below objects as `outer.inner`, lists of objects as `outer.0.inner`; nulls are left out.

    whole: names whose value stays as it is, however deep it is."""
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if name in whole:
            into[name] = inner
        elif isinstance(inner, dict) and inner:
            flatten(inner, into, f"{name}.", whole)
        elif isinstance(inner, list) and inner and all(isinstance(item, dict) for item in inner):
            for place, item in enumerate(inner):
                flatten(item, into, f"{name}.{place}.", whole)
        elif inner is not None:
            into[name] = inner
