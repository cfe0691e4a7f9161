"""The shelf of detectors: `loop/cycle.py` is `loop.cycle`. Found by looking; there is nothing to register."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from agentdbg.model import Detector


@cache
def shelf() -> dict[str, type[Detector]]:
    """Every detector by id, sorted. The id is folder.file; the class is the one public class that the file defines."""
    here = Path(__file__).parent
    return {
        f"{file.parent.name}.{file.stem}": _detector(file.parent.name, file.stem)
        for file in sorted(here.glob("*/*.py"))
        if not file.stem.startswith("_")
    }


def id_of(detector: Detector) -> str:
    """The id of a detector of the shelf."""
    return ".".join(type(detector).__module__.split(".")[-2:])


def _detector(family: str, name: str) -> type[Detector]:
    module = importlib.import_module(f"{__name__}.{family}.{name}")
    found: list[type[Detector]] = [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type) and thing.__module__ == module.__name__ and not thing.__name__.startswith("_")
    ]
    if len(found) != 1:
        names = ", ".join(sorted(one.__name__ for one in found)) or "none"
        raise TypeError(f"a detector file defines exactly one public class; {module.__name__} defines: {names}")
    return found[0]
