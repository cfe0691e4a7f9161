"""Payloads for properties: JSON of every shape, and text that holds, wraps or only resembles it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

KEYS = st.sampled_from(["a", "b", "status", "score", "u1", "2026-01-01", "odd key", "x.y", "Name"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "yes", "0.95", "2026-01-01", "ok", "x@y.zz", '{"a": 1}', '[{"b": "c"}]', "{}", "{broken"]),
    st.text(max_size=8),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
MESSAGES = st.one_of(
    JSON,
    JSON.map(json.dumps),
    JSON.map(lambda v: f"```json\n{json.dumps(v)}\n```"),
    JSON.map(lambda v: f"Here it is: {json.dumps(v)} Good luck!"),
)
OBJECTS = st.dictionaries(KEYS, JSON, min_size=1, max_size=3)
