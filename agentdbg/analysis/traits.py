"""What runs have in common: agents, tools, models, prompt versions, errors and findings, each with the runs that have
it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from agentdbg.detectors.wording import clipped
from agentdbg.model import Finding, Reader
from agentdbg.steps.keys import key, masked

Sort = Literal["agent", "tool", "model", "prompt", "workflow", "error", "finding"]
_MOST_VERSIONS = 20
"""Versions of one agent's prompt, beyond which it holds data of the run and tells nothing."""

_TRAITS = """
    SELECT 'workflow', name, trace_id FROM traces
    UNION ALL SELECT 'agent', agent, trace_id FROM agent_turns
    UNION ALL SELECT 'tool', tool || coalesce(' of ' || agent, ''), trace_id FROM tool_calls WHERE tool IS NOT NULL
    UNION ALL SELECT 'model', model || coalesce(' for ' || agent, ''), trace_id FROM llm_calls WHERE model IS NOT NULL
    UNION ALL SELECT 'error', coalesce(error_type, 'error without a type') || ' in '
        || CASE kind WHEN 'llm' THEN 'a model call' ELSE coalesce(tool, name) END || coalesce(' of ' || agent, ''),
        trace_id
        FROM spans WHERE status = 'error' AND kind IN ('llm', 'tool', 'retriever')
"""
_PROMPTS = """
    WITH said AS (
        SELECT c.agent, m.trace_id, m.text FROM messages m JOIN llm_calls c USING (trace_id, span_id)
        WHERE m.direction = 'input' AND m.role = 'system' AND m.text IS NOT NULL AND c.agent IS NOT NULL
    )
    SELECT agent, text, list_sort(list(DISTINCT trace_id)) FROM said GROUP BY agent, text
    ORDER BY agent, min(trace_id), text
"""


class Trait(NamedTuple):
    """Something a run has or has not. what: in words that make sense behind its sort: `tool search of researcher`."""

    sort: Sort
    what: str


def traits(reader: Reader, findings: Iterable[Finding]) -> dict[Trait, frozenset[str]]:
    """Every trait with the ids of the runs that have it, in a stable order."""
    found: dict[Trait, set[str]] = defaultdict(set)
    for sort, what, trace_id in reader.rows(f"SELECT DISTINCT * FROM ({_TRAITS}) ORDER BY ALL"):
        if what:
            found[Trait(sort, what)].add(trace_id)
    for trait, trace_ids in _prompts(reader).items():
        found[trait] |= trace_ids
    for finding in findings:
        found[Trait("finding", finding.detector + (f" at {finding.agent}" if finding.agent else ""))].add(
            finding.trace_id
        )
    return {trait: frozenset(found[trait]) for trait in sorted(found)}


def _prompts(reader: Reader) -> dict[Trait, set[str]]:
    """The versions of each agent's system prompt, ids and times in them aside, by the first run that has them."""
    versions: dict[str, dict[int, tuple[str, set[str]]]] = defaultdict(dict)
    for agent, text, trace_ids in reader.rows(_PROMPTS):
        versions[agent].setdefault(key(masked(text)), (text, set()))[1].update(trace_ids)
    out: dict[Trait, set[str]] = {}
    for agent, of_agent in versions.items():
        if len(of_agent) > _MOST_VERSIONS:
            continue
        texts = [text for text, _ in of_agent.values()]
        for text, trace_ids in of_agent.values():
            what = f'of {agent}: "{_telling(text, texts)}"'
            out.setdefault(Trait("prompt", what), set()).update(trace_ids)
    return out


def _telling(text: str, others: Sequence[str]) -> str:
    """The part of a text from where it differs from most others, short."""
    own = text.split()
    shared = max((_common(own, other.split()) for other in others if other != text), default=0)
    start = max(0, shared - 3)
    return ("… " if start else "") + clipped(" ".join(own[start:]), 60)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    size = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        size += 1
    return size
