"""Configuration in, settings or a complaint that names the file, the key and what was probably meant."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agentdbg.config import Config, Suppression, load, nearest_store
from agentdbg.errors import AgentdbgError

WHOLE = """\
prices = "money/prices.toml"

[check]
fail_on = "medium"

[import.map]
agent = "meta.worker"

[detectors."loop.cycle"]
least_laps = 5

[[suppress]]
detector = "silent.empty"
agent = "researcher"
reason = "the archive is empty until spring"
expires = 2026-12-31
"""


def configured(folder: Path, text: str, name: str = "agentdbg.toml") -> Config:
    (folder / name).write_text(text, "utf-8")
    return load(None, folder)


def complaint(folder: Path, text: str) -> tuple[str, str | None]:
    """Message (without the folder) and hint."""
    with pytest.raises(AgentdbgError) as caught:
        configured(folder, text)
    assert caught.value.exit_code == 2
    return caught.value.message.removeprefix(f"{folder}/"), caught.value.hint


def test_every_setting_is_read(tmp_path: Path) -> None:
    assert configured(tmp_path, WHOLE) == Config(
        path=tmp_path / "agentdbg.toml",
        prices=tmp_path / "money" / "prices.toml",
        fail_on="medium",
        mapping={"agent": "meta.worker"},
        detectors={"loop.cycle": {"least_laps": 5}},
        suppressions=(
            Suppression(
                detector="silent.empty",
                reason="the archive is empty until spring",
                expires=date(2026, 12, 31),
                source=f"{tmp_path / 'agentdbg.toml'}: suppress[1]",
                agent="researcher",
            ),
        ),
    )


def test_without_a_file_everything_is_as_shipped(tmp_path: Path) -> None:
    assert load(None, tmp_path) == Config()


def test_the_nearest_file_upward_counts_and_a_pyproject_only_with_our_table(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "agentdbg.toml").write_text('[check]\nfail_on = "low"\n', "utf-8")
    (inner / "pyproject.toml").write_text("[project]\nname = 'other'\n", "utf-8")
    assert load(None, inner).fail_on == "low"
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.agentdbg.check]\nfail_on = "never"\n', "utf-8")
    assert load(None, inner).fail_on == "never"
    (tmp_path / "a" / "agentdbg.toml").write_text('[check]\nfail_on = "info"\n', "utf-8")
    assert load(None, inner).fail_on == "info"


def test_a_broken_pyproject_of_somebody_else_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\nname = ", "utf-8")
    assert load(None, tmp_path) == Config()
    (tmp_path / "pyproject.toml").write_text("[tool.agentdbg\n", "utf-8")
    with pytest.raises(AgentdbgError, match=r"pyproject\.toml is not TOML"):
        load(None, tmp_path)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(AgentdbgError, match=r"ci\.toml cannot be read: No such file"):
        load(tmp_path / "ci.toml", tmp_path)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[chekc]\n", "agentdbg.toml: there is no key chekc", "did you mean check?"),
        ("[check]\nfail-on = 'low'\n", "agentdbg.toml: there is no key check.fail-on", "did you mean fail_on?"),
        (
            "[check]\nfail_on = 'hihg'\n",
            "agentdbg.toml: check.fail_on is not one of info, low, medium, high, critical, never",
            None,
        ),
        ("check = 1\n", "agentdbg.toml: check is not a table", None),
        ("[import]\nmaps = {}\n", "agentdbg.toml: there is no key import.maps", "did you mean map?"),
        ("[import.map]\nagent = 3\n", "agentdbg.toml: import.map.agent is not a text", None),
        ("prices = 3\n", "agentdbg.toml: prices is not a text", None),
        (
            "[detectors.loop.cycle]\nlaps = 3\n",
            "agentdbg.toml: detectors.loop is not the id of a detector",
            'ids are quoted: [detectors."loop.cycle"]',
        ),
        ("suppress = 3\n", "agentdbg.toml: suppress is not a list of [[suppress]] tables", None),
        (
            "[[suppress]]\ndetector = 'loop.cycle'\nexpires = 2026-01-01\n",
            "agentdbg.toml: suppress[1] has no reason",
            "say why the finding is accepted, for whoever reads this later",
        ),
        (
            "[[suppress]]\ndetector = 'loop.cycle'\nreason = 'x'\n",
            "agentdbg.toml: suppress[1] has no expires",
            "the last day on which it holds: expires = 2026-12-31",
        ),
        (
            "[[suppress]]\ndetector = 'loop.cycle'\nreason = 'x'\nexpires = 'soon'\n",
            "agentdbg.toml: suppress[1].expires is not a day",
            "write it as 2026-12-31",
        ),
        (
            "[[suppress]]\nrule = 'loop.cycle'\n",
            "agentdbg.toml: there is no key suppress[1].rule",
            "there are: agent, detector, expires, reason",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_key(
    text: str, message: str, hint: str | None, tmp_path: Path
) -> None:
    assert complaint(tmp_path, text) == (message, hint)


def test_in_a_pyproject_keys_are_named_as_they_stand_there(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.agentdbg.check]\nfailon = 'low'\n", "utf-8")
    with pytest.raises(AgentdbgError, match=r"pyproject\.toml: there is no key tool\.agentdbg\.check\.failon"):
        load(None, tmp_path)


@pytest.mark.parametrize("written", ["2026-12-31", '"2026-12-31"', "2026-12-31T10:00:00Z"])
def test_a_day_may_be_written_as_toml_or_as_text(written: str, tmp_path: Path) -> None:
    text = f"[[suppress]]\ndetector = 'loop.cycle'\nreason = 'x'\nexpires = {written}\n"
    assert configured(tmp_path, text).suppressions[0].expires == date(2026, 12, 31)


def test_the_nearest_store_upward_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert nearest_store(inner) is None
    store = tmp_path / ".agentdbg" / "traces.duckdb"
    store.parent.mkdir()
    store.touch()
    assert nearest_store(inner) == store
