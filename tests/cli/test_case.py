"""`agentdbg case` as it is typed, and `agentdbg replay` of what it wrote. tests/live has programs of real libraries."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.commandline import PROGRAM, SAMPLES, Done, agentdbg, agentdbg_here

pytest.importorskip("detect_secrets", reason="the extra `redact` is not installed")

SAMPLE = SAMPLES / "empty-result"
SPAN = "ae5b0cd166866be9"  # the collector's first call
TURN = "7d4ee4e7ea8984db"  # the collector's turn
TRACE = "371e6f5929d6e6920c2f0d3a775b7e3e"


def refused(*arguments: str | Path) -> str:
    done = agentdbg_here(*arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done
    return done.stderr


def made(*options: str, of: str = SPAN) -> Done:
    done = agentdbg_here("case", of, SAMPLE, "-o", "x.case.json", *options)
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    return done


def test_a_case_says_what_it_holds_and_gives_the_same_bytes_each_time() -> None:
    done = made()
    assert done.stderr == (
        "x.case.json: the turn of collector, 2 calls, graded content: tool definitions are not recorded\n"
        "note: no secret and no personal data was found; names and postal addresses are not looked for\n"
    )
    first = Path("x.case.json").read_bytes()
    made(of=TURN)
    assert Path("x.case.json").read_bytes() == first
    assert "the whole run 'sales-report', " in made(of=TRACE[:8]).stderr
    assert "whoever reads the file reads all that was said" in made("--no-redact").stderr


def test_it_replays_without_a_trace_as_the_span_does() -> None:
    made()
    case = agentdbg_here("replay", "x.case.json").stdout
    span = agentdbg_here("replay", TURN, SAMPLE).stdout
    assert case.partition("\nnext:")[0] == span.partition("\nnext:")[0]
    assert "next:  agentdbg replay x.case.json -- PROGRAM" in case
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    done = agentdbg("replay", "x.case.json", "--json", "--", sys.executable, "-c", "pass", cwd=Path.cwd())
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (2, "not_judged")


def test_a_span_of_the_case_may_be_named() -> None:
    made()
    done = agentdbg_here("replay", SPAN[:6], "x.case.json")
    assert done.stdout.startswith("replay  collector  model call  chat gpt-4o-mini  ok  9ms  1 model call")
    assert "the case has no span beef" in refused("replay", "beef", "x.case.json")
    assert "takes what the whole case's program asks" in refused("replay", SPAN, "x.case.json", "--update")


def test_what_is_supposed_and_asked_for_real_of_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    made()
    done = agentdbg_here("replay", SPAN, "x.case.json", "--set", "system=Be brief.")
    assert (done.exit_code, "Be brief." in done.stdout) == (0, True), done.stderr
    pytest.importorskip("httpx2", reason="the extra `replay` is not installed")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    several = refused("replay", "x.case.json", "--live", "--base-url", "http://127.0.0.1:9/v1")
    assert "2 model calls were made here, and one is asked" in several
    done = agentdbg_here("replay", SPAN, "x.case.json", "--live", "--base-url", "http://127.0.0.1:9/v1", "-n", "1")
    assert (done.exit_code, "asking http://127.0.0.1:9/v1" in done.stderr) == (2, True), done.stderr


def test_the_test_is_written_once_and_stays_as_it_was_edited() -> None:
    assert "the test is skipped until its marker names a program or a target" in made("--pytest").stderr
    made("--pytest")
    test = Path("test_x.py")
    assert '@pytest.mark.agentdbg_case("x.case.json")' in test.read_text()
    assert "test_x.py is there already and stays as it is" in made("--pytest", "--target", 'app:"run"').stderr
    test.unlink()
    made("--pytest", "--target", "app:run", "--arg", "city=input.city")
    assert '("x.case.json", target="app:run", args=["city=input.city"])' in test.read_text()
    test.unlink()
    made("--pytest", "--", "python", "app.py", "--city", 'Den "Haag"')
    assert r'program=["python", "app.py", "--city", "Den \"Haag\""]' in test.read_text()
    compile(test.read_text(), "test_x.py", "exec")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["case", SPAN, SAMPLE], "missing option '--output' / '-o'"),
        (["case", SPAN, SAMPLE, "-o", "nowhere/x.case.json"], "nowhere/x.case.json cannot be written: No such file"),
        (["case", "0badcafe", SAMPLE, "-o", "y.json"], "there is no span 0badcafe"),
        (["case", SPAN, SAMPLE, "-o", "y.json", "--target", "a:b"], "a program and --target are for the test"),
        (["case", SPAN, SAMPLE, "-o", "no/such/y.case.json"], "mkdir -p no/such"),
        (["case", SPAN, SAMPLE, "-o", "y.json", "--pytest", "--target", "a:b", "--", "x"], "exclude one another"),
        (["case", "x.case.json", "-o", "y.json"], "x.case.json is a case already"),
        (["replay", "gone.case.json"], "gone.case.json cannot be read: No such file or directory"),
        (["replay", "x.case.json", "x.case.json"], "one case at a time, not 2"),
        (["replay", "x.case.json", "--update"], "--update needs a reason"),
        (["replay", "x.case.json", "--update", "--reason", "a"], "--update needs a program"),
        (["replay", "x.case.json", "--reason", "a"], "--reason is for --update"),
        (["replay", "x.case.json", "--update", "--reason", "a", "--set", "input.x=1", "--", "x"], "nothing that is supposed"),
        (["replay", SPAN, SAMPLE, "--update", "--reason", "a", "--", "x"], "--update is for cases"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_with_the_next_step(arguments: list[str], said: str) -> None:
    made()
    told = refused(*arguments)
    assert said in told
    assert not Path("y.json").exists()


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        (("schema_version\": 1", "schema_version\": 9"), "a case of version 9, and this agentdbg knows up to 1", "pip install --upgrade"),
        (("]\n}\n", "]\n"), "is no whole case: Expecting ',' delimiter", "make it anew: agentdbg case SPAN_ID -o FILE"),
        (('"status": "', '"status": "not'), "is no whole case: Invalid enum value", "make it anew"),
    ],
)  # fmt: skip
def test_files_of_another_time_or_shape(change: tuple[str, str], said: str, hint: str) -> None:
    made()
    file = Path("x.case.json")
    file.write_text(file.read_text().replace(*change))
    told = refused("replay", "x.case.json")
    assert said in told
    assert hint in told


def test_nothing_is_written_unredacted_where_the_libraries_are_missing() -> None:
    without = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'phonenumbers' else f(n, *a)\n"
    done = agentdbg("case", SPAN, SAMPLE, "-o", "x.case.json", cwd=Path.cwd(), program=without + PROGRAM)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-2:] == [
        "error: hiding secrets and personal data needs phonenumbers, which is not installed",
        "hint: pip install 'agentdbg-traces[redact]'",
    ]
    assert not Path("x.case.json").exists()


def test_secrets_of_a_trace_are_neither_in_the_case_nor_in_what_replay_shows() -> None:
    Path("run.sketch").write_text(
        "agent mailer\n"
        '  llm gpt-4o in=10 out=5 "write to ann@shop.org with sk-abcdefghij1234567890abcd" -> "wrote to ann@shop.org"\n'
        '  tool send {"to": "ann@shop.org", "password": "hunter2-x"} -> "sent to ann@shop.org"\n'
    )
    done = agentdbg_here("case", "latest", "run.sketch", "-o", "x.case.json")
    assert "note: placeholders stand for: email (1), secret (2); names" in done.stderr
    shown = agentdbg_here("replay", "x.case.json").stdout + Path("x.case.json").read_text()
    assert [word for word in ("ann@", "sk-abc", "hunter2") if word in shown] == []
    assert "write to <email:1> with <secret:" in shown
