"""`replay SPAN_ID -- PROGRAM` as it is typed. The program here is plain Python; tests/live has those of real libraries."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from agentdbg.replay.playback import Reply
from agentdbg.replay.server import served
from tests.commandline import HEARING, PROGRAM, SAMPLES, Done, agentdbg, environment

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


class Slow:
    """A model that answers the same each time, and takes its time from the sixth answer on."""

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        self.asked += 1
        if self.asked > 6:
            time.sleep(2)
        message = {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "fetch_sales", "arguments": '{"region": "Eurpoe"}'}}
        ]}  # fmt: skip
        return Reply(200, {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "message": message}]})


@pytest.mark.slow
def test_ctrl_c_while_a_model_is_asked_keeps_the_answers_that_came() -> None:
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    there = Slow()
    with served(there) as address:
        line = [
            sys.executable,
            "-c",
            HEARING + PROGRAM,
            "replay",
            SPAN,
            str(SAMPLE),
            "--live",
            "--base-url",
            f"{address}/v1",
            "-n",
            "100",
        ]
        env = environment(OPENAI_API_KEY="sk-hidden")
        with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
            until = time.monotonic() + 60
            while there.asked < 8 and time.monotonic() < until:
                time.sleep(0.05)
            asking.send_signal(signal.SIGINT)
            out, said = asking.communicate(timeout=60)
    assert asking.returncode == 130, said
    assert "interrupted after" in out
    assert "\nprompt: " in out
    assert "sk-hidden" not in out + said
    assert said.startswith(f"note: asking {address}/v1/chat/completions 100 times")
