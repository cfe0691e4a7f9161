"""Two names for one place in the state."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.state.keydrift import Keydrift
from tests.detectors.judging import found, places


def run(written: str, read: str, gave: str = "[]", more: str = "") -> str:
    return (
        f"trace shop\nworkflow shop\n  agent ranker\n    state save state.key={written} state.op=write state.value=[7]\n"
        f"  agent greeter\n    state load state.key={read} state.op=read state.value={gave}\n{more}"
    )


WELL = run("tips", "tips", "[7]")


def test_after_a_migration_of_one_side_it_is_high_in_every_run(tmp_path: Path) -> None:
    text = "\n".join([WELL, WELL, run("tips", "offers"), run("tips", "offers")])
    findings = found(tmp_path, Keydrift(), text)
    assert [(one.severity, one.confidence, one.agent) for one in findings] == [("high", "likely", "greeter")] * 2
    assert findings[0].title == "greeter reads `offers`, ranker writes `tips`"
    assert "earlier runs used one name for both. 2 reads in 2 runs found nothing." in findings[0].message
    assert places(tmp_path, text, findings[0]) == ["state load", "state save"]


def test_it_does_not_matter_which_side_migrated(tmp_path: Path) -> None:
    findings = found(tmp_path, Keydrift(), "\n".join([WELL, run("offers", "tips")]))
    assert [one.severity for one in findings] == ["high"]


@pytest.mark.parametrize(
    ("written", "read"), [("user_tips", "userTips"), ("recs", "recommendations"), ("user:7:tip", "user:8:tips")]
)
def test_forms_of_the_same_words_are_medium_without_earlier_runs(written: str, read: str, tmp_path: Path) -> None:
    findings = found(tmp_path, Keydrift(), run(written, read))
    assert [(one.severity, one.confidence) for one in findings] == [("medium", "likely")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n".join([WELL, WELL, run("offers", "offers", "[7]")]), id="both sides change at the same run"),
        pytest.param(run("draft_a", "draft_b"), id="another thing"),
        pytest.param(run("tips", "tips", "[]"), id="the same name"),
        pytest.param(run("tips", "tip", "[7]"), id="the read gives something"),
        pytest.param(run("tips", "tip", '""').replace(' state.value=""', ""), id="what it gave is not recorded"),
        pytest.param("\n".join([WELL, run("tips", "offers"), run("offers", "offers", "[7]")]), id="filled later"),
        pytest.param(
            run("tips", "tip", more="    state save state.key=tip state.op=write state.value=[7]"), id="a cold cache"
        ),
    ],
)
def test_names_that_may_be_right(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Keydrift(), text) == []


@pytest.mark.parametrize("gave", ["-> []", "db.response.returned_rows=0"])
def test_commands_of_a_key_value_store(gave: str, tmp_path: Path) -> None:
    text = f"""
workflow shop
  agent ranker
    other SET db.system.name=redis db.query.text="SET recs:42 [7]"
  agent greeter
    other GET db.system.name=redis db.query.text="GET recommendations:42" {gave}
"""
    (finding,) = found(tmp_path, Keydrift(), text)
    assert finding.title == "greeter reads `recommendations:42`, ranker writes `recs:42`"
