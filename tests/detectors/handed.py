"""Runs in which agents hand work on, in a line each.

    run(("extractor", {"vendor": "Acme"}), ("scorer", "fine"))

is one run: extractor says a JSON object, scorer gets it and says "fine". Span ids are agent0, llm0, agent1, …
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agentdbg.model import Detector, Finding, Skipped
from tests.stores import of_sketch

Step = tuple[str, object]


def run(
    *steps: Step,
    failed: str | None = None,
    model: str = "gpt-4o",
    name: str = "pipeline",
    recorded: bool = True,
    reader_sees: object = None,
) -> str:
    """The sketch of a run of agents, one after another.

    failed: error with which the run ends, on its last agent where that said nothing, else between the agents.
    reader_sees: what the last agent gives its tool.
    """
    died = failed is not None and steps[-1][1] is None
    error = f" error={json.dumps(failed)}" if failed else ""
    lines = [f"workflow {json.dumps(name)}" + error]
    for i, (agent, said) in enumerate(steps):
        lines.append(f"  agent {agent} id=agent{i}" + (error if died and i == len(steps) - 1 else ""))
        if said is not None:
            text = said if isinstance(said, str) else json.dumps(said)
            lines.append(f"    llm {model} id=llm{i}" + (f" -> {json.dumps(text)}" if recorded else ""))
    if reader_sees is not None:
        lines.append(f'    tool act {json.dumps(reader_sees)} -> "done"')
    return "\n".join(lines)


class Runs:
    """Runs an hour apart, t00, t01, … in a store. `judged` are the numbers of those that are judged, None is all."""

    def __init__(self, folder: Path, runs: Sequence[str], judged: Sequence[int] | None = None) -> None:
        self._folder = folder
        self._text = "\n".join(f"trace id=t{i:02}\n{text}" for i, text in enumerate(runs))
        self._judged = None if judged is None else [f"t{i:02}" for i in judged]

    def ask(self, detector: Detector) -> list[Finding | Skipped]:
        with of_sketch(self._folder, self._text) as store:
            return list(detector.find(store.reader(self._judged)))
