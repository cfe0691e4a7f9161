"""A marker in, what is run out; or what is wrong with the marker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentdbg.pytest_plugin import CaseRun, case_run

HERE, ROOT = Path("tests"), Path("/project")


def meant(*args: Any, **told: Any) -> CaseRun:
    return case_run(pytest.mark.agentdbg_case(*args, **told).mark, HERE, ROOT)


def test_the_path_is_seen_from_the_test_and_the_program_runs_in_the_root() -> None:
    one = meant("x.case.json", program=["python", "app.py"], mode="strict")
    assert (one.path, one.cwd, one.program, one.mode) == (HERE / "x.case.json", ROOT, ["python", "app.py"], "strict")
    assert meant("x.case.json", cwd=HERE).cwd == HERE


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"programm": ["x"]}, "takes no programm, but allow_network, args, cwd"),
        ({"program": "python app.py"}, "program is a list of texts, not 'python app.py'"),
        ({"tools": "search=live"}, "tools is a list of texts, not 'search=live'"),
        ({"mode": "stict"}, "mode is one of content, strict, ordered, not 'stict'"),
    ],
)
def test_what_would_silently_mean_something_else_is_told(told: dict[str, Any], said: str) -> None:
    with pytest.raises(pytest.UsageError, match=said):
        meant("x.case.json", **told)


def test_a_test_without_a_case_is_told() -> None:
    with pytest.raises(pytest.UsageError, match="no case is named"):
        case_run(None, HERE, ROOT)


def test_a_case_that_is_not_there_fails_with_the_reason_alone() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"no\.case\.json cannot be read") as failed:
        meant("no.case.json", program=["x"]).assert_reproduced()
    assert failed.value.__context__ is None
