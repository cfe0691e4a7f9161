"""`--target pkg.mod:function`: the function called with the recorded input, in a process of its own. Standard library
only."""

from __future__ import annotations

import asyncio
import inspect
import json
from importlib import import_module
from typing import Any

from agentdbg.replay.asking import tell


def main(target: str) -> None:
    """Import, call, and tell what it gave back."""
    given = tell("given", None)["given"]
    module, _, name = target.partition(":")
    function: Any = import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    try:
        out = function(**given) if isinstance(given, dict) else function(given)
        if inspect.isawaitable(out):
            out = asyncio.run(_finished(out))
    except Exception as error:
        tell("raised", f"{type(error).__name__}: {error}")
        raise
    tell("returned", json.loads(json.dumps(out, default=str)))


async def _finished(work: Any) -> Any:
    return await work
