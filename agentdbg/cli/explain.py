"""`agentdbg explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from agentdbg.cli.options import Drawing
from agentdbg.cli.output import write
from agentdbg.errors import AgentdbgError


def command(
    drawing: Drawing,
    detector: Annotated[str | None, typer.Argument(metavar="[DETECTOR]", help="The id, as findings name it.")] = None,
    symptoms: Annotated[bool, typer.Option("--symptoms", help="From what you see to the command to type.")] = False,
) -> None:
    """What detectors find and what to do about it.

    With an id all that one says of itself, and its options.

    \b
    Examples:
      agentdbg explain
      agentdbg explain silent.empty
      agentdbg explain --symptoms
    """
    from agentdbg.check import contracts
    from agentdbg.check.alerts import IDS, RULES
    from agentdbg.cli.symptoms import SYMPTOMS
    from agentdbg.config import nearest
    from agentdbg.detectors import shelf
    from agentdbg.reporters import explain as pages

    if symptoms:
        if detector:
            raise AgentdbgError("--symptoms is a table of its own", f"agentdbg explain {detector}")
        write(
            drawing,
            {
                "text": lambda stream, look: pages.symptoms(SYMPTOMS, stream, look),
                "json": lambda stream, look: pages.symptoms_json(SYMPTOMS, stream),
            },
        )
        return
    known = shelf()
    every = {*known, *IDS, contracts.ID}
    if detector is not None and detector not in every:
        raise AgentdbgError(f"no detector is called {detector}", nearest(detector, every))
    docs = [pages.doc_of(name, kind) for name, kind in known.items() if detector in (None, name)]
    if detector in IDS:
        name = detector.partition(".")[2]
        rule = RULES[name]
        docs = [pages.doc_of_alert(name, rule.fires, rule.usual, rule.advice)]
    if detector == contracts.ID:
        docs = [pages.DetectorDoc(contracts.ID, contracts.DOC, {})]
    write(
        drawing,
        {
            "text": lambda stream, look: (
                pages.detector(docs[0], stream, look) if detector else pages.listing(docs, stream, look)
            ),
            "json": lambda stream, look: pages.as_json(docs, stream),
        },
    )
