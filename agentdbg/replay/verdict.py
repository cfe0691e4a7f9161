"""From the journal to the verdict: what the program did differently, as findings. How the program itself ended says
nothing about that, since applications catch errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from agentdbg.model import Evidence, Finding, Severity
from agentdbg.replay.call import ACCEPTED, Call
from agentdbg.replay.counterfactual import effect_of
from agentdbg.replay.difference import Difference, first_difference
from agentdbg.replay.journal import Journal, Request
from agentdbg.replay.playback import in_short, in_words
from agentdbg.replay.replayed import ANEW, Asked, Replayed, Verdict
from agentdbg.replay.rerun import Rerun

_NOT_JUDGED = ("damaged", "unanswered")
_CERTAIN = ("replay.diverged", "replay.extra_call", "replay.tool", "replay.output")
_REFUSED = "embeddings and other services cannot be replayed: --allow-network HOST lets the program reach them"


def judge(rerun: Rerun, exit_code: int | None) -> Replayed:
    """The verdict on what the program asked, after it ended."""
    journal = rerun.playback.journal
    findings = sorted(_findings(rerun, exit_code), key=lambda one: one.severity == "low")
    verdict, reason, hint = _verdict(rerun, findings, exit_code)
    ends = None
    if rerun.changes and (effect := effect_of(rerun, verdict, findings)) is not None:
        verdict, reason, hint, ends = effect.verdict, effect.reason, effect.hint, effect.ends
        findings = [one for one in findings if one.severity == "low"]
    return Replayed(
        verdict=verdict,
        reason=reason,
        hint=hint,
        trace_id=rerun.trace.trace_id,
        trace_name=rerun.trace.name,
        span_id=rerun.inspection.subject_span_id,
        agent=rerun.inspection.agent,
        recorded=len(_expected(rerun)),
        served=len(rerun.playback.matcher.served),
        asked=tuple(_asked(request) for request in journal.requests),
        tools=tuple(sorted((*one, n) for one, n in Counter((use.tool, use.told.why) for use in journal.tools).items())),
        refused=tuple(journal.refused),
        unreal=tuple(_unreal(rerun)),
        findings=tuple(findings),
        exit_code=exit_code,
        next=(f"agentdbg replay {rerun.inspection.subject_span_id}", f"agentdbg show {rerun.trace.trace_id}"),
        changes=rerun.changes,
        ends=ends,
    )


def _verdict(rerun: Rerun, findings: Sequence[Finding], exit_code: int | None) -> tuple[Verdict, str, str | None]:
    journal = rerun.playback.journal
    worst = [one for one in findings if one.severity != "low"]
    if not journal.requests and not journal.tools:
        return "not_judged", "not exercised: no model call of the program arrived", _unheard(journal, exit_code)
    if not any(one.detector in _CERTAIN for one in worst) and (obstacle := _obstacle(rerun)):
        return "not_judged", *obstacle
    if worst:
        return "diverged", worst[0].title, None
    calls = len(rerun.playback.matcher.served)
    return "reproduced", f"the program asked what was recorded: {calls} of {len(_expected(rerun))} calls", None


def _obstacle(rerun: Rerun) -> tuple[str, str | None] | None:
    """(reason, hint): where it is the recording or the replay itself that kept the program from going on."""
    journal = rerun.playback.journal
    lost = next((one for one in journal.requests if one.match.call is None and not _counts(rerun, one)), None)
    if lost is not None and lost.match.miss == "extra":
        return f"the recording ends after {lost.number - 1} calls, and the program went on", None
    if lost is not None:
        return f"call {lost.number} {in_words(lost.match)}", "\n".join(rerun.inspection.fixes) or None
    unknown = next((use for use in journal.tools if use.told.why == "not recorded"), None)
    if unknown is not None:
        return unknown.told.message, f"agentdbg replay SPAN_ID --tool {unknown.tool}=live -- PROGRAM"
    if journal.refused and any(one.span_id not in rerun.playback.matcher.served for one in _expected(rerun)):
        return f"the program tried to reach {journal.refused[0]}, which was refused, and ended early", _REFUSED
    return None


def _unheard(journal: Journal, exit_code: int | None) -> str:
    if journal.unknown:
        return f"it asked {journal.unknown[0]}, which is none of the model APIs that are served"
    if journal.refused:
        return f"it tried to reach {', '.join(journal.refused)}; {_REFUSED}"
    if journal.armed and exit_code:
        return f"it ended with exit code {exit_code} before it asked a model; what it printed says why"
    if journal.armed:
        return "it ran, but sent no request to a model API over httpx, aiohttp or requests: is it the right program?"
    return (
        "the replay did not get into the program: `python -I` and `-E` keep it out, and programs in other languages"
        " must read their base URL from the environment (agentdbg replay SPAN_ID --serve prints the lines)"
    )


def _findings(rerun: Rerun, exit_code: int | None) -> Iterator[Finding]:
    journal = rerun.playback.journal
    missed = [one for one in journal.requests if one.match.call is None]
    stopped = [one for one in journal.tools if one.told.do == "stop" and one.told.why != "not recorded"]
    first = next((one for one in missed if _counts(rerun, one)), None)
    if first is not None:
        yield _diverged(rerun, first, len(missed) - 1)
    for use in stopped[:1]:
        yield _finding(
            rerun, "replay.tool", f"{use.told.message}", f"{use.told.message[:1].upper()}{use.told.message[1:]}.",
            use.told.span_id, f"tool {use.tool} {use.told.why}",
            f"run it for real with --tool {use.tool}=live, or give an answer with --tool {use.tool}=stub:FILE",
        )  # fmt: skip
    if journal.requests and not missed and not stopped and not _obstacle(rerun):
        yield from _missing(rerun)
        yield from _ended(rerun, exit_code)
    yield from _ambiguous(rerun)


def _counts(rerun: Rerun, missed: Request) -> bool:
    """Whether a miss is the program's: not where the recording is damaged, or of a run that was cut short."""
    beyond = missed.match.miss == "extra" and rerun.trace.status == "incomplete"
    return missed.match.miss not in _NOT_JUDGED and not beyond


def _diverged(rerun: Rerun, request: Request, more: int) -> Finding:
    match = request.match
    near = match.nearest
    after = f" Later questions without a recorded answer, as a consequence or not: {more}." if more else ""
    extra = match.miss == "extra"
    who = f" of {near.agent}" if near is not None and near.agent else ""
    asks = "is one more than recorded" if extra else "asks something else than recorded"
    return _finding(
        rerun,
        "replay.extra_call" if extra else "replay.diverged",
        f"call {request.number}{who} {asks}",
        f"Call {request.number} over {request.api} {in_words(match)}.{after}",
        near.span_id if near else None,
        f"{match.miss} {match.difference.path if match.difference else ''}",
        f"if the change is meant, {ANEW}; if it is not, the difference says what now reaches the model",
        near,
    )


def _expected(rerun: Rerun) -> list[Call]:
    """The calls that the program should make: all that are served, where it went beyond the subject or was to; but not
    what a tool did whose recorded result was given."""
    matcher = rerun.playback.matcher
    spared = _spared(rerun)
    only_subject = matcher.served <= rerun.wanted
    return [
        call
        for call in matcher.calls
        if (not only_subject or call.span_id in rerun.wanted) and call.span_id not in spared
    ]


def _spared(rerun: Rerun) -> dict[str, str]:
    """Calls that were not asked for since they were made while a tool ran that now did not: call, tool."""
    given = sorted({use.tool for use in rerun.playback.journal.tools if use.told.do in ("answer", "fail")})
    served = rerun.playback.matcher.served
    return {call: tool for tool in given for call in rerun.inside.get(tool, ()) if call not in served}


def _missing(rerun: Rerun) -> Iterator[Finding]:
    served = rerun.playback.matcher.served
    left = [call for call in _expected(rerun) if call.span_id not in served]
    if not left:
        return
    first, *more = left
    who = f" of {first.agent}" if first.agent else ""
    count = f"{len(left)} recorded calls were" if more else f"the recorded call{who} was"
    yield _finding(
        rerun,
        "replay.missing_call",
        f"{count} never asked for",
        f"The program ended after {len(served)} of {len(served) + len(left)} calls; the first that is missing is the"
        f" call{who} in span {first.span_id}.",
        first.span_id,
        "missing",
        "look at what the program did with the last answer that it got",
        first,
        also=more,
    )


def _ended(rerun: Rerun, exit_code: int | None) -> Iterator[Finding]:
    """The program's own end, where every question was answered as recorded."""
    journal, seen = rerun.playback.journal, rerun.inspection
    if exit_code and rerun.trace.status == "ok" and seen.status != "error":
        why = f": {journal.raised}" if journal.raised else f" with exit code {exit_code}"
        yield _finding(
            rerun, "replay.failed", f"the program failed{why}",
            f"The program failed{why}, though every question was answered as recorded, and there the run succeeded.",
            seen.subject_span_id, "failed", "the fault is in the program, not in what the models said",
        )  # fmt: skip
    elif journal.returned and seen.has_result:
        parted = first_difference(seen.result, journal.returned[0], "$.output")
        if parted is not None:
            yield _finding(
                rerun, "replay.output", f"the output differs from the recorded one at {parted.path}",
                f"All calls were answered as recorded, but the function gave back something else: {in_short(parted)}.",
                seen.subject_span_id, f"output {parted.path}", "look at what the code does after the last model call",
            )  # fmt: skip


def _ambiguous(rerun: Rerun) -> Iterator[Finding]:
    for group in rerun.playback.matcher.ambiguous():
        yield _finding(
            rerun, "replay.ambiguous", f"{len(group)} identical calls at the same time were answered differently",
            f"{len(group)} calls asked the very same at the same time and were answered differently, so that nothing"
            " tells which answer belongs to which: they are served in recorded order.",
            group[0].span_id, "ambiguous", "tell such calls apart in their prompts, or do not rely on their order",
            group[0], "low", group[1:],
        )  # fmt: skip


def _finding(
    rerun: Rerun,
    detector: str,
    title: str,
    message: str,
    span_id: str | None,
    key: str,
    advice: str,
    call: Call | None = None,
    severity: Severity = "high",
    also: Sequence[Call] = (),
) -> Finding:
    where = span_id or rerun.inspection.subject_span_id
    return Finding(
        detector=detector,
        severity=severity,
        confidence="certain",
        title=title,
        message=message,
        trace_id=rerun.trace.trace_id,
        agent=call.agent if call is not None else rerun.inspection.agent,
        evidence=(
            Evidence(where, "primary", "the recording"),
            *(Evidence(one.span_id, "related", "the same") for one in also),
        ),
        advice=advice,
        next=f"agentdbg span {where}",
        key=key,
    )


def _asked(request: Request) -> Asked:
    match = request.match
    call = match.call or match.nearest
    return Asked(
        number=request.number,
        api=request.api,
        agent=call.agent if call else None,
        span_id=call.span_id if call else None,
        outcome="served" if match.call is not None else in_words(match),
        repeats=request.repeats,
        volatile=match.volatile,
        soft=tuple(_soft(one) for one in match.soft),
        assumed=_soft(match.assumed) if match.assumed else None,
    )


def _soft(difference: Difference) -> str:
    return in_short(difference).removeprefix("first difference at ")


def _unreal(rerun: Rerun) -> Iterator[str]:
    """What a reader must know before trusting the verdict."""
    journal = rerun.playback.journal
    served = [request.match.call for request in journal.requests if request.match.call is not None]
    uncounted = sum(call.output_tokens is None and call.answer is not None for call in served)
    if uncounted:
        yield f"{uncounted} answers were served with 0 tokens of usage, since none is recorded"
    failures = sum(call.answer is None for call in served)
    if failures:
        yield f"{failures} recorded failures were served, with the status that their words tell"
    if rerun.playback.matcher.mode == "ordered":
        yield "answers were served in recorded order, whatever was asked: after a difference they prove nothing"
    if rules := sorted({rule for request in journal.requests for rule in request.match.volatile}):
        yield f"masked to recognise questions: {', '.join(rules)}"
    for tool, n in sorted(Counter(_spared(rerun).values()).items()):
        yield f"calls recorded while {tool} ran, and not asked for: {n}; --tool {tool}=live replays these as well"
    if accepted := [call for call in served if call.reason.startswith(ACCEPTED)]:
        reasons = ", ".join(sorted({call.reason.removeprefix(ACCEPTED) for call in accepted}))
        yield f"{len(accepted)} answers were given to earlier questions; the new ones are accepted: {reasons}"
    if rerun.playback.redaction is not None:
        hidden = ", ".join(f"{kind} ({n})" for kind, n in sorted(rerun.playback.redaction.hidden.items()))
        yield f"placeholders stand for what the recording hides: {hidden}"
    live = sorted({use.tool for use in journal.tools if use.told.do == "live"})
    if live:
        yield f"ran for real: {', '.join(live)}"
    if journal.refused:
        yield f"refused network access: {', '.join(journal.refused)}"
