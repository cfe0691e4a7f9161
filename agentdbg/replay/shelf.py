"""Folders that are found by looking: one class a file."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any


def on_shelf(package: str, method: str) -> list[Any]:
    """One object of each class of a package that has this method, in the order of the files' names."""
    out = []
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and hasattr(kind, method):
                out.append(kind())
    return out
