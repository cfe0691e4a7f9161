"""What the user named, as single files: folders are walked, globs expanded, `-` is stdin."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WRITTEN = frozenset((".adoc", ".md", ".rst"))
_ABOUT = frozenset(
    ("authors", "changelog", "changes", "contributing", "copying", "license", "licence", "notice", "readme")
)


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read. explicit: the user named it (or a glob that means it), so that holding no trace is an error; a
    file found in a folder may be anything."""

    path: str
    explicit: bool = True

    @property
    def name(self) -> str:
        return "<stdin>" if self.path == "-" else self.path


def expand(paths: Sequence[str]) -> list[Input]:
    """The files behind arguments, in the order given, folders in sorted order, each file once. What does not exist
    stays in the list: reading it tells."""
    found: dict[str, Input] = {}
    for path in paths:
        for item in _expand(path):
            found.setdefault(item.path, item)
    return list(found.values())


def _expand(path: str) -> Iterator[Input]:
    if path == "-" or os.path.isfile(path):
        yield Input(path)
    elif os.path.isdir(path):
        yield from _walk(path) or [Input(path)]
    elif glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))
        files = [item for match in matches for item in (_walk(match) if os.path.isdir(match) else [Input(match)])]
        yield from files or [Input(path)]
    else:
        yield Input(path)


def _walk(folder: str) -> list[Input]:
    """Every file below, hidden ones (our own store among them) left out, and documentation where there is anything
    else. Links to folders are not followed: they may be circles."""
    every = list(_files(folder))
    return [item for item in every if not _is_documentation(item.path)] or every


def _is_documentation(path: str) -> bool:
    """Whether a file is there for readers, by its name: no trace format goes by such names."""
    stem, suffix = os.path.splitext(os.path.basename(path).lower())
    return suffix in _WRITTEN or (stem in _ABOUT and suffix in ("", ".txt"))


def _files(folder: str) -> Iterator[Input]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Input(os.path.join(here, name), explicit=False)
