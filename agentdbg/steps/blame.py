"""Who in a cycle is to be mended: the agent whose unresolved answer drives the next lap, not the one that routes."""

from __future__ import annotations

from agentdbg.model import Trace
from agentdbg.steps.demand import demanded
from agentdbg.steps.interruptions import shingles
from agentdbg.steps.laps import Cycle
from agentdbg.steps.routing import passes_on


def agent_at_fault(trace: Trace, cycle: Cycle) -> str | None:
    """The agent of a cycle that leaves its task unresolved; None where the steps have no agent.

    Those that only decide who is next are left out unless all do. Of the others: the one that asks for more and
    is read by another, else the one that is called by another, else the one whose answer ends the lap.
    """
    agents = cycle.agents
    if len(agents) < 2:
        return agents[0] if agents else None
    names = {*agents, *(turn.agent for turn in trace.turns)}
    workers = [agent for agent in agents if not _only_routes(cycle, agent, names)] or list(agents)
    asking = [agent for agent in workers if _asks_for_more(cycle, agent)]
    if asking:
        return next((agent for agent in reversed(asking) if _is_read(cycle, agent)), asking[-1])
    depth = _depths(trace)
    deepest = max(depth.get(agent, 0) for agent in workers)
    return [agent for agent in workers if depth.get(agent, 0) == deepest][-1]


def _only_routes(cycle: Cycle, agent: str, names: set[str]) -> bool:
    return all(passes_on(step, names) for step in cycle.steps if step.agent == agent)


def _asks_for_more(cycle: Cycle, agent: str) -> bool:
    answers = [step.answered for step in cycle.steps if step.agent == agent and step.op != "tool" and not step.calls]
    asking = [answer for answer in answers if answer and demanded(answer.exact, None) is not None]
    return bool(answers) and 2 * len(asking) > len(answers)


def _is_read(cycle: Cycle, agent: str) -> bool:
    """Whether an answer of the agent is in what another one is given before a lap is over."""
    for i, step in enumerate(cycle.steps):
        if step.agent != agent or step.answered is None or step.op == "tool":
            continue
        words = shingles(step.answered.exact)
        later = cycle.steps[i + 1 : i + 1 + cycle.period]
        read = (set(shingles(one.asked.exact)) for one in later if one.agent != agent and one.asked)
        if any(2 * sum(word in given for word in words) >= len(words) for given in read):
            return True
    return False


def _depths(trace: Trace) -> dict[str, int]:
    """How deep below other agents' turns each agent works."""
    turns = {turn.span_id: turn for turn in trace.turns}
    deep: dict[str, int] = {}
    for turn in trace.turns:
        seen, above = {turn.span_id}, turns.get(turn.parent_turn_id or "")
        while above is not None and above.span_id not in seen:
            seen.add(above.span_id)
            above = turns.get(above.parent_turn_id or "")
        deep[turn.agent] = max(deep.get(turn.agent, 0), len(seen) - 1)
    return deep
