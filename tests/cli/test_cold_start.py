"""`--help` answers at once: what is slow to import is imported by the command that needs it (tests/test_house_imports.py)."""

from __future__ import annotations

import os

import pytest

from tests.commandline import agentdbg


def seconds_of(argument: str) -> float:
    """Processor time of a run: the clock on the wall also counts what the machine does besides."""
    before = os.times()
    assert agentdbg(argument).exit_code == 0
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_takes_less_than_150_ms(argument: str) -> None:
    assert min(seconds_of(argument) for _ in range(5)) < 0.150
