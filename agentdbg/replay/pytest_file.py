"""The test that runs a case, for people to keep beside it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from agentdbg.replay.case_file import SUFFIX

_FILE = '''\
"""Written by `agentdbg case`: {}, with the recorded answers. No model is asked, no key needed.

It fails when the program asks a model something else than recorded, and says what and where. A change that is meant:
agentdbg replay {} --update --reason "why" {}
"""

import pytest


@pytest.mark.agentdbg_case({marker})
def test_{name}(agentdbg_case):
    agentdbg_case.assert_reproduced()
'''


def beside(case: Path) -> Path:
    """Where the test of a case stands."""
    return case.with_name(f"test_{_name(case)}.py")


def written(case: Path, what: str, program: Sequence[str] | None, target: str | None, arguments: Sequence[str]) -> str:
    """The test. `what` is run, in words; without a program and a target the test is skipped until it names one."""
    marker, how = [_quoted(case.name)], "-- PROGRAM"
    if target is not None:
        marker.append(f"target={_quoted(target)}")
        how = f"--target {target}"
        if arguments:
            marker.append(f"args=[{', '.join(map(_quoted, arguments))}]")
    elif program:
        marker.append(f"program=[{', '.join(map(_quoted, program))}]")
        how = f"-- {shlex.join(program)}"
    place = shlex.quote(case.name if case.is_absolute() else case.as_posix())  # of who runs it where it was written
    told = (_in_docstring(one) for one in (what, place, how))
    return _FILE.format(*told, marker=", ".join(marker), name=_name(case))


def _name(case: Path) -> str:
    return re.sub(r"\W+", "_", case.name.removesuffix(SUFFIX).removesuffix(".json")).strip("_").lower() or "case"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', r"\"\"\"")
