"""Equal input gives equal output, byte for byte: no clock, no randomness, no order of hashing."""

from __future__ import annotations

import pytest

from tests.commandline import SAMPLES, agentdbg

pytestmark = pytest.mark.slow  # every test starts processes

COMMANDS = [
    ("check", SAMPLES, "--format", "json"),
    ("check", SAMPLES / "drifting-handoff"),
    ("show", SAMPLES / "swallowed-exception"),
    ("traces", SAMPLES, "--json"),
    ("agents", SAMPLES, "--json"),
    ("metrics", SAMPLES, "--format", "prometheus"),
    ("why", SAMPLES / "empty-result", "--json"),
    ("handoffs", SAMPLES / "healthy-team"),
    ("suspects", SAMPLES, "--json"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(map(str, command[::2])))
def test_output_does_not_depend_on_the_hash_seed(command: tuple[str, ...]) -> None:
    first, second = (agentdbg(*command, env={"PYTHONHASHSEED": seed}) for seed in ("1", "4242"))
    assert first.stdout
    assert first == second
