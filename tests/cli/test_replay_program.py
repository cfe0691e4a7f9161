"""`replay SPAN_ID -- PROGRAM` as it is typed. The program here is plain Python; tests/live has those of real libraries."""

from __future__ import annotations

import json
import sys

import pytest

from tests.commandline import SAMPLES, Done, agentdbg

SAMPLE = SAMPLES / "empty-result"
SPAN = "ae5b0cd166866be9"  # the collector's only call
ASKS = """
import json, os, sys
from urllib.request import Request, urlopen
said = [{"role": "system", "content": 'You are collector. You collect sales rows with fetch_sales and answer with JSON only: {"rows": [...]}.'},
        {"role": "user", "content": sys.argv[1]}]
body = json.dumps({"model": "gpt-4o-mini", "messages": said}).encode()
print(urlopen(Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body, {"content-type": "application/json"})).read().decode())
"""


def replay(*options: str, program: list[str]) -> Done:
    return agentdbg("replay", SPAN, SAMPLE, *options, "--", *program)


def outside_python(task: str) -> list[str]:
    """A program that the replay does not get into, as if it were written in another language."""
    return [sys.executable, "-I", "-c", ASKS, task]


def test_the_program_prints_to_stderr_and_the_report_is_stdout() -> None:
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    done = replay("--json", program=outside_python("Collect the sales rows for Eurpoe."))
    told = json.loads(done.stdout)
    assert (done.exit_code, told["verdict"], told["served"]) == (0, "reproduced", 1), done.stderr
    assert '"finish_reason":"tool_calls"' in done.stderr


def test_a_question_that_was_not_recorded() -> None:
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    done = replay(program=outside_python("Collect the sales rows for Europe."))
    assert done.exit_code == 1
    assert "HIGH replay.diverged call 1 of collector asks something else than recorded" in done.stdout
    assert "Collect the sales rows for Eurpoe.', now 'Collect the sales rows for Europe.'" in " ".join(
        done.stdout.split()
    )
    assert done.stdout.splitlines()[-1] == "diverged: call 1 of collector asks something else than recorded"
    assert f"next:  agentdbg span {SPAN} {SAMPLE}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--"], "no program stands behind --"), (["--serve", "--verify"], "exclude one another"),
     (["--tool", "x=maybe", "--", "true"], "--tool x=maybe is no policy"), (["--hard", "mesages", "--", "true"], "there is no layer 'mesages'"),
     (["--target", "app"], "--target app names no function"), (["--format", "sarif", "--", "true"], "there is no format 'sarif' here"),
     (["--model", "m"], "--model goes with --live"), (["--live"], "--live says where to ask"), (["--live", "--serve"], "exclude one another"),
     (["--verify", "--set", "system=x"], "--verify sends what is recorded"), (["--live", "--base-url", "x"], "--base-url x is no address"),
     (["--", "/nowhere/program"], "/nowhere/program cannot be run: No such file or directory")],
)  # fmt: skip
def test_what_cannot_be_done_is_told(arguments: list[str], said: str) -> None:
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    done = agentdbg("replay", SPAN, SAMPLE, *arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    assert said in done.stderr


def test_options_behind_the_dashes_are_the_programs() -> None:
    done = replay(
        "--json", program=[sys.executable, "-c", "import sys; print(sys.argv[1:])", "--json", "--tool", "--", "x"]
    )
    assert "['--json', '--tool', '--', 'x']" in done.stderr
