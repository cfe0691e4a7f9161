"""`@agentdbg.replay.tool`: for tools that are plain functions, which no framework runs."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, TypeVar

from agentdbg.replay.asking import ADDRESS, RUN, ask_tool

Function = TypeVar("Function", bound=Callable[..., Any])


def tool(function: Function) -> Function:
    """While `agentdbg replay` runs the program, calls of the function give back what was recorded under its name, by
    its arguments. Otherwise it is the function itself."""
    if ADDRESS not in os.environ:
        return function
    signature = inspect.signature(function)

    def asked(args: Any, kwargs: Any) -> Any:
        return ask_tool(function.__name__, dict(signature.bind(*args, **kwargs).arguments))

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        told = asked(args, kwargs)
        return function(*args, **kwargs) if told is RUN else told

    @functools.wraps(function)
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        told = asked(args, kwargs)
        return await function(*args, **kwargs) if told is RUN else told

    return run_async if inspect.iscoroutinefunction(function) else run  # type: ignore[return-value]
