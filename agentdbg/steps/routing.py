"""Steps that only pass work on: a tool named for a transfer, or an answer that names the next agent."""

from __future__ import annotations

import re
from collections.abc import Collection

from agentdbg.steps.keys import opened, scalars
from agentdbg.steps.sequence import Step

_TRANSFER = re.compile(r"^(?:transfer|hand_?off|delegate|route)(?:[_ A-Z]|$)")
_SHORT = 12  # words; an answer this short that names an agent sends work there


def passes_on(step: Step, agents: Collection[str]) -> bool:
    """Whether a step only decides who is next. `agents` are the names of all agents of the run."""
    others = {plain(agent) for agent in agents if agent != step.agent}
    if step.op == "tool":
        return _is_transfer(step.name or "", others)
    if step.calls:
        return all(_is_transfer(call, others) for call in step.calls)
    if step.answered is None:
        return False
    texts = [text for _, text in scalars(opened(step.answered.exact))]
    if any(plain(text) in others for text in texts):
        return True
    return sum(len(text.split()) for text in texts) <= _SHORT and any(_names(text, others) for text in texts)


def is_transfer(step: Step) -> bool:
    """Whether a step is a transfer by its name alone: a tool for it, or a decision to call such tools only."""
    names = (step.name or "",) if step.op == "tool" else step.calls
    return bool(names) and all(_TRANSFER.match(name) for name in names)


def hands_to(tool: str, agents: Collection[str]) -> bool:
    """Whether a tool is a transfer that names one of these agents: `transfer_to_billing`, not `transfer_funds`."""
    return bool(_TRANSFER.match(tool)) and _names(tool, {plain(agent) for agent in agents})


def plain(name: str) -> str:
    """A name as it is compared: lower case, words apart."""
    return re.sub(r"[\W_]+", " ", name).strip().lower()


def _is_transfer(tool: str, others: set[str]) -> bool:
    return bool(_TRANSFER.match(tool)) or _names(tool, others)


def _names(text: str, others: set[str]) -> bool:
    words = f" {plain(text)} "
    return any(f" {other} " in words for other in others)
