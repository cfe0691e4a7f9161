"""What may be missing from a recording: each kind of gap with its words, what it prevents, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agentdbg.replay import fixes

Level = Literal["lost", "missing", "note"]
"""lost: it was there and is in no file. missing: it was never written down. note: nothing lacks that a judgement needs,
or only what some runs can do without."""
LEVELS: tuple[Level, ...] = ("lost", "missing", "note")
NO_TOKENS, NO_PAYLOADS, NO_RESULTS = "no token counts", "no payloads", "no results of tools"
NO_PRICES, NO_ARGUMENTS = "no price", "no arguments of tools"
"""How reasons begin for which detectors do not judge."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of gap. things: what is counted, and where it is counted among all; words go after the number.

    prevents: what cannot be told because of it, where no figure says so. mends: the table of lines by instrumentation,
    or one line. next: the command that shows an example. explains: beginnings of the reasons for which a detector does
    not judge a run that has this gap.
    """

    level: Level
    things: tuple[str, str]
    words: str
    prevents: str
    mends: Mapping[str, str] | str
    next: Literal["span", "replay", "show", ""] = "span"
    explains: tuple[str, ...] = ()


SPAN = ("span", "spans")
CALL = ("model call", "model calls")
TOOL = ("tool call", "tool calls")
RUN = ("run", "runs")
_UNSEEN = "what is missing is in no sum, no tree and no finding; whose work it is what stands below"
TORN = ("no_root", "orphan", "remote_parent", "lost_context", "split")
"""What stands above a span may be missing in such runs, and with it the agent whose work it is."""

KINDS: dict[str, Kind] = {
    "unread": Kind(
        "lost", ("place", "places"), "of the input could not be read", "what stands there is in no span",
        "export it again; `agentdbg ingest --json` lists every place", "",
    ),
    "no_root": Kind(
        "lost", SPAN, "whose parents are missing, the root of the run among them", _UNSEEN, fixes.FLUSH,
    ),
    "orphan": Kind("lost", SPAN, "whose parents are missing", _UNSEEN, fixes.FLUSH),
    "unclosed": Kind(
        "lost", SPAN, "that never ended", "how long they took, how they ended and what they answered", fixes.FLUSH,
    ),
    "lost_context": Kind(
        "lost", ("root", "roots"), "begun while another root of the same trace ran: the context was lost on the way",
        "who gave them their work: agents, handoffs and causes above them", fixes.THREADS,
    ),
    "split": Kind(
        "lost", RUN, "that are work of another run: what led from the one to the other was lost",
        "whose work it is; its tokens, time and failures are in no sum of the other", fixes.THREADS,
    ),
    "cycle": Kind(
        "lost", SPAN, "that are their own ancestors: cut there", "what stands above them",
        "make ids unique where parents are rewritten: in the exporter, or a processor of the collector",
    ),
    "dropped": Kind(
        "lost", SPAN, "of which the SDK dropped attributes", "a faithful replay: what was dropped may be anything",
        fixes.ATTRIBUTE_LIMIT,
    ),
    "cut_json": Kind(
        "lost", SPAN, "whose recorded JSON ends in the middle", "comparing what they took and gave",
        fixes.NO_LENGTH_LIMIT,
    ),
    "waiting_logs": Kind(
        "lost", ("log record", "log records"), "whose spans are not here",
        "what they belong to: its agent, its place in the run, how long it took",
        "read the file that holds their spans together with this one", "",
    ),
    "no_calls": Kind(
        "missing", RUN, "in which agents work and no model call is recorded", "tokens, cost and replay", fixes.CALLS,
        "show", (NO_TOKENS, NO_PRICES, NO_PAYLOADS, NO_RESULTS, NO_ARGUMENTS),
    ),
    "payloads": Kind(
        "missing", CALL, "without their prompt or their answer", "what was said: `replay`, handoffs, repetition",
        fixes.CONTENT, "replay", (NO_PAYLOADS,),
    ),
    "cut": Kind(
        "missing", CALL, "of which a part of the messages is missing", "a faithful replay",
        {**fixes.CUT, "": fixes.NO_LENGTH_LIMIT}, "replay",
    ),
    "tokens": Kind(
        "missing", CALL, "that were answered and tell no tokens", "what they cost, and what grew", fixes.TOKENS,
        "span", (NO_TOKENS, NO_PRICES),
    ),
    "remote_parent": Kind(
        "missing", SPAN, "at the top of a run that names a parent which is not here",
        "what called it: a service upstream, or a span that was never written; where it is not yours, nothing",
        "export the spans of the calling service to the same place, and what runs on threads below its own span",
    ),
    "agent": Kind(
        "missing", CALL, "of no agent", "figures by agent, handoffs from and to it, whose fault it is", fixes.AGENTS,
    ),
    "model": Kind(
        "missing", CALL, "that name no model", "their cost, where the trace does not tell it", fixes.MODELS,
        "span", (NO_PRICES,),
    ),
    "results": Kind(
        "note", TOOL, "that ended well and tell no result", "whether a tool answered with nothing", fixes.RESULTS,
        "span", (NO_RESULTS, NO_ARGUMENTS),
    ),
    "failed_prompt": Kind(
        "note", CALL, "that failed and do not tell their prompt", "what a refused call had been sent", "", "replay",
    ),
    "request": Kind(
        "note", CALL, "whose tool definitions or parameters may be missing", "an exact replay", fixes.REQUEST, "replay",
    ),
    "sampled": Kind(
        "note", RUN, "that passed a sampler, which left others out", "counts and rates over all runs", fixes.SAMPLING,
        "show",
    ),
    "roots": Kind(
        "note", ("root", "roots"), "in traces with several, one after the other",
        "telling them apart, where each is a run of its own",
        "where each is a run of its own: begin each in a context of its own",
    ),
    "flat": Kind(
        "note", SPAN, "in traces in which no span names a parent", "what called what",
        "export the ids of the parents, where the source knows them", "show",
    ),
    "joined": Kind(
        "note", ("trace", "traces"), "that are parts of a run of several, joined by links, ids or calls of theirs",
        "nothing here; other tools show each part alone", "", "show",
    ),
    "conflict": Kind(
        "note", SPAN, "that came in different copies, which were merged", "nothing: each counts once",
        "let one exporter write each span once, when it has ended",
    ),
    "copies": Kind(
        "note", ("copy", "copies"), "of spans that are here already", "nothing: each counts once",
        "add the exporter to the provider once, where they are no retries", "",
    ),
    "same_id": Kind("note", SPAN, "that repeat the id of another of their run", "nothing: both are shown", "", "show"),
    "backwards": Kind(
        "note", SPAN, "that end before they start", "how long they took", "synchronise the clocks of the machines",
    ),
    "clock_skew": Kind(
        "note", SPAN, "that start before their parents", "the order of events, to the length of the skew",
        "synchronise the clocks of the machines (chrony, ntpd)",
    ),
    "outlasting": Kind(
        "note", SPAN, "that end after their parents", "nothing, where work was left running on purpose",
        "await work before the span around it ends",
    ),
}  # fmt: skip
"""Worst first, which is the order in which they are told."""
