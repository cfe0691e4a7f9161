"""What the tool tells its users to type must exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from agentdbg.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent


def texts(path: Path) -> list[str]:
    """String literals of a module, those of an f-string as they stand."""
    tree = ast.walk(ast.parse(path.read_text()))
    return [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_every_command_that_is_named_exists() -> None:
    known = set(COMMANDS)
    assert {"ingest", "show", "check", "replay"} <= known
    unknown = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in sorted((ROOT / "agentdbg").rglob("*.py"))
        for text in texts(path)
        for name in re.findall(r"(?:^|`|: |\n| {2,})agentdbg ([a-z]+)\b", text)
        if name not in known
    }
    assert unknown == set()


def test_the_readme_names_no_command_that_is_not_there() -> None:
    named = set(re.findall(r"(?:^|`|\$ |/)agentdbg ([a-z]+)\b", (ROOT / "README.md").read_text(), re.M))
    assert named - set(COMMANDS) == set()
