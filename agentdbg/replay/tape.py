"""What recorded tools gave back, for a program that runs again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentdbg.errors import AgentdbgError
from agentdbg.replay.inspection import ToolUse
from agentdbg.replay.items import value_of
from agentdbg.steps.keys import canonical

Do = Literal["answer", "fail", "live", "stop"]
_PREFIXES = ("transfer_to_", "handoff_to_", "hand_off_to_")
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes of a tool that a program runs. answer: `result`, a JSON value, instead of running it. fail: as it
    did when recorded, with `message`. live: it runs. stop: the program ends, because of `message`. why: what decided,
    `recorded`, `override` where that is the user's, `live`, `deny`, `stub`, `hands over`, `runs an agent`, `miss`, or
    `not recorded` where the recording cannot tell."""

    do: Do
    why: str
    result: Any = None
    message: str = ""
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """What the user wants of tools by name: recorded, live, deny or stub:FILE; `*` stands for all others."""

    by_tool: Mapping[str, str]

    @classmethod
    def of(cls, options: Sequence[str]) -> Policies:
        """From `NAME=POLICY`; AgentdbgError for what is none. Stubs are read now."""
        told: dict[str, str] = {}
        for option in options:
            name, equals, policy = option.partition("=")
            if not equals or not name or not (policy in ("recorded", "live", "deny") or policy.startswith("stub:")):
                raise AgentdbgError(
                    f"--tool {option} is no policy", "--tool NAME=recorded, =live, =deny or =stub:FILE; * is every tool"
                )
            told[name] = f"stub:{_stub(policy[5:])}" if policy.startswith("stub:") else policy
        return cls(told)

    def of_tool(self, tool: str) -> str | None:
        """The policy, None where the user has not said."""
        return self.by_tool.get(tool, self.by_tool.get(EVERY))


def _stub(path: str) -> str:
    try:
        text = Path(path).read_text("utf-8")
    except OSError as problem:
        raise AgentdbgError(f"{path} cannot be read: {problem.strerror}") from problem
    return text.strip()


class Tape:
    """The recorded uses of tools, each given back once. `agents`: tools inside which recorded agents worked, which run
    so that these are replayed as well. has_spans: whether tools that no model asked for are recorded, too."""

    def __init__(
        self,
        uses: Sequence[ToolUse],
        policies: Policies,
        agents: frozenset[str] = frozenset(),
        has_spans: bool = True,
    ) -> None:
        self._uses = list(uses)
        self._has_spans = has_spans
        self._served: set[int] = set()
        self._policies = policies
        self._agents = agents

    def ask(self, tool: str, arguments: Any, call_id: str | None, hands_over: bool = False) -> Told:
        """What a program gets that is about to run a tool. hands_over: the program knows that the tool passes control
        on, which a recorded result cannot do."""
        n = self._find(tool, value_of(arguments) or {}, call_id)
        if n is not None and self._uses[n].result_from == "override":
            return self._given(n)
        policy = self._policies.of_tool(tool)
        if policy == "live":
            return Told("live", "live")
        if policy == "deny":
            return Told("stop", "deny", message=f"the tool {tool} was called, which --tool {tool}=deny forbids")
        if policy is not None and policy.startswith("stub:"):
            return Told("answer", "stub", value_of(policy[5:]))
        if policy is None and (hands_over or tool.startswith(_PREFIXES)):
            return Told("live", "hands over")
        if policy is None and tool in self._agents:
            return Told("live", "runs an agent")
        return self._missed(tool, arguments) if n is None else self._given(n)

    def arguments(self, tool: str) -> list[Any]:
        """What a tool was called with, each time."""
        return [value_of(use.arguments) or {} for use in self._uses if use.tool == tool]

    def _find(self, tool: str, arguments: Any, call_id: str | None) -> int | None:
        """By id, which the served answers carry on; where that does not fit, by arguments, each use once."""
        fit = [n for n, use in enumerate(self._uses) if use.tool == tool and _agree(use.arguments, arguments)]
        same = [n for n in fit if call_id and self._uses[n].call_id == call_id]
        return next(iter(same or [n for n in fit if n not in self._served]), None)

    def _given(self, n: int) -> Told:
        self._served.add(n)
        use = self._uses[n]
        if use.result_from is not None:
            why = "override" if use.result_from == "override" else "recorded"
            return Told("answer", why, use.result, span_id=use.span_id)
        if use.error is not None:
            return Told("fail", "recorded", message=use.error, span_id=use.span_id)
        message = f"the result of {use.tool} is recorded nowhere; --tool {use.tool}=live runs it"
        return Told("stop", "not recorded", message=message, span_id=use.span_id)

    def _missed(self, tool: str, arguments: Any) -> Told:
        shown = canonical(value_of(arguments) or {})
        shown = shown if len(shown) <= 200 else shown[:200] + "…"
        same = [use for use in self._uses if use.tool == tool]
        if not same and not self._has_spans:
            message = (
                f"the recording holds no tools but those that a model asked for, and the tool {tool} is none of them"
            )
            return Told("stop", "not recorded", message=f"{message}; --tool {tool}=live runs it")
        if not same:
            message = f"the tool {tool} was never called in the recording, now with {shown}"
        elif any(_agree(use.arguments, value_of(arguments) or {}) for use in same):
            message = f"the tool {tool} was called once more than recorded, with {shown}"
        else:
            was = canonical(value_of(same[0].arguments) or {})
            message = f"the tool {tool} was called with {shown}, recorded with {was[:200]}"
        return Told("stop", "miss", message=message, span_id=same[0].span_id or same[0].asked_by if same else None)


def _agree(recorded: Any, live: Any) -> bool:
    """Whether the arguments are those that were recorded; frameworks add defaults and state of their own to them."""
    recorded = value_of(recorded) or {}
    if isinstance(recorded, dict) and isinstance(live, dict):
        return all(name in live and canonical(live[name]) == canonical(value) for name, value in recorded.items())
    if isinstance(live, dict) and len(live) == 1:  # a tool of one argument, which some record bare
        live = next(iter(live.values()))
    return canonical(recorded) == canonical(live)
