"""What every command writes for programs: one JSON object, whose schema has a version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO

SCHEMA_VERSION = 1


def document(told: Mapping[str, Any], stream: TextIO) -> None:
    """Write the object behind the version of its schema. Fields may be added, never renamed; all bytes are ASCII."""
    json.dump({"schema_version": SCHEMA_VERSION, **told}, stream, indent=2, default=list)
    stream.write("\n")
