"""Libraries that tests in here need, which are not installed everywhere."""

from __future__ import annotations

import os
from importlib import import_module

import pytest


def needs(module: str) -> None:
    """Skip where a library is not installed; where all are to be, as CI says of its own, that is a failure."""
    if os.environ.get("TEST_FRAMEWORKS") == "all":
        import_module(module)
    else:
        pytest.importorskip(module, reason=f"{module} is not installed (groups live, frameworks)")
