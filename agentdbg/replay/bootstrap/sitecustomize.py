"""The first code of a replayed Python program: this folder stands at the front of its PYTHONPATH, and Python imports a
module of this name as it starts.

The package need not be installed where the program runs: what is needed of it is loaded from where this file is.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _load() -> None:
    """Make `agentdbg` the package that this file is in."""
    package = _HERE.parents[1]
    spec = importlib.util.spec_from_file_location(
        "agentdbg", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["agentdbg"] = module
    spec.loader.exec_module(module)


def _run_hidden() -> None:
    """The module of the same name that this one hides, if there is one."""
    rest = [place for place in sys.path if Path(place).resolve() != _HERE]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_load()
from agentdbg.replay.arming import arm  # noqa: E402

arm()
_run_hidden()
