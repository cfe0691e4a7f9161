"""What the documents say is so: README's sessions are run, its tables name what there is, every command shows an example."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from agentdbg.check.alerts import RULES
from agentdbg.detectors import shelf
from agentdbg.importers import names
from tests.commandline import ROOT, SAMPLES, agentdbg, agentdbg_here
from tests.readme_sessions import DOCUMENTS, README, blocks, desk, sessions, typed

COMMANDS = re.findall(r"^  ([a-z]+)  ", agentdbg_here("--help").stdout.split("Commands:")[1], re.M)


SESSIONS = [block for document in DOCUMENTS for block in blocks("console", document.read_text("utf-8"))]


@pytest.mark.parametrize("block", SESSIONS, ids=lambda block: block.splitlines()[0][2:])
def test_sessions_of_the_documents_are_real(block: str, tmp_path: Path) -> None:
    desk(tmp_path)
    found = sessions(block)
    assert found
    for session in found:
        assert typed(session.command, tmp_path) == session.output, "python -m tests.readme_sessions writes it anew"


def test_every_block_of_the_documents_is_closed() -> None:
    for document in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))):
        fences = re.findall(r"^```(.*)", document.read_text("utf-8"), re.M)
        assert not any(fences[1::2]), f"{document.name}: a block begins inside another"
        assert len(fences) % 2 == 0, f"{document.name}: a block has no end"


def test_the_configuration_of_the_readme_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "agentdbg.toml").write_text(blocks("toml")[0], "utf-8")
    done = agentdbg("check", SAMPLES / "healthy-team", cwd=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")


def test_the_readme_has_its_two_commands_and_ci_runs_one_of_them() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("python3 -m venv ")]
    assert [line.split(" && ")[-1].split()[0] for line in lines] == [".venv/bin/agentdbg", ".venv/bin/pytest"]
    assert "'^python3 -m venv .*pytest' README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_readme_names_every_command_and_detector() -> None:
    assert [command for command in COMMANDS if f"`{command}" not in README] == []
    assert sorted(set(re.findall(r"^\| `([a-z]+\.[a-z0-9_]+)`", README, re.M))) == sorted(shelf())


def test_the_readme_names_every_alert_with_the_limit_that_explain_tells() -> None:
    told = dict(re.findall(r"`(\w+) = ([\d.]+)`", README.split("| alert | fires |")[1].split("\n\n")[0]))
    assert told == {name: f"{rule.usual:g}" for name, rule in RULES.items()}


def test_the_readme_names_every_format() -> None:
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", README.split("| `--from` |")[1].split("\n\n")[0], re.M)
    assert sorted(name for row in rows for name in re.findall(r"`(.*?)`", row)) == sorted(names())


def test_commands_named_in_documents_exist() -> None:
    texts = [README, *(path.read_text("utf-8") for path in SAMPLES.rglob("README.md"))]
    named = {name for text in texts for name in re.findall(r"(?:^\$ |[`/]|&& )agentdbg ([a-z]+)\b", text, re.M)}
    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command: str) -> None:
    done = agentdbg_here(command, "--help")
    assert done.exit_code == 0
    assert re.search(rf"^ +agentdbg {command}\b", done.stdout, re.M), done.stdout


def test_links_to_files_lead_somewhere() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text("utf-8")
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        assert [link for link in links if not (ROOT / link).exists()] == [], name


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_samples_are_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["sample_traces"].startswith("agentdbg/")
