"""Programs recorded with a model, and run again without it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentdbg.replay.sdks import SDKS
from tests.commandline import HEARING, PROGRAM, ROOT, environment
from tests.live.needs import needs
from tests.live.servers import Reply, collector, model
from tests.stores import of_files

for needed in ("openai", "uvicorn", "starlette", "openinference.instrumentation.openai"):
    needs(needed)

pytestmark = pytest.mark.slow  # real clients, real servers, processes of their own

PROGRAMS = Path(__file__).parent / "programs"
SEARCH = Reply(tool="search", arguments={"q": "order"}, tokens=(11, 3))
ANSWER = Reply("It costs 7.", tokens=(20, 4))
GATEWAY = "https://gateway.example.com/llm/v1"
"""Where the program believes its model to be, as it runs again: no environment variable leads it elsewhere."""


@dataclass(frozen=True)
class Recorded:
    """Files of one run of a program, and the span that stands for the whole of it."""

    program: Path
    files: list[Path]
    span_id: str


@dataclass(frozen=True)
class Done:
    exit_code: int
    printed: str
    told: dict[str, Any]

    @property
    def outcomes(self) -> list[str]:
        return [f"{one['number']} {one['outcome'].partition(';')[0]}" for one in self.told["asked"]]

    @property
    def findings(self) -> list[str]:
        return [one["detector"] for one in self.told["findings"]]

    @property
    def message(self) -> str:
        return str(self.told["findings"][0]["message"])


def record(name: str, folder: Path, *script: Reply, **env: str) -> Recorded:
    with model(*script) as address, collector(folder) as endpoint:
        more = {"MODEL": address, "OPENAI_API_KEY": "x", "RECORD_TO": f"{endpoint}/v1/traces", "RECORD_WITH": OPENAI}
        told = subprocess.run(
            [sys.executable, PROGRAMS / name],
            env=environment(**{**more, **env}),
            capture_output=True,
            text=True,
            check=True,
        )
    assert "ran search" in told.stdout
    files = sorted(folder.iterdir())
    with of_files(*files) as store:
        ((span_id,),) = store.reader().rows("SELECT span_id FROM spans WHERE name = 'run'")
    return Recorded(PROGRAMS / name, files, span_id)


def replay(recorded: Recorded, *options: str, program: list[str] | None = None, **env: str) -> Done:
    """`agentdbg replay SPAN FILES OPTIONS --json -- python PROGRAM`."""
    line = ["replay", recorded.span_id, *map(str, recorded.files), *options, "--json"]
    behind = [] if program == [] else ["--", *(program or [sys.executable, str(recorded.program)])]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *line, *behind],
        env=environment(MODEL=GATEWAY, **env), cwd=PROGRAMS, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Done(done.returncode, done.stderr, json.loads(done.stdout) if done.stdout else {})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record("with_openai.py", tmp_path_factory.mktemp("plain"), SEARCH, ANSWER)


ANTHROPIC = "openinference.instrumentation.anthropic:AnthropicInstrumentor"
SMOLAGENTS = "openinference.instrumentation.smolagents:SmolagentsInstrumentor"
OPENAI = "openinference.instrumentation.openai:OpenAIInstrumentor"
LANGCHAIN = "openinference.instrumentation.langchain:LangChainInstrumentor"
AGENTS = "openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor"
HANDOFF = (SEARCH, Reply(tool="transfer_to_writer"), ANSWER)
FINAL = Reply(tool="final_answer", arguments={"answer": "It costs 7."}, tokens=(20, 4))
COMMAND = (SEARCH, Reply(tool="to_writer"), ANSWER)
RESPONSES = {"API": "OpenAIResponsesModel"}
CASES = [
    ("with_openai.py", OPENAI, {}, (SEARCH, ANSWER)),
    ("with_agents_sdk.py", OPENAI, {}, HANDOFF),
    ("with_agents_sdk.py", OPENAI, RESPONSES, HANDOFF),
    ("with_agents_sdk.py", AGENTS, {}, HANDOFF),
    ("with_agents_sdk.py", AGENTS, RESPONSES, HANDOFF),
    ("with_langgraph.py", OPENAI, {}, (SEARCH, ANSWER)),
    ("with_langgraph.py", LANGCHAIN, {}, (SEARCH, ANSWER)),
    ("with_handoff.py", OPENAI, {}, COMMAND),
    ("with_handoff.py", LANGCHAIN, {}, COMMAND),
    ("with_pydantic_ai.py", OPENAI, {}, (SEARCH, ANSWER)),
    ("with_pydantic_ai.py", "pydantic_ai", {}, (SEARCH, ANSWER)),
    ("with_mcp.py", OPENAI, {}, (SEARCH, ANSWER)),
    ("with_anthropic.py", LANGCHAIN, {}, (SEARCH, ANSWER)),
    ("with_anthropic.py", ANTHROPIC, {}, (SEARCH, ANSWER)),
    ("with_gemini.py", "pydantic_ai", {}, (SEARCH, ANSWER)),
    ("with_smolagents.py", f"{OPENAI},{SMOLAGENTS}", {}, (SEARCH, FINAL)),
]
NEEDS = {
    "with_agents_sdk.py": "agents", "with_langgraph.py": "langchain_openai", "with_handoff.py": "langchain_openai",
    "with_pydantic_ai.py": "pydantic_ai", "with_mcp.py": "mcp", "with_anthropic.py": "langchain_anthropic",
    "with_gemini.py": "pydantic_ai.models.google", "with_smolagents.py": "smolagents",
}  # fmt: skip
HANDED = {"with_handoff.py": ["to_writer"], "with_smolagents.py": ["final_answer"]}
"""Tools that run as usual, since they pass control on."""


@pytest.mark.parametrize(("name", "recorder", "env", "script"), CASES)
def test_a_program_runs_again_without_model_tools_and_network(
    name: str, recorder: str, env: dict[str, str], script: tuple[Reply, ...], tmp_path: Path
) -> None:
    needs(NEEDS.get(name, "openai"))
    for one in recorder.split(","):
        needs(one.partition(":")[0])
    recorded = record(name, tmp_path, *script, RECORD_WITH=recorder, **env)

    done = replay(recorded, **env)
    assert "It costs 7." in done.printed, done.printed
    assert "ran search" not in done.printed
    assert (done.exit_code, done.told["verdict"], done.findings) == (0, "reproduced", [])
    assert done.outcomes == [f"{n} served" for n in range(1, len(script) + 1)]
    ran = [{"tool": tool, "done": "hands over", "count": 1} for tool in HANDED.get(name, ())]
    assert done.told["tools"] == sorted(
        [{"tool": "search", "done": "recorded", "count": 1}, *ran], key=lambda one: one["tool"]
    )

    denied = replay(recorded, "--tool", "search=deny", **env)
    assert "It costs 7." not in denied.printed  # no framework's error handling takes it for a tool that failed
    assert (denied.exit_code, denied.findings) == (1, ["replay.tool"])

    changed = replay(recorded, **{**env, "PROMPT": "You plan well."})
    assert (changed.exit_code, changed.findings) == (1, ["replay.diverged"])
    assert changed.outcomes == ["1 asks something that no recorded call asked"]
    assert "You plan well." in changed.message

    stub = tmp_path / "rows.json"
    stub.write_text("[99]")
    other = replay(recorded, "--tool", f"search=stub:{stub}", **env)
    assert (other.exit_code, other.findings) == (1, ["replay.diverged"])
    assert other.outcomes == ["1 served", "2 asks something that no recorded call asked"]
    assert re.search("recorded '.*7.*', now '.*99.*'", other.message), other.message


def test_what_a_changed_prompt_makes_of_it(plain: Recorded) -> None:
    done = replay(plain, PROMPT="You plan well.")
    assert (done.exit_code, done.told["verdict"], done.findings) == (1, "diverged", ["replay.diverged"])
    assert done.outcomes == ["1 asks something that no recorded call asked"]
    assert (
        "$.messages[0].parts[0].text, character 8: recorded 'You plan.', now 'You plan well.'"
        in done.told["findings"][0]["message"]
    )
    soft = replay(plain, "--soft", "system", PROMPT="You plan well.")
    assert (soft.exit_code, soft.told["verdict"], len(soft.told["asked"][0]["soft"])) == (0, "reproduced", 1)


def test_a_live_tool_that_says_something_else_shows_in_the_next_question(plain: Recorded, tmp_path: Path) -> None:
    stub = tmp_path / "rows.json"
    stub.write_text("[99]")
    done = replay(plain, "--tool", f"search=stub:{stub}")
    assert done.outcomes == ["1 served", "2 asks something that no recorded call asked"]
    assert "$.messages[3].parts[0].result[0]: recorded '7', now '99'" in done.told["findings"][0]["message"]
    live = replay(plain, "--tool", "search=live")
    assert "ran search" in live.printed
    assert (live.exit_code, live.told["unreal"]) == (0, ["ran for real: search"])


def test_a_graph_that_makes_an_excuse_of_every_error_has_diverged_all_the_same(tmp_path: Path) -> None:
    needs("langchain_openai")
    recorded = record("with_langgraph.py", tmp_path, SEARCH, ANSWER)
    done = replay(recorded, PROMPT="You plan well.")
    assert "Sorry, try later." in done.printed
    assert (done.exit_code, done.told["exit_code"], done.findings) == (1, 0, ["replay.diverged"])


def test_what_follows_from_another_result_and_another_answer(plain: Recorded, tmp_path: Path) -> None:
    rows, answer = tmp_path / "rows", tmp_path / "answer"
    rows.write_text("[99]")
    answer.write_text("It costs 99.")
    ended = replay(plain, "--override-output", f"call_1={rows}")
    assert (ended.exit_code, ended.told["verdict"], ended.findings) == (0, "evidence_ends", [])
    assert ended.outcomes == ["1 served", "2 asks something that no recorded call asked"]
    assert ended.told["ends"].endswith("recorded '7', now '99'")
    went_on = replay(plain, "--override-output", f"call_1={rows}", "--override-output", f"call[2]={answer}")
    assert "It costs 99." in went_on.printed
    assert (went_on.exit_code, went_on.told["verdict"]) == (0, "changed")


def test_a_program_that_swallows_errors_does_not_hide_a_miss(plain: Recorded) -> None:
    code = "import with_openai as w\ntry: w.main('Something else.')\nexcept Exception: print('Sorry, try later.')"
    done = replay(plain, program=[sys.executable, "-c", code])
    assert "Sorry, try later." in done.printed
    assert (done.exit_code, done.told["exit_code"], done.findings) == (1, 0, ["replay.diverged"])


def test_calls_too_many_and_too_few(plain: Recorded) -> None:
    twice = "import with_openai as w; w.main('Price the order.'); w.main('Price the order.')"
    done = replay(plain, program=[sys.executable, "-c", twice])
    assert (done.exit_code, done.findings) == (1, ["replay.extra_call"])
    once = "import with_openai as w; w.search = lambda q: exit(); w.main('Price the order.')"
    done = replay(plain, program=[sys.executable, "-c", once])
    assert (done.exit_code, done.findings, done.told["reason"]) == (
        1, ["replay.missing_call"], "the recorded call of run was never asked for",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("program", "said"), [(["-c", "pass"], "sent no request"), (["-I", "-c", "pass"], "did not get into the program")]
)
def test_a_program_that_asks_nothing_is_not_judged(plain: Recorded, program: list[str], said: str) -> None:
    done = replay(plain, program=[sys.executable, *program])
    assert (done.exit_code, done.told["verdict"]) == (2, "not_judged")
    assert said in done.told["hint"]


def test_a_failure_of_the_program_itself(plain: Recorded) -> None:
    code = "import with_openai as w; w.main('Price the order.'); raise SystemExit(3)"
    done = replay(plain, program=[sys.executable, "-c", code])
    assert (done.exit_code, done.told["exit_code"], done.findings) == (1, 3, ["replay.failed"])


@pytest.mark.parametrize("client", ["requests", "aiohttp", "httpx", "httpx2", "subprocess"])
def test_every_client_is_led_to_the_recording(plain: Recorded, client: str) -> None:
    if client != "subprocess":
        needs(client)
    done = replay(plain, program=[sys.executable, str(PROGRAMS / "any_client.py"), client])
    assert done.outcomes[:1] == ["1 served"], done.printed
    assert done.told["refused"] == ([] if client == "subprocess" else ["example.com"])


def test_served_to_programs_in_any_language(plain: Recorded) -> None:
    line = [
        sys.executable,
        "-c",
        HEARING + PROGRAM,
        "replay",
        plain.span_id,
        *map(str, plain.files),
        "--serve",
        "--format",
        "text",
    ]
    with subprocess.Popen(
        line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        for told in environment_of(serving):
            if "OPENAI_BASE_URL" in told:
                break
        asked = subprocess.run(
            [sys.executable, "-I", PROGRAMS / "any_client.py", "urllib"],
            env={**os.environ, **told},
            capture_output=True,
            text=True,
        )
        serving.send_signal(2)
        rest, _ = serving.communicate(timeout=30)
    assert "search" in asked.stdout, asked.stderr
    assert serving.returncode == 1
    assert "replay.missing_call" in rest


def environment_of(serving: subprocess.Popen[str]) -> Iterator[dict[str, str]]:
    told: dict[str, str] = {}
    for line in serving.stdout or ():
        name, _, value = line.removeprefix("export ").strip().partition("=")
        told[name] = value
        if name == "PYTHONHASHSEED":  # the last
            yield told
            return


def test_the_replay_needs_no_agentdbg_where_the_program_runs(plain: Recorded) -> None:
    code = "import agentdbg.replay, sys; print(agentdbg.__file__, 'duckdb' in sys.modules, sys.path[0] == '')"
    done = replay(plain, program=[sys.executable, "-c", code])
    assert f"{ROOT / 'agentdbg' / '__init__.py'} False True" in done.printed


def test_a_function_is_called_with_the_recorded_input(plain: Recorded, tmp_path: Path) -> None:
    spans = [json.loads(line) for line in exported(plain, tmp_path)]
    for span in spans:
        if span["name"] == "run":
            span |= {
                "kind": "agent",
                "agent": "planner",
                "input": {"task": "Price the order."},
                "output": "It costs 7.",
            }
    file = tmp_path / "run.jsonl"
    file.write_text("".join(json.dumps(span) + "\n" for span in spans))
    recorded = Recorded(plain.program, [file], plain.span_id)

    done = replay(recorded, "--target", "with_openai:main", program=[])
    assert (done.exit_code, done.told["verdict"], done.findings) == (0, "reproduced", []), done.printed
    supposed = replay(recorded, "--target", "with_openai:main", "--set", "input.task=Price it.", program=[])
    assert (supposed.exit_code, supposed.told["verdict"]) == (0, "evidence_ends")
    assert "recorded 'Price the order.', now 'Price it.'" in supposed.told["ends"]
    other = replay(recorded, "--target", "with_openai:main", "--arg", "task=input.nothing", program=[])
    assert (other.exit_code, other.told) == (2, {})
    assert "there is no nothing in task" in other.printed


def exported(recorded: Recorded, folder: Path) -> list[str]:
    """The recorded spans as plain JSON lines, payloads as they were read."""
    with of_files(*recorded.files) as store:
        trace = store.reader().trace(store.reader().trace_ids()[0])
    names = (
        "trace_id",
        "span_id",
        "parent_id",
        "name",
        "kind",
        "start_ns",
        "end_ns",
        "status",
        "model",
        "input",
        "output",
    )
    return [json.dumps({name: plain_value(getattr(span, name)) for name in names}) for span in trace.spans]


def plain_value(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value


@pytest.mark.parametrize("package", ["openai", "anthropic", "google.genai"])
def test_the_providers_own_clients_read_what_was_recorded(plain: Recorded, package: str) -> None:
    needs(package)
    done = replay(plain, "--verify", program=[])
    apis = [api for api, sdk in SDKS.items() if sdk.module == package]
    found = [one for one in done.told["results"] if one["api"] in apis]
    assert len(found) == 2 * 2 * len(apis)  # two calls, streamed and not
    assert [one["problem"] for one in found] == [None] * len(found)
