"""Programs recorded with a model, kept as cases, and run again from these alone: by the command and by pytest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.commandline import PROGRAM, Done, environment
from tests.live.test_rerun import ANSWER, GATEWAY, HANDOFF, OPENAI, PROGRAMS, SEARCH, Recorded, Reply, record

for needed in (
    "openai",
    "uvicorn",
    "starlette",
    "openinference.instrumentation.openai",
    "detect_secrets",
    "phonenumbers",
):
    pytest.importorskip(needed, reason=f"{needed} is not installed (groups live and dev)")

pytestmark = pytest.mark.slow  # real clients, real servers, processes of their own

SECRET = "Write to ann@shop.org, card 4111 1111 1111 1111, password hunter2-x9."


def agentdbg(*line: str | Path, cwd: Path, **env: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, line)],
        env=environment(MODEL=GATEWAY, **env), cwd=cwd, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def ran_pytest(project: Path, *options: str, **env: str) -> Done:
    installed = any(one.name == "agentdbg" for one in entry_points(group="pytest11"))
    ours = [] if installed else ["-p", "agentdbg.pytest_plugin"]  # in a checkout that nobody has installed
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ours, "-p", "no:cacheprovider", "-q", *options],
        env=environment(MODEL=GATEWAY, COLUMNS="120", **env), cwd=project, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record("with_openai.py", tmp_path_factory.mktemp("recorded"), SEARCH, ANSWER, PROMPT=SECRET)


@pytest.fixture
def project(plain: Recorded, tmp_path: Path) -> Path:
    """A folder with the program, its case and the test of it; the trace is elsewhere."""
    for name in ("with_openai.py", "recording.py"):
        shutil.copy(PROGRAMS / name, tmp_path)
    made = agentdbg(
        "case", plain.span_id, *plain.files, "-o", "order.case.json", "--pytest", "--", "python", "with_openai.py",
        cwd=tmp_path,
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    assert "order.case.json: the whole run 'run', 2 calls, graded exact" in made.stderr
    assert "placeholders stand for: card (1), email (1), secret (1)" in made.stderr
    return tmp_path


def test_the_case_holds_no_secret_and_its_test_passes_until_the_program_changes(project: Path) -> None:
    told = (project / "order.case.json").read_text()
    assert [word for word in ("ann@", "4111", "hunter2") if word in told] == []
    passed = ran_pytest(project, PROMPT=SECRET)
    assert (passed.exit_code, passed.stdout.splitlines()[-1].partition(" in ")[0]) == (0, "1 passed"), passed.stdout

    failed = ran_pytest(project, PROMPT=f"Please: {SECRET}")
    assert failed.exit_code == 1
    assert (
        """\
order.case.json: call 1 of run asks something else than recorded
call 1, $.messages[0].parts[0].text
  - Write to <email:1>, card <card:1>, password <secret:1>.
  + Please: Write to <email:1>, card <card:1>, password <secret:1>.
""".replace("password <secret:1>", "password <secret:1>")
        in failed.stdout
    ), failed.stdout


def test_a_meant_change_is_accepted_with_its_reason(project: Path) -> None:
    behind = ["--", sys.executable, "with_openai.py"]
    refused = agentdbg("replay", "order.case.json", "--update", *behind, cwd=project)
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (
        2, "error: --update needs a reason, which is kept in the case",
    )  # fmt: skip
    done = agentdbg(
        "replay", "order.case.json", "--update", "--reason", "prompt v2", *behind, cwd=project, PROMPT="Be kind."
    )
    assert (done.exit_code, done.stdout.splitlines()[-2]) == (
        0, "updated order.case.json: 2 of 2 calls changed, accepted: prompt v2",
    ), done.stderr  # fmt: skip
    assert ran_pytest(project, PROMPT="Be kind.").exit_code == 0
    assert ran_pytest(project, PROMPT=SECRET).exit_code == 1


def test_a_test_that_names_nothing_to_run_is_skipped_and_one_without_a_case_is_an_error(project: Path) -> None:
    (project / "test_order.py").write_text(
        "import pytest\n"
        "@pytest.mark.agentdbg_case('order.case.json')\n"
        "def test_nothing(agentdbg_case): agentdbg_case.assert_reproduced()\n"
        "@pytest.mark.agentdbg_case('no.case.json', program=['x'])\n"
        "def test_missing(agentdbg_case): agentdbg_case.assert_reproduced()\n"
        "def test_unmarked(agentdbg_case): pass\n"
    )
    done = ran_pytest(project, "-rs", "--strict-markers")
    assert "SKIPPED" in done.stdout
    assert "the marker names nothing to run" in done.stdout
    assert "no.case.json cannot be read: No such file or directory" in done.stdout
    assert "no case is named" in done.stdout
    assert "1 failed, 1 skipped, 1 error" in done.stdout


def test_the_plugin_loads_nothing_until_a_case_is_run(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "import sys\n"
        "def test_x(): assert [name for name in sys.modules if name.startswith('agentdbg.')] == ['agentdbg.pytest_plugin']\n"
    )
    assert ran_pytest(tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("name", "recorder", "env", "script"),
    [
        ("with_agents_sdk.py", OPENAI, {}, HANDOFF),
        ("with_agents_sdk.py", OPENAI, {"API": "OpenAIResponsesModel"}, HANDOFF),
        ("with_mcp.py", OPENAI, {}, (SEARCH, ANSWER)),
    ],
)
def test_frameworks_run_from_a_redacted_case(
    name: str, recorder: str, env: dict[str, str], script: tuple[Reply, ...], tmp_path: Path
) -> None:
    pytest.importorskip({"with_agents_sdk.py": "agents", "with_mcp.py": "mcp"}[name])
    recorded = record(name, tmp_path, *script, RECORD_WITH=recorder, **env)
    case = tmp_path / "x.case.json"
    assert agentdbg("case", recorded.span_id, *recorded.files, "-o", case, cwd=PROGRAMS).exit_code == 0
    done = agentdbg("replay", case, "--json", "--", sys.executable, recorded.program, cwd=PROGRAMS, **env)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["verdict"], told["findings"]) == (0, "reproduced", []), done.stderr
    assert "ran search" not in done.stderr
    assert {"tool": "search", "done": "recorded", "count": 1} in told["tools"]
