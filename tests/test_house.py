"""The house keeps its plan: who imports whom, shelves, names and sizes. ARCHITECTURE.md says what; this reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import PACKAGE, ROOT, permissions, shelves

FILE_LINES = 400
FUNCTION_LINES = 44
VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

MODULES = sorted(PACKAGE.rglob("*.py"))
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Spread = ast.stmt | ast.expr


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    """The room of a file: the folder or file directly under the package; "" for the package's own front door."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first in ("__init__", "__main__") else first


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[int, Path]]:
    """Line and file of what is ours and imported, anywhere in a file. `from a import b` is b where that is a module."""
    package = list(path.relative_to(PACKAGE.parent).parts[:-1])
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            wanted = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            start = above + (node.module.split(".") if node.module else [])
            wanted = [[*start, alias.name] for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("agentdbg."):
            wanted = [node.value.split(".")]  # what importlib is given
        else:
            continue
        for parts in wanted:
            if parts[0] == "agentdbg" and (found := module_file(parts)):
                yield node.lineno, found


def module_file(parts: list[str]) -> Path | None:
    """The file of a dotted name, or of the module that the name is in."""
    for end in range(len(parts), 0, -1):
        place = PACKAGE.parent.joinpath(*parts[:end])
        if place.with_suffix(".py").is_file():
            return place.with_suffix(".py")
        if (place / "__init__.py").is_file():
            return place / "__init__.py"
    return None


def test_rooms_import_only_what_the_table_allows() -> None:
    wrong = []
    for path in MODULES:
        allowed = permissions().get(room(path), frozenset({"cli"})) | {room(path), ""}
        wrong += [f"{short(path)}:{line} {short(to)}" for line, to in imports(path) if room(to) not in allowed]
    assert wrong == []


def test_the_table_names_every_room_and_no_other() -> None:
    assert sorted(permissions()) == sorted({room(path) for path in MODULES} - {""})


def test_the_table_grants_only_rooms() -> None:
    assert {granted for rooms in permissions().values() for granted in rooms} <= set(permissions())


def test_there_is_no_way_back() -> None:
    left = {room: set(granted) for room, granted in permissions().items()}
    left["cli"].discard("cli")
    while ready := {room for room, granted in left.items() if not granted & set(left)}:
        left = {room: granted for room, granted in left.items() if room not in ready}
    assert sorted(left) == []


def classes(path: Path) -> Iterator[set[str]]:
    """The method names of every class of a file, protocols left out."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ClassDef) and not any(ast.unparse(base).startswith("Protocol") for base in node.bases):
            yield {item.name for item in node.body if isinstance(item, ast.FunctionDef)}


def on_shelf(shelf: str) -> dict[Path, int]:
    """The files that stand on a shelf, and how many classes of each make it stand there."""
    shape, folder = shelves()[shelf], PACKAGE / shelf
    count = {path: sum(shape <= names for names in classes(path)) for path in MODULES if path.is_relative_to(folder)}
    return {path: number for path, number in count.items() if number}


@pytest.mark.parametrize("shelf", sorted(shelves()))
def test_files_on_a_shelf_hold_one_class_and_never_import_one_another(shelf: str) -> None:
    files = on_shelf(shelf)
    assert len(files) > 1
    assert [short(path) for path, number in files.items() if number > 1] == []
    assert [f"{short(path)}:{line} {short(to)}" for path in files for line, to in imports(path) if to in files] == []


def test_files_are_named_by_their_content() -> None:
    assert [short(path) for path in MODULES if VAGUE & {path.stem, *path.relative_to(PACKAGE).parts}] == []


def lines_of(node: Spread) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstring_lines(node: Documented) -> int:
    first = node.body[0] if node.body else None
    return lines_of(first) if first is not None and ast.get_docstring(node, clean=False) is not None else 0


def code_lines(path: Path) -> int:
    """Lines of a file without its docstrings and without tables, which are assignments of more than five lines."""
    tree = syntax(path)
    tables = sum(lines_of(n) for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign) and lines_of(n) > 5)
    docstrings = sum(docstring_lines(node) for node in ast.walk(tree) if isinstance(node, Documented))
    return len(path.read_text("utf-8").splitlines()) - tables - docstrings


def long_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines, of signature and docstring free: options of a command are a table, too."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            signature = node.body[0].lineno - node.lineno
            if (lines := lines_of(node) - signature - docstring_lines(node)) > FUNCTION_LINES:
                yield f"{short(path)}:{node.lineno} {node.name}", lines


def test_files_are_short() -> None:
    assert {short(path): lines for path in MODULES if (lines := code_lines(path)) > FILE_LINES} == {}


def test_functions_are_short() -> None:
    assert dict(long for path in MODULES for long in long_functions(path)) == {}
