"""What agentdbg tells of the files a real library wrote, in words that fit on a line."""

from __future__ import annotations

import json
from pathlib import Path

from agentdbg.model import Span, Trace
from tests.stores import of_files


def trace(folder: Path) -> Trace:
    """The one trace that the files of a folder hold together."""
    reader = of_files(*sorted(folder.iterdir())).reader()
    [trace_id] = reader.trace_ids()
    return reader.trace(trace_id)


def calls(found: Trace) -> list[str]:
    """agent, model, tokens in and out, status of every model call."""
    return [f"{call.agent} {call.model} {call.input_tokens} {call.output_tokens} {call.status}" for call in found.calls]


def tools(found: Trace) -> list[str]:
    """agent, tool, arguments, result, status of every tool call but handoffs."""
    return [
        f"{span.agent} {span.tool} {_plain(span.input)} {_plain(span.output)} {span.status}"
        for span in found.spans
        if span.kind == "tool" and span.handoff_to is None
    ]


def said(found: Trace) -> list[str]:
    """What every model call was given, and what it answered."""
    by_id = found.by_id()
    return [f"{_talk(by_id[call.span_id].input)} -> {_talk(by_id[call.span_id].output)}" for call in found.calls]


def failures(found: Trace) -> list[str | None]:
    """What went wrong, by class, of every span that failed."""
    return [span.error_type for span in found.spans if span.status == "error"]


def grades(found: Trace) -> list[str]:
    return [call.replayable for call in found.calls]


def named(found: Trace, name: str) -> Span:
    [span] = [span for span in found.spans if span.name == name]
    return span


def _plain(payload: str | None) -> object:
    """A payload without the spaces that writers of JSON set as they like."""
    return None if payload is None else json.dumps(json.loads(payload))


def _talk(payload: str | None) -> str | None:
    if payload is None:
        return None
    return ", ".join(
        f"{message['role']}: {_part(part)}" for message in json.loads(payload) for part in message["parts"]
    )


def _part(part: dict[str, object]) -> object:
    if part["type"] == "tool_call":
        return f"{part['name']}({json.dumps(part['arguments'])})"
    return part["result"] if part["type"] == "tool_result" else part["text"]
