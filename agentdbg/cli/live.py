"""`agentdbg replay SPAN_ID --live`: the recorded question, asked of a model for real. Nothing else reaches out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentdbg.cli import messages
from agentdbg.cli.output import write
from agentdbg.errors import INTERRUPTED, NOT_JUDGED, AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.options import Drawing
    from agentdbg.cli.recording import Recording
    from agentdbg.cli.whatif import Supposing


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked for real."""

    live: Annotated[
        bool, typer.Option("--live", help="Ask a real model the recorded question, again and again: prompt or chance?")
    ] = False
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="--live: where, as http://localhost:8000/v1.")
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="--live: another model than the recorded one.")
    ] = None
    samples: Annotated[int, typer.Option("-n", min=1, max=1000, metavar="N", help="--live: how often.")] = 20
    predicates: Annotated[
        list[str],
        typer.Option("--predicate", metavar="TEST", help="--live: what to count, as 'tool==refund'; repeatable."),
    ] = ()  # type: ignore[assignment]
    api: Annotated[
        Literal["chat", "responses", "messages", "gemini"] | None,
        typer.Option("--api", help="--live: the API there; else the recorded one."),
    ] = None
    key_name: Annotated[
        str | None,
        typer.Option("--key-env", metavar="NAME", help="--live: the variable with the key; else OPENAI_API_KEY, ..."),
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="--live: seeds from N on, one a question.")
    ] = None

    @property
    def stray(self) -> str | None:
        """An option that says how to ask, where nothing is asked."""
        told = {
            "--base-url": self.base_url, "--model": self.model, "--predicate": self.predicates, "--api": self.api,
            "--key-env": self.key_name, "--seed": self.seed is not None,
        }  # fmt: skip
        return None if self.live else next((name for name, value in told.items() if value), None)


def asked_for_real(recorded: Recording, asking: Asking, supposing: Supposing, drawing: Drawing) -> None:
    """Ask, and report; what was had when Ctrl-C came is reported as well."""
    from agentdbg.replay.live import How, measure, prepare
    from agentdbg.replay.measured import to_json
    from agentdbg.replay.predicate import predicate
    from agentdbg.reporters.live import text

    if asking.base_url is None:
        raise AgentdbgError("--live says where to ask", "--live --base-url http://localhost:8000/v1")
    if supposing.outputs:
        raise AgentdbgError("--live asks for answers, so that there is none to override", "--set changes the question")
    how = How(asking.base_url, asking.model, asking.api, asking.key_name, asking.seed, asking.samples)
    wanted = predicate(asking.predicates) if asking.predicates else None
    question = prepare(recorded.reader, recorded.trace_id, recorded.span_id, how, supposing.sets)
    if recorded.redaction is not None:
        messages.note("the recording is redacted: the model is asked about placeholders")
    messages.note(f"asking {question.there.shown} {asking.samples} times; Ctrl-C keeps the answers that came")
    done = measure(question, wanted)
    as_json = json.dumps(to_json(done), indent=1) + "\n"
    write(
        drawing,
        {"text": lambda stream, look: text(done, stream, look), "json": lambda stream, look: stream.write(as_json)},
    )
    raise typer.Exit(INTERRUPTED if done.interrupted else 0 if done.answered else NOT_JUDGED)
