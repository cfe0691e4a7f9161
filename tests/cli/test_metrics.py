"""`agents`, `metrics`, `baseline` and the alerts of `check`: on files and on a store, for people and for programs."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.commandline import ROOT, agentdbg_here


def samples(text: str) -> dict[tuple[str, str], float]:
    """Name and labels of each sample: its value. Parsed by Prometheus' own library."""
    return {
        (sample.name, ",".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_of_one_run_are_those_of_its_agents() -> None:
    done = agentdbg_here("metrics", "7f3a9c01")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "error: 7f3a9c01: there is no such file, and metrics are those of many runs\nhint: agent"
    )


def test_agents_of_files(folder: Path) -> None:
    done = agentdbg_here("agents", "good.sketch")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "1 run  2 agents  2 model calls  330 tok  $0.0010  1 handoff"
    assert [line.split()[:2] for line in done.stdout.splitlines()[3:5]] == [["collector", "1/1"], ["writer", "1/1"]]


@pytest.mark.parametrize(
    ("order", "first"),
    [("cost", "writer"), ("tokens", "writer"), ("time", "collector"), ("errors", "collector"), ("name", "collector")],
)
def test_agents_are_sorted_by_what_was_asked(order: str, first: str) -> None:
    told = json.loads(
        agentdbg_here(
            "agents", "failed.sketch" if order == "errors" else "good.sketch", "--sort", order, "--json"
        ).stdout
    )
    assert told["agents"][0]["agent"] == first


def test_agents_of_one_run_of_a_store(folder: Path) -> None:
    agentdbg_here("ingest", "good.sketch", "failed.sketch")
    every = json.loads(agentdbg_here("agents", "--json").stdout)
    trace_id = json.loads(agentdbg_here("traces", "--json", "--failed").stdout)["traces"][0]["trace_id"]
    one = json.loads(agentdbg_here("agents", trace_id[:8], "--json").stdout)
    assert (every["coordination"]["runs"], one["coordination"]["runs"]) == (2, 1)
    assert {agent["path_ns"] is None for agent in every["agents"]} == {True}
    assert {agent["path_ns"] is None for agent in one["agents"]} == {False}
    assert agentdbg_here("agents", trace_id[:8]).stdout.startswith(f"run {trace_id[:8]}  2 agents  2 model calls")
    assert agentdbg_here("agents", "beef").exit_code == 2
    assert agentdbg_here("agents", trace_id, "beef").exit_code == 2


def test_one_run_in_files_is_told_as_one_run_of_a_store_is(folder: Path) -> None:
    assert "path" in agentdbg_here("agents", "good.sketch").stdout.splitlines()[2].split()
    assert "path" not in agentdbg_here("agents", "good.sketch", "failed.sketch").stdout.splitlines()[2].split()


def test_files_and_a_store_of_them_have_the_same_figures(folder: Path) -> None:
    agentdbg_here("ingest", "good.sketch", "failed.sketch")
    for command in ("agents", "metrics"):
        stored, read = (agentdbg_here(command, *files, "--json") for files in ((), ("good.sketch", "failed.sketch")))
        assert stored.stdout == read.stdout


def test_metrics_for_prometheus_are_what_json_tells(folder: Path) -> None:
    files = ("good.sketch", "failed.sketch", "silent.sketch")
    told = json.loads(agentdbg_here("metrics", *files, "--json").stdout)
    found = samples(agentdbg_here("metrics", *files, "--format", "prometheus").stdout)
    for one in told["agents"]:
        assert found["agentdbg_agent_turns", one["agent"]] == one["turns"]
        assert found["agentdbg_agent_errors", one["agent"]] == one["errors"]
        assert math.isclose(
            found["agentdbg_agent_duration_seconds", f"{one['agent']},0.95"], one["times"]["p95_ns"] / 1e9
        )
    for one in told["workflows"]:
        assert found["agentdbg_workflow_runs", one["workflow"]] == one["runs"]
        assert math.isclose(found["agentdbg_workflow_cost_usd", one["workflow"]], one["usage"]["cost_usd"])
        assert found["agentdbg_workflow_tokens", f"input,{one['workflow']}"] == one["usage"]["input_tokens"]
    assert {labels for name, labels in found if name == "agentdbg_tool_calls"} == {one["tool"] for one in told["tools"]}
    assert found["agentdbg_edge_handoffs", "collector,writer"] == 2


def test_what_is_unknown_has_no_sample(folder: Path) -> None:
    (folder / "own.sketch").write_text('workflow "a \\"b\\"\\u001b\\n"\n  agent clerk\n    llm my-own-model', "utf-8")
    told = agentdbg_here("metrics", "own.sketch", "--format", "prometheus").stdout
    found = samples(told)
    assert "\x1b" not in told  # a terminal obeys nothing of it
    assert found["agentdbg_workflow_runs", 'a "b"\\x1b\n [clerk]'] == 1
    assert ("agentdbg_agent_model_calls", "clerk") in found
    assert ("agentdbg_agent_cost_usd", "clerk") not in found
    assert not [name for name, labels in found if name == "agentdbg_agent_tokens"]


def test_the_file_for_the_node_exporter_is_replaced_whole(folder: Path) -> None:
    place = folder / "agentdbg.prom"
    place.write_text("before", "utf-8")
    place.chmod(0o640)
    before = place.stat().st_ino
    done = agentdbg_here("metrics", "good.sketch", "--format", f"prometheus={place}")
    assert (done.exit_code, done.stderr) == (0, "")
    assert samples(place.read_text("utf-8"))["agentdbg_workflow_runs", "report [collector, writer]"] == 1
    assert place.stat().st_ino != before  # a reader of the old file goes on reading the old one
    assert oct(place.stat().st_mode)[-3:] == "640"
    assert [path.name for path in folder.iterdir() if "prom" in path.name] == ["agentdbg.prom"]


def test_the_text_of_metrics_goes_beside_a_file_for_prometheus(folder: Path) -> None:
    (folder / "link.prom").symlink_to(folder / "real.prom")
    done = agentdbg_here("metrics", "good.sketch", "--format", "text", "--format", f"prometheus={folder / 'link.prom'}")
    assert "workflow" in done.stdout
    assert (folder / "link.prom").is_symlink()
    assert "agentdbg_info" in (folder / "real.prom").read_text("utf-8")


def test_a_pipe_is_written_to_and_not_replaced(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    reading = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert agentdbg_here("metrics", "good.sketch", "--format", f"json={folder / 'pipe'}").exit_code == 0
    assert json.loads(os.read(reading, 1_000_000))["coordination"]["runs"] == 1
    os.close(reading)


def test_the_dashboard_asks_for_metrics_that_exist(folder: Path) -> None:
    (folder / "state.sketch").write_text("workflow memo\n  agent clerk\n    state write\n    tool look -> []", "utf-8")
    found = agentdbg_here("metrics", "good.sketch", "failed.sketch", "state.sketch", "--format", "prometheus").stdout
    known = {name for name, _ in samples(found)}
    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [one["query"] for one in dashboard["templating"]["list"]]
    named = {name for query in asked for name in re.findall(r"\bagentdbg_\w+", query)}
    assert len(named) > 15
    assert named - known == set()
    labels = {label for query in asked for label in re.findall(r"[{,]\s*(\w+)\s*=~?\"", query)}
    assert labels == {"agent", "workflow", "quantile"}


USUAL = "\n".join(
    f"trace r{n}\nworkflow memo\n  agent clerk\n    llm gpt-4o in=900 out=40 cost=0.0{n + 40}" for n in range(6)
)
DEAR = "trace new\nworkflow memo\n  agent clerk\n    llm gpt-4o in=900 out=40 cost=0.5"


def test_a_baseline_is_made_used_renewed_and_pruned(folder: Path) -> None:
    (folder / "usual.sketch").write_text(USUAL, "utf-8")
    (folder / "dear.sketch").write_text(DEAR, "utf-8")
    assert agentdbg_here("check", "dear.sketch").exit_code == 0
    assert agentdbg_here("baseline", "update", "usual.sketch").exit_code == 2  # there is none yet
    made = agentdbg_here("baseline", "create", "usual.sketch")
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout.splitlines()[0] == "agentdbg.baseline.json: 1 workflow, 6 runs"
    again = agentdbg_here("baseline", "create", "usual.sketch")
    assert (again.exit_code, "`agentdbg baseline update` adds to it" in again.stderr) == (2, True)
    checked = agentdbg_here("check", "dear.sketch", "--json")
    assert [one["detector"] for one in json.loads(checked.stdout)["findings"]] == ["cost.baseline"]
    assert checked.exit_code == 1
    assert json.loads(agentdbg_here("baseline", "update", "good.sketch", "--json").stdout)["workflows"] == [
        {"workflow": "memo [clerk]", "runs": 6},
        {"workflow": "report [collector, writer]", "runs": 1},
    ]
    assert agentdbg_here("baseline", "prune", "good.sketch").stdout.startswith(
        "agentdbg.baseline.json: 1 workflow, 1 run"
    )
    assert agentdbg_here("check", "dear.sketch").exit_code == 0


LOOP = "".join(f'    llm m -> "Again."\n    tool look {{"n": 1}} -> "none{n // 9}"\n' for n in range(5))


def test_findings_that_the_baseline_knows_fail_no_build(folder: Path) -> None:
    old, new = f"trace old\nworkflow memo\n  agent clerk\n{LOOP}", f"trace new\nworkflow memo\n  agent scribe\n{LOOP}"
    (folder / "old.sketch").write_text(old, "utf-8")
    (folder / "both.sketch").write_text(f"{old}{new}", "utf-8")
    assert agentdbg_here("check", "old.sketch").exit_code == 1
    made = agentdbg_here("baseline", "create", "old.sketch")
    assert made.stdout.splitlines()[0] == "agentdbg.baseline.json: 1 workflow, 1 run, 1 known finding"
    done = agentdbg_here("check", "old.sketch")
    assert (done.exit_code, done.stdout.splitlines()[-1].partition(":")[0]) == (0, "passed")
    assert done.stdout.endswith("0 suppressed, 1 known\n")
    done = agentdbg_here("check", "both.sketch", "--json")
    assert done.exit_code == 1
    statuses = {one["agent"]: one["status"] for one in json.loads(done.stdout)["findings"]}
    assert statuses == {"clerk": "known", "scribe": "new"}
    (folder / "mended.sketch").write_text(new.replace(LOOP, '    llm m -> "Done."\n'), "utf-8")
    assert json.loads(agentdbg_here("baseline", "prune", "mended.sketch", "--json").stdout)["findings"] == []
    assert agentdbg_here("check", "old.sketch").exit_code == 1


def test_a_store_is_judged_anew_when_the_baseline_changes(folder: Path) -> None:
    (folder / "usual.sketch").write_text(USUAL, "utf-8")
    (folder / "dear.sketch").write_text(DEAR, "utf-8")
    agentdbg_here("baseline", "create", "usual.sketch", "-o", "kept.json")
    agentdbg_here("ingest", "dear.sketch")
    assert agentdbg_here("check").exit_code == 0
    assert agentdbg_here("check", "--baseline", "kept.json").exit_code == 1
    (folder / "kept.json").rename(folder / "agentdbg.baseline.json")
    assert agentdbg_here("check").exit_code == 1
    assert "cost.baseline" in agentdbg_here("show", "latest").stdout


def test_a_run_that_failed_is_no_yardstick(folder: Path) -> None:
    done = agentdbg_here("baseline", "create", "failed.sketch")
    assert (done.exit_code, "no run ended well" in done.stderr) == (2, True)
    assert not (folder / "agentdbg.baseline.json").exists()


def test_alerts_are_findings_of_check(folder: Path) -> None:
    (folder / "agentdbg.toml").write_text("[alerts]\nlatency_s = 0.1\nsuccess_rate = 0.9\n", "utf-8")
    done = agentdbg_here("check", "good.sketch", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["verdict"]) == (1, "findings")
    assert [(one["detector"], one["severity"]) for one in told["findings"]] == [("alert.latency_s", "high")]
    assert {(one["detector"], one["reason"]) for one in told["skipped"] if one["detector"].startswith("alert.")} == {
        ("alert.success_rate", "collector: 1 turn, fewer than 5"), ("alert.success_rate", "writer: 1 turn, fewer than 5"),
    }  # fmt: skip
    assert agentdbg_here("check", "good.sketch", "--ignore", "alert.latency_s").exit_code == 0
    (folder / "agentdbg.toml").write_text('[alerts]\nlatency_s = 0.1\nseverity = "low"\n', "utf-8")
    assert agentdbg_here("check", "good.sketch").exit_code == 0


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("latency = 3", "no alert is called latency"),
        ('latency_s = "3"', "alerts.latency_s is not a number of 0 or more"),
        ("latency_s = -1", "alerts.latency_s is not a number of 0 or more"),
        ("latency_s = true", "alerts.latency_s is not a number of 0 or more"),
        ('severity = "bad"', "alerts.severity is not one of info, low"),
    ],
)
def test_a_wrong_alert_exits_2_and_says_which(toml: str, said: str, folder: Path) -> None:
    (folder / "agentdbg.toml").write_text(f"[alerts]\n{toml}\n", "utf-8")
    done = agentdbg_here("check", "good.sketch")
    assert done.exit_code == 2
    assert said in done.stderr
