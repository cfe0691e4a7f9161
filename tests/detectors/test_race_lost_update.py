"""Two agents read, both write, and the second write undoes the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.race.lost_update import LostUpdate
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, places


def race(*accesses: str) -> str:
    """`north` and `south` at work side by side: agent, then a tool with its arguments and result, at so many seconds."""
    lanes: dict[str, list[str]] = {}
    for at, access in enumerate(accesses):
        agent, _, told = access.partition(" ")
        lanes.setdefault(agent, []).append(f"    tool {told} at={at}s dur=500ms")
    text = "\n".join("\n".join([f"  agent {agent} parallel at=0s", *told]) for agent, told in lanes.items())
    return f"workflow booking\n{text}"


def losses(folder: Path, *accesses: str) -> list[Finding]:
    return found(folder, LostUpdate(), race(*accesses))


BOTH_READ = ("north read_total {} -> 100", "south read_total {} -> 100")


def test_the_second_of_two_that_had_read_the_same(tmp_path: Path) -> None:
    told = (*BOTH_READ, 'north write_total {"value": 110} -> "ok"', 'south write_total {"value": 120} -> "ok"')
    (finding,) = losses(tmp_path, *told)
    assert grades([finding]) == [("high", "likely")]
    assert finding.agent == "south"
    assert finding.message == (
        "north and south both read total (100) before either wrote it. Then north wrote 110, and south wrote 120 over it, "
        "without having seen it."
    )
    assert places(tmp_path, race(*told), finding) == [
        "tool write_total", "tool read_total", "tool read_total", "tool write_total",
    ]  # fmt: skip


def test_each_further_write_undoes_the_one_before_it(tmp_path: Path) -> None:
    (finding,) = losses(
        tmp_path, *BOTH_READ, "west read_total {} -> 100",
        'north write_total {"value": 1}', 'south write_total {"value": 2}', 'west write_total {"value": 3}',
    )  # fmt: skip
    assert finding.message.endswith("The same again 1 time: west over south.")


def test_only_the_same_place_is_raced_for(tmp_path: Path) -> None:
    def booked(first: str, second: str) -> list[Finding]:
        return losses(
            tmp_path,
            f'north get_order {{"id": "{first}"}} -> "open"', f'south get_order {{"id": "{second}"}} -> "open"',
            f'north update_order {{"id": "{first}", "state": "paid"}}', f'south update_order {{"id": "{second}", "state": "sent"}}',
        )  # fmt: skip

    assert [finding.key for finding in booked("A1", "A1")] == ["order state"]
    assert booked("A1", "B2") == []


@pytest.mark.parametrize(
    "accesses",
    [
        ("north read_total {} -> 100", 'north write_total {"value": 110}', "south read_total {} -> 110", 'south write_total {"value": 130}'),
        (*BOTH_READ, 'north write_total {"value": 110}', 'south write_total {"value": 110}'),
        (*BOTH_READ, 'north write_total {"value": 110}', 'south write_total {"value": 120} error="ConflictError: stale"'),
        (*BOTH_READ, 'north write_total {"value": 110}', 'south write_total {"value": 120} -> {"error": "version conflict"}'),
        (*BOTH_READ, 'north write_total {"value": 110, "version": 1}', 'south write_total {"value": 120, "version": 1}'),
        (*BOTH_READ, 'north add_total {"value": 10}', 'south add_total {"value": 20}'),
        ("north read_list {} -> []", "south read_list {} -> []", 'north write_list {"items": ["a"]}', 'south write_list {"items": ["a", "b"]}'),
        ('north get_order {"id": 1}', 'south get_order {"id": 1}', 'north update_order {"id": 1, "state": "paid"}', 'south update_order {"id": 1, "address": "x"}'),
        (*BOTH_READ, 'north write_total {"value": 110}', "south read_total {} -> 110", 'south write_total {"value": 130}'),
        ('north write_total {"value": 110}', 'south write_total {"value": 120}'),
        ("north read_total {} -> 100", 'north write_total {"value": 110}', 'north write_total {"value": 120}'),
        ("north load_memory {}", "south load_memory {}", 'north save_memory {"key": "plan", "value": 1}', 'south save_memory {"key": "budget", "value": 2}'),
        ("north read_log {} -> []", "south read_log {} -> []", 'north write_log {"line": "a"}', 'south write_log {"line": "b"}'),
        (
            'north read_file {"path": "p"}', 'south read_file {"path": "p"}',
            'north write_file {"path": "p", "mode": "append", "text": "a"}', 'south write_file {"path": "p", "mode": "append", "text": "b"}',
        ),
        (*BOTH_READ, 'north write_total {"value": 110}', 'south write_total {"value": 120} -> {"status": "conflict", "reason": "stale"}'),
        ("north read_total {} -> 100", "south read_budget {} -> 100", 'north write_total {"value": 110}', 'south write_budget {"value": 120}'),
    ],
    ids=[
        "one after the other", "same value", "refused", "refused in the body", "names its version", "adds", "keeps both",
        "other fields", "read again", "nobody read", "one agent", "other keys", "a log", "appends", "conflict", "other things",
    ],
)  # fmt: skip
def test_what_is_no_race(accesses: tuple[str, ...], tmp_path: Path) -> None:
    assert losses(tmp_path, *accesses) == []


def test_an_agent_that_was_told_what_had_been_written_knew_it(tmp_path: Path) -> None:
    text = """
workflow booking
  agent boss at=0s
    tool read_total {} -> 100 at=0s dur=500ms
    agent clerk at=1s
      tool read_total {} -> 100 at=1s dur=500ms
      tool write_total {"value": 110} -> "ok" at=2s dur=500ms
    llm gpt-4o "The clerk has written 110." -> "I add 20." at=3s dur=500ms
    tool write_total {"value": 130} -> "ok" at=4s dur=500ms
"""
    assert found(tmp_path, LostUpdate(), text) == []


def test_values_that_are_nested_without_end_are_no_bug_of_ours(tmp_path: Path) -> None:
    deep = '{"a": ' * 300 + "1" + "}" * 300
    told = (
        *BOTH_READ,
        f'north write_total {{"value": {deep}}}',
        f'south write_total {{"value": {deep.replace("1", "2")}}}',
    )
    assert losses(tmp_path, *told) == []
