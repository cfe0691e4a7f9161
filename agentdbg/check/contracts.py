"""Declared contracts: what one agent hands another, held against the JSON Schema that the project wrote for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentdbg.contracts.envelope import open_payload
from agentdbg.contracts.payload import sent
from agentdbg.detectors.wording import clipped, counted
from agentdbg.errors import AgentdbgError
from agentdbg.model import Evidence, Finding, Reader, Skipped, Trace

ID = "contract.broken"
DOC = """\
A message between two agents that breaks the contract which the project declared for it.

The contract is a JSON Schema file, named for an edge in agentdbg.toml; * stands for any agent:

    [contracts]
    "extractor -> scorer" = "schemas/invoice.json"

Every message on that edge is validated, text by what it holds as JSON; JSON in a code fence or in prose is text, and no
object. What is not recorded or was cut is not judged, nor is a transfer that comes without words of its own.

**What to do**: validate the message where it is handed over, and send the error back to the model that wrote it."""
ANY = "*"
_SHOWN = 3
_EDGES = "SELECT DISTINCT trace_id, from_agent, to_agent FROM handoffs ORDER BY ALL"


@dataclass(frozen=True, slots=True)
class _Contract:
    """A declared schema of an edge, and the file it stands in."""

    edge: tuple[str, str]
    path: Path
    validator: Any

    def is_of(self, sender: str, receiver: str) -> bool:
        return all(name in (ANY, agent) for name, agent in zip(self.edge, (sender, receiver), strict=True))

    def breaches(self, value: object) -> list[tuple[str, str]]:
        """(where in the message and which rule, in words) of each breach, the outermost first."""
        from referencing.exceptions import Unresolvable

        try:
            found = sorted(self.validator.iter_errors(value), key=lambda error: (error.json_path, error.message))
        except Unresolvable as error:
            raise AgentdbgError(
                f"{self.path}: it refers to {error.ref}, which is not in it", "put the parts it refers to into one file"
            ) from error
        return [(f"{error.json_path} {error.validator}", _words(error.json_path, error.message)) for error in found]


@dataclass(slots=True)
class _Edge:
    """The messages of one edge of a run: how many are recorded, and which break the contract."""

    contract: _Contract
    seen: int = 0
    broken: list[tuple[str, str | None, list[tuple[str, str]]]] = field(default_factory=list)


def broken(
    reader: Reader, declared: Mapping[tuple[str, str], Path], among: Sequence[Finding]
) -> tuple[list[Finding], list[Skipped]]:
    """The findings with one for each run and edge that breaks its contract, which tells what handoff.schema found about
    the same messages too; and the contracts that could not be judged. AgentdbgError for a schema that is none."""
    contracts = [_read(edge, path) for edge, path in sorted(declared.items())]
    concerned: dict[str, list[_Contract]] = {}
    met: set[tuple[str, str]] = set()
    for trace_id, sender, receiver in reader.rows(_EDGES) if contracts else ():
        for contract in contracts:
            if contract.is_of(sender, receiver):
                concerned.setdefault(trace_id, []).append(contract)
                met.add(contract.edge)
    skipped = [
        Skipped(ID, None, f"no handoff {_told(one.edge)} in these runs") for one in contracts if one.edge not in met
    ]
    found: list[Finding] = []
    judged = (trace_id for trace_id in reader.trace_ids() if trace_id in concerned)
    for trace in reader.traces(judged):
        for edge, of in _edges(trace, concerned[trace.trace_id]).items():
            if not of.seen:
                skipped.append(Skipped(ID, trace.trace_id, f"what {_told(edge)} hands over is not recorded"))
            if of.broken:
                found.append(_finding(trace, edge, of))
    return [*_without(among, found), *found], skipped


def _read(edge: tuple[str, str], path: Path) -> _Contract:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    try:
        schema = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AgentdbgError(
            f"{path} cannot be read: {error.strerror or error}", f"it is the contract {_told(edge)}"
        ) from error
    except ValueError as error:
        raise AgentdbgError(f"{path} is no JSON: {error}", f"it is the contract {_told(edge)}") from error
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise AgentdbgError(
            f"{path} is no JSON Schema: {clipped(error.message)}", f"see {error.json_path} in it"
        ) from error
    return _Contract(edge, path, kind(schema, registry=Registry()))  # which looks nothing up on the network


def _edges(trace: Trace, contracts: Sequence[_Contract]) -> dict[tuple[str, str], _Edge]:
    edges: dict[tuple[str, str], _Edge] = {}
    seen: set[tuple[str, str]] = set()
    for handoff in trace.handoffs:
        contract = next((one for one in contracts if one.is_of(handoff.from_agent, handoff.to_agent)), None)
        if contract is None:
            continue
        here = edges.setdefault((handoff.from_agent, handoff.to_agent), _Edge(contract))
        span_id, value = sent(trace, handoff)
        if value in (None, "") or (handoff.to_agent, span_id) in seen:
            continue
        seen.add((handoff.to_agent, span_id))
        here.seen += 1
        opened = open_payload(value)
        if breaches := contract.breaches(opened.value if opened.envelope == "json" else value):
            here.broken.append((span_id, handoff.receiver_span_id, breaches))
    return edges


def _finding(trace: Trace, edge: tuple[str, str], of: _Edge) -> Finding:
    span_id, reader_id, breaches = of.broken[0]
    more = f", and {len(breaches) - 1} more" if len(breaches) > 1 else ""
    said = "; ".join(words for _, words in breaches[:_SHOWN])
    notes = {span_id: clipped(breaches[0][1])}
    if reader_id:
        notes.setdefault(reader_id, f"{edge[1]} reads it")
    for again, _, _ in of.broken[1 : _SHOWN + 1]:
        notes.setdefault(again, "the same contract broken again")
    rules = sorted({rule for _, _, every in of.broken for rule, _ in every})
    return Finding(
        detector=ID,
        severity="high",
        confidence="certain",
        title=clipped(f"{_told(edge)} breaks its contract: {breaches[0][1]}{more}", 100),
        message=(
            f"What {edge[0]} handed {edge[1]} breaks the contract {of.contract.path.name}: {said}. "
            f"{len(of.broken)} of {counted(of.seen, 'message')} on this edge break{'s' * (len(of.broken) == 1)} it."
        ),
        trace_id=trace.trace_id,
        agent=edge[0],
        evidence=tuple(
            Evidence(one, "related" if place else "primary", note) for place, (one, note) in enumerate(notes.items())
        ),
        advice="Validate the message where it is handed over, and send the error back to the model that wrote it.",
        next=f"agentdbg handoffs {trace.trace_id}",
        key=f"{_told(edge)}: {'; '.join(rules)}",
    )


def _without(among: Sequence[Finding], found: Sequence[Finding]) -> Iterator[Finding]:
    """The findings without those of handoff.schema about a message that a contract tells of, for sure."""
    told = {(one.trace_id, one.agent, piece.span_id) for one in found for piece in one.evidence}
    for one in among:
        if one.detector != "handoff.schema" or (one.trace_id, one.agent, one.primary.span_id) not in told:
            yield one


def _told(edge: tuple[str, str]) -> str:
    return f"{edge[0]} → {edge[1]}"


def _words(path: str, message: str) -> str:
    where = path.removeprefix("$").lstrip(".")
    return clipped(f"`{where}`: {message}" if where else message)
