"""What a program made of a recording that was changed: as far as what is recorded tells, and where that ends. A
question that nobody recorded has no answer, which is no fault of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentdbg.model import Finding
from agentdbg.replay.journal import Request, ToolRequest
from agentdbg.replay.playback import in_short, in_words
from agentdbg.replay.replayed import Verdict
from agentdbg.replay.rerun import Rerun

_GO_ON = "to go on, say what the model answers there: --override-output {0}=FILE"
_GO_ON_TOOL = "to go on, let the tool run (--tool {0}=live) or say what it gives back (--tool {0}=stub:FILE)"


@dataclass(frozen=True, slots=True)
class Effect:
    """ends: the place where evidence ends, and why, in full."""

    verdict: Verdict
    reason: str
    hint: str | None = None
    ends: str | None = None


def effect_of(rerun: Rerun, plain: Verdict, findings: Sequence[Finding]) -> Effect | None:
    """What the changes did, where one of them took effect; `plain` and the findings are what is said of a replay
    without any. None where the program went another way before, or did not get so far that anything could be said."""
    begun = _begun(rerun)
    if begun is None:
        if plain != "reproduced":
            return None
        places = ", ".join(dict.fromkeys(change.where for change in rerun.changes))
        return Effect("not_judged", f"the change took no effect: {places} was never asked for")
    journal = rerun.playback.journal
    if any(one.match.call is None and one.number <= begun for one in journal.requests):
        return None
    if ended := _end(rerun, begun):
        return ended
    if plain == "not_judged":
        return None
    worst = next((one for one in findings if one.severity != "low"), None)
    if worst is not None:
        return Effect("changed", f"with the change, {worst.title}")
    other = next((one for one in journal.requests if one.match.assumed is not None), None)
    if other is not None:
        words = f"call {other.number} asks something else than recorded, and is given the answer supposed"
        return Effect("changed", f"with the change, {words}")
    count = len(rerun.playback.matcher.served)
    return Effect("unchanged", f"with the change, the program asked all {count} calls as recorded")


def _begun(rerun: Rerun) -> int | None:
    """How many questions had come when the first change took effect; None where none did."""
    journal = rerun.playback.journal
    answered = {change.span_id for change in rerun.changes if change.kind == "answer"}
    at = [one.number for one in journal.requests if one.match.call is not None and one.match.call.span_id in answered]
    at += [use.after for use in journal.tools if use.told.why == "override"]
    if journal.requests and any(change.kind == "input" for change in rerun.changes):
        at.append(0)
    return min(at, default=None)


def _end(rerun: Rerun, begun: int) -> Effect | None:
    journal = rerun.playback.journal
    answered = {change.span_id for change in rerun.changes if change.kind == "answer"}
    later = [one for one in journal.requests if one.number > begun]
    asked = next((one for one in later if one.match.call is None or _is_assumed(one, answered)), None)
    stopped = next((use for use in journal.tools if use.told.do == "stop" and use.after >= begun), None)
    if stopped is not None and (asked is None or stopped.after < asked.number):
        return _at_tool(stopped)
    return _at_call(asked) if asked is not None else None


def _is_assumed(request: Request, answered: set[str]) -> bool:
    call = request.match.call
    return request.match.assumed is not None and call is not None and call.span_id not in answered


def _at_tool(use: ToolRequest) -> Effect:
    reason = f"at a tool: {use.told.message}"
    return Effect("evidence_ends", reason, _GO_ON_TOOL.format(use.tool))


def _at_call(request: Request) -> Effect:
    match = request.match
    near = match.nearest or match.call
    who = f" of {near.agent}" if near is not None and near.agent else ""
    title = f"at call {request.number}{who}: "
    if match.assumed is not None:
        ends = (
            f"call {request.number} was served although it asks something else than recorded, {in_short(match.assumed)}"
        )
        return Effect("evidence_ends", f"{title}what was served from there on answers other questions", ends=ends)
    words = "nobody recorded what a model answers to that"
    hint = _GO_ON.format(near.span_id) if near is not None else None
    return Effect("evidence_ends", title + words, hint, f"call {request.number} over {request.api} {in_words(match)}")
