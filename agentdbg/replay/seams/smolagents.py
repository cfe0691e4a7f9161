"""Tools of smolagents."""

from __future__ import annotations

from typing import Any

from agentdbg.replay.asking import RUN, ask_tool

_OWN = "sanitize_inputs_outputs"


class Smolagents:
    """`Tool.__call__`, through which agents run tools, and code that they write as well. `final_answer` ends the run,
    which no recorded result can do."""

    modules = ("smolagents.tools",)

    def arm(self, module: Any) -> None:
        called = module.Tool.__call__

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            told = ask_tool(self.name, _arguments(self, args, kwargs), None, self.name == "final_answer")
            return called(self, *args, **kwargs) if told is RUN else told

        module.Tool.__call__ = call


def _arguments(tool: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """By name, however they were given."""
    named = {name: value for name, value in kwargs.items() if name != _OWN}
    if len(args) == 1 and not named and isinstance(args[0], dict):
        return dict(args[0])
    return {**dict(zip(tool.inputs, args, strict=False)), **named}
