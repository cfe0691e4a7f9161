"""Races as programs record them: state attributes, database spans, parallel nodes of a graph, in every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentdbg.detectors.race.lost_update import LostUpdate
from agentdbg.detectors.race.stale_read import StaleRead
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, places
from tests.stores import of_files, otlp


def lanes(*accesses: str) -> str:
    """`north` and `south` side by side: agent, then a span without its time, one a second."""
    spans: dict[str, list[str]] = {}
    for at, access in enumerate(accesses):
        agent, _, told = access.partition(" ")
        spans.setdefault(agent, []).append(f"    other {told} at={at}s dur=500ms")
    text = "\n".join("\n".join([f"  agent {agent} at=0s", *told]) for agent, told in spans.items())
    return f"workflow plan\n{text}"


def state(op: str, value: str | None = None, version: int | None = None) -> str:
    said = f"step state.key=plan state.op={op}"
    said += f" state.value={value}" if value is not None else ""
    return said + (f" state.version={version}" if version is not None else "")


def redis(query: str, result: str = "") -> str:
    return f"redis db.system.name=redis db.query.text={json.dumps(query)}" + (f" -> {result}" if result else "")


def sql(query: str) -> str:
    return f"sql db.system=postgresql db.statement={json.dumps(query)}"


READ, ROW = "SELECT balance FROM accounts WHERE id = 7", "UPDATE accounts SET balance = {} WHERE id = 7"


@pytest.mark.parametrize(
    ("accesses", "sure", "said"),
    [
        (
            ("north " + state('read', version=1), "south " + state('read', version=1),
             "north " + state('write', '{"did":"a"}', 2), "south " + state('write', '{"did":"b"}', 2)),
            "certain",
            "north and south both read plan (version 1) before either wrote it. Then north wrote {'did': 'a'}, and south "
            "wrote {'did': 'b'} over it, without having seen it. Both wrote version 2. Lost: {'did': 'a'}.",
        ),
        (
            ('north step state.key=plan state.before=["x"] state.after=["x","a"]',
             'south step state.key=plan state.before=["x"] state.after=["x","b"]'),
            "certain",
            "north wrote ['x', 'a'] at plan from what was there before. south then wrote ['x', 'b'] over it, without having "
            "seen it. Lost: ['a'].",
        ),
        (
            ("north " + redis('GET results', '["one"]'), "south " + redis('RPUSH results two'),
             "north " + redis('SET results ["one", "three"]')),
            "likely",
            "south added 'two' at results after north had read it ([\"one\"]). north then wrote ['one', 'three'] over it, "
            "without having seen it. Lost: 'two'.",
        ),
        (
            ("north " + redis('GET results'), "south " + redis('GET results'), "north " + redis('SET results ?'),
             "south " + redis('SET results ?')),
            "likely",
            "north and south both read results before either wrote it. Then north wrote, and south wrote over it, without "
            "having seen it.",
        ),
        (
            ("north " + sql(READ), "south " + sql(READ), "north " + sql(ROW.format(110)), "south " + sql(ROW.format(90))),
            "likely",
            "north and south both read accounts id = 7 before either wrote it. Then north wrote '110', and south wrote '90' "
            "over it, without having seen it. Lost: '110'.",
        ),
    ],
    ids=["versions", "snapshots", "a push into a list", "values that are not told", "rows"],
)  # fmt: skip
def test_a_recorded_update_is_lost(accesses: tuple[str, ...], sure: str, said: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, LostUpdate(), lanes(*accesses))
    assert (*grades([finding])[0], finding.message) == ("high", sure, said)


@pytest.mark.parametrize(
    "accesses",
    [
        ("north " + state('read', '[]'), "north " + state('write', '["alpha"]'), "south " + state('read', '["alpha"]'),
         "south " + state('write', '["beta"]')),
        ("north " + state('read', '[]'), "south " + state('read', '[]'), "north " + state('append', '"alpha"'),
         "south " + state('append', '"beta"')),
        ("north " + state('read', '[]'), "south " + state('read', '[]'), "north " + state('write', '["alpha"]'),
         "south " + state('write', '["beta"]'), "north " + state('read', '["alpha","beta"]')),
        ("north " + state('read'), "south " + state('read'), "north " + state('write', '1'),
         "south " + state("write", "2") + ' error="VersionConflictError: stale"'),
        ("north " + state('read'), "south " + state('read'), "north " + state('write', '"same"'), "south " + state('write', '"same"')),
        ("north " + redis('LRANGE results 0 -1'), "south " + redis('RPUSH results two'), "north " + redis('RPUSH results three')),
        ("north " + redis('GET a'), "south " + redis('GET b'), "north " + redis('SET a 1'), "south " + redis('SET b 2')),
        ("north " + sql(READ), "south " + sql(READ), "north " + sql(ROW.format('balance + 10')), "south " + sql(ROW.format('balance - 10'))),
        ("north " + sql(READ), "south " + sql(READ), "north " + sql(ROW.format(1)), "south " + sql(ROW.format(2) + ' AND version = 3')),
        ("north " + sql(READ), "south " + sql(READ), "north " + sql(ROW.format(1)), "south " + sql('UPDATE accounts SET owner = 2 WHERE id = 7')),
        ("north " + sql('SELECT a FROM t WHERE id = ?'), "south " + sql('SELECT a FROM t WHERE id = ?'),
         "north " + sql('UPDATE t SET a = ? WHERE id = ?'), "south " + sql('UPDATE t SET a = ? WHERE id = ?')),
    ],
    ids=[
        "read again", "appends", "the next read holds both", "refused", "the same value", "pushes", "other keys", "relative",
        "a version in the condition", "other columns", "rows that are not told",
    ],
)  # fmt: skip
def test_what_is_recorded_and_no_race(accesses: tuple[str, ...], tmp_path: Path) -> None:
    assert found(tmp_path, LostUpdate(), lanes(*accesses)) == []


def test_accesses_of_nobody_are_no_race(tmp_path: Path) -> None:
    steps = ('state.before=["x"] state.after=["x","a"]', 'state.before=["x"] state.after=["x","b"]')
    spans = "\n".join(f"  other save{i} state.key=plan {told}" for i, told in enumerate(steps))
    assert found(tmp_path, LostUpdate(), f"workflow plan\n{spans}") == []


def graph(after: str) -> str:
    return f"""
workflow plan
  agent north metadata.langgraph_step=2 {{"done": ["x"]}} -> {{"done": ["x", "from north"]}} at=0s
    llm gpt-4o -> "north is done"
  agent south metadata.langgraph_step=2 {{"done": ["x"]}} -> {{"done": ["x", "from south"]}} at=0s dur=900ms
    llm gpt-4o -> "south is done"
  agent east metadata.langgraph_step=3 {{"done": {after}}} -> {{"end": true}} at=2s
"""


def test_what_two_nodes_of_one_step_gave_back_is_lost_where_the_next_node_is_given_one_of_it(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, LostUpdate(), graph('["x", "from south"]'))
    assert (*grades([finding])[0], finding.agent) == ("high", "certain", "south")
    assert finding.message.endswith("Lost: ['from north'].")
    assert found(tmp_path, LostUpdate(), graph('["x", "from north", "from south"]')) == []
    assert found(tmp_path, LostUpdate(), graph('["summed up"]')) == []


def test_what_a_graph_gives_back_tells_which_of_two_nodes_lost(tmp_path: Path) -> None:
    def ended(state: str) -> list[Finding]:
        nodes = "\n".join(
            f'  agent {agent} metadata.langgraph_step=2 {{"step": 1}} -> {{"step": 2, "did": "{agent} acts"}} at={at}ms dur=300ms\n'
            f'    llm gpt-4o -> "{agent} is done" at={at}ms dur=200ms'
            for agent, at in (("north", 0), ("south", 100))
        )
        return found(tmp_path, LostUpdate(), f"workflow plan -> {state}\n{nodes}")

    assert [one.key for one in ended('{"step": 2, "did": "south acts"}')] == ["did value"]
    assert ended('{"step": 2, "did": ["north acts", "south acts"]}') == []


def test_a_tool_around_a_recorded_access_is_not_judged_by_its_name_as_well(tmp_path: Path) -> None:
    lane = """  agent {0} at=0s
    tool read_total {{}} -> 100 at={1}s dur=500ms
      other redis db.query.text="GET total" -> 100 at={1}s dur=100ms
    tool write_total {{"value": {2}}} -> "ok" at={3}s dur=500ms
      other redis db.query.text="SET total {2}" at={3}s dur=100ms"""
    text = "\n".join(["workflow w", lane.format("north", 0, 110, 2), lane.format("south", 1, 120, 3)])
    (finding,) = found(tmp_path, LostUpdate(), text)
    assert places(tmp_path, text, finding)[0] == "other redis"


STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("north", {"state.op": "read", "state.version": 1}),
    ("south", {"state.op": "read", "state.version": 1}),
    ("north", {"state.op": "write", "state.version": 2, "state.value": '{"did": "a"}'}),
    ("south", {"state.op": "write", "state.version": 2, "state.value": '{"did": "b"}'}),
)


def of_otlp(folder: Path) -> Path:
    spans: list[dict[str, Any]] = [{"name": "run", "id": "a0" * 8, "end": 9000}]
    for i, agent in enumerate(("north", "south")):
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent}
        spans.append({"name": agent, "id": f"b{i}" * 8, "parent": "a0" * 8, "end": 8000, "attributes": told})
    for i, (agent, told) in enumerate(STEPS):
        parent = "b0" * 8 if agent == "north" else "b1" * 8
        at = {"start": 1000 * i, "end": 1000 * i + 500}
        spans.append(
            {"name": "step", "id": f"c{i}" * 8, "parent": parent, "attributes": {"state.key": "plan", **told}, **at}
        )
    return otlp(folder, spans)


def of_json_lines(folder: Path) -> Path:
    file = folder / "steps.jsonl"
    lines = [
        {"trace_id": "t", "span_id": f"s{i}", "agent": agent, "name": "step", "kind": "state", "start": f"2026-01-01T00:00:0{i}Z",
         "end": f"2026-01-01T00:00:0{i}.5Z", "metadata": {"state.key": "plan", **told}}
        for i, (agent, told) in enumerate(STEPS)
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def of_langsmith(folder: Path) -> Path:
    file, root = folder / "runs.jsonl", "00000000-0000-0000-0000-0000000000ff"
    lines: list[dict[str, Any]] = [
        {"id": root, "trace_id": root, "name": "plan", "run_type": "chain", "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:09Z"}
    ]  # fmt: skip
    for i, (agent, told) in enumerate(STEPS):
        metadata = {"langgraph_node": agent, "state.key": "plan", **told}
        lines.append(
            {"id": f"00000000-0000-0000-0000-00000000000{i}", "trace_id": root, "parent_run_id": root, "name": "step", "run_type": "chain",
             "start_time": f"2026-01-01T00:00:0{i}Z", "end_time": f"2026-01-01T00:00:0{i}.5Z", "extra": {"metadata": metadata}}
        )  # fmt: skip
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


@pytest.mark.parametrize("written", [of_otlp, of_json_lines, of_langsmith])
def test_every_format_tells_of_the_same_race(written: Any, tmp_path: Path) -> None:
    with of_files(written(tmp_path)) as store:
        findings = [one for one in LostUpdate().find(store.reader()) if isinstance(one, Finding)]
    assert [(one.agent, one.confidence, one.key) for one in findings] == [("south", "certain", "plan value")]


def stale(decision: str, *, versions: bool = True, prompt: str = "12 are left") -> str:
    old, new = (" state.version=4", " state.version=5") if versions else ("", "")
    return f"""
workflow pricing
  agent seller at=0s
    state read state.key=stock state.op=read{old} state.value="a dozen" at=0s dur=100ms
    llm gpt-4o "{prompt}" -> "Sell 10." at={decision}
  agent buyer at=0s
    state write state.key=stock state.op=write{new} state.value="nothing at all" at=1s dur=100ms
"""


def test_a_decision_on_an_outdated_value(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, StaleRead(), stale("3s"))
    assert (*grades([finding])[0], finding.agent) == ("high", "certain", "seller")
    assert finding.message == (
        "seller decided on stock as it had read it (version 4, by then 5), but buyer had changed it 1.9 s before the decision "
        "began. It was not read again, and the prompt does not show the new value."
    )
    assert places(tmp_path, stale("3s"), finding) == ["llm gpt-4o", "state read", "state write"]
    assert grades(found(tmp_path, StaleRead(), stale("3s", versions=False))) == [("medium", "likely")]


@pytest.mark.parametrize(
    "text",
    [stale("500ms dur=100ms"), stale("3s", prompt="now nothing at all is left")],
    ids=["decided before the change", "was told"],
)
def test_decisions_that_are_not_outdated(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, StaleRead(), text) == []


def test_who_writes_what_it_had_read_loses_an_update_and_that_is_told_once(tmp_path: Path) -> None:
    text = (
        stale("3s") + "    state late state.key=stock state.op=write state.version=5 state.value=2 at=9s agent=seller\n"
    )
    assert found(tmp_path, StaleRead(), text) == []
    assert len(found(tmp_path, LostUpdate(), text)) == 1


def test_who_was_refused_knows_why_and_may_write_again(tmp_path: Path) -> None:
    reads = ("north " + state("read"), "south " + state("read"), "north " + state("write", "1"))
    refused = "south " + state("write", "2") + ' error="VersionConflictError: stale"'
    assert len(found(tmp_path, LostUpdate(), lanes(*reads, "south " + state("write", "2")))) == 1
    assert found(tmp_path, LostUpdate(), lanes(*reads, refused, "south " + state("write", "2"))) == []
