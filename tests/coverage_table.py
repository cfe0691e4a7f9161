"""docs/coverage.md: what each instrumentation records, measured on captures. `python -m tests.coverage_table` writes it anew."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from agentdbg.conventions import shelf
from agentdbg.importers import names
from agentdbg.replay.fixes import TOKENS
from tests.commandline import ROOT
from tests.coverage_measures import OWN, Figures, Key, Share, captures, figures

FILE = ROOT / "docs" / "coverage.md"
HEAD = """\
# What each instrumentation records

Find how your traces are recorded in the table; the link leads to where each field is read from, what is not recorded, what that costs, and the
line of configuration that mends it. All of it is measured on captures of real programs, most of them with a planted failure, and written by
`python -m tests.coverage_table`. Other versions may record more or less: of your own traces, `agentdbg doctor` tells what is missing and what mends
it, `agentdbg span` which attribute said whose work a span is, and `agentdbg replay` what is missing of a call.

● all, ◐ some, ○ none of those that could hold it: agents over model calls and tools; tokens and answers over the calls that were answered; tools
offered over the calls whose answer asks for one; errors over the failures that the program could see. *Cost* is reported (●), or computed from
tokens and the price list. *Handoffs* are named by a span or a tool, or follow from the order of the agents. *Replay* is the grade of most calls:
exact; content, where the messages are whole but tool definitions or parameters may be missing; partial; no. *OTLP* is each of its encodings.
*Own* marks what comes from spans that the captured program writes itself: instrumentations of a model's SDK know nothing but the calls.
"""
OVERVIEW = (
    "Framework", "Recorded with", "Format", "Agent", "Model", "Tokens", "Cost", "Prompt", "Answer", "Tools offered",
    "Tool arguments, results", "Handoffs", "Errors", "Conversation", "Replay", "Not judged",
)  # fmt: skip
# What a program calls by another name in the table of a section.
MEANING = {
    "cost": "cost, reported",
    "failures marked": "failures marked as errors",
    "conversation": "conversation, traces that name one",
}
# Scopes whose settings show in nothing but what they record.
SETTINGS = {
    "opentelemetry.util.genai.handler 0.4b0": "gen_ai_latest_experimental, content on spans",
    "opentelemetry.instrumentation.openai_v2": "default settings, with log records",
}
OURS = {"plain", "jsonl", "sketch"}  # shapes of our own, which nobody specifies but us
SEEN = 5  # places that are told of a field, the most frequent first


def document() -> str:
    """The whole file."""
    measured = {key: figures(found) for key, found in captures().items()}
    parts = [HEAD, *_overview(measured), ""]
    for key, told in measured.items():
        parts += _section(key, told)
    return "\n".join([*parts, *_uncaptured(measured)]) + "\n"


def _title(key: Key) -> str:
    settings = [SETTINGS[scope] for scope in key.scopes if scope in SETTINGS]
    if settings and not key.content:
        settings = ["default settings, content not captured"]
    return ", ".join([key.instrumentation.removeprefix("native "), *settings])


def _heading(key: Key) -> str:
    return f"{key.framework}: {_title(key)} ({key.format})".replace("`", "")


def anchor(heading: str) -> str:
    """Where a heading is found within its page."""
    return "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _overview(measured: dict[Key, Figures]) -> Iterator[str]:
    yield _row(OVERVIEW)
    yield _row("---" for _ in OVERVIEW)
    for key, told in measured.items():
        link = f"[{_title(key)}]({anchor(_heading(key))})"
        yield _row((key.framework, link, key.format, *_marks(told)))


def _marks(told: Figures) -> Iterator[str]:
    shares = told.shares
    for fields in (("agent",), ("model",), ("input tokens", "output tokens")):
        yield _mark(shares, *fields)
    yield _mark(shares, "cost") if shares["cost"].held or not told.computed else "computed"
    for fields in (("prompt",), ("answer",), ("tools offered",), ("tool arguments", "tool results")):
        yield _mark(shares, *fields)
    yield "named" if set(told.handoffs) - {"next sibling"} else "order" if told.handoffs else "○"
    yield _mark(shares, "failures marked", "error text")
    yield _mark(shares, "conversation")
    grades = Counter(grade for grade, _ in told.grades.elements())
    yield f"{grades.most_common(1)[0][0]}{_part(grades.most_common(1)[0][1], told.calls)}" if grades else "no call"
    yield ", ".join(dict.fromkeys(f"`{detector}`" for detector, _, _ in _unjudged(told))) or "–"


def _mark(shares: dict[str, Share], *fields: str) -> str:
    """The least of these fields; a field that nothing could hold says nothing."""
    possible = [shares[field] for field in fields if shares[field].of]
    if not possible:
        return "–"
    least = min(possible, key=lambda share: share.held / share.of)
    own = " own" if least.held and all(OWN in place for place in least.places) else ""
    return "○" if not least.held else ("●" if least.held == least.of else f"◐{_part(least.held, least.of)}") + own


def _part(held: int, of: int) -> str:
    return "" if held == of else f" {100 * held // of} %"


def _unjudged(told: Figures) -> Iterator[tuple[str, str, str]]:
    """Detector, reason, and on how many traces: what is so on few of those it could judge is the run's, not the
    instrumentation's."""
    for (detector, why), traces in sorted(told.skipped.items()):
        of = told.concerned.get(detector, traces)
        if 2 * traces > of:
            yield detector, why, f" ({traces} of {of} traces)" if detector in told.concerned else ""


def _section(key: Key, told: Figures) -> Iterator[str]:
    yield f"## {_heading(key)}\n"
    scopes = ", ".join(f"`{scope}`" for scope in key.scopes)
    spoken = ", ".join(f"`{name}`" for name in told.conventions)
    made = f" of {told.made} that were made" if told.made and told.made != told.calls else ""
    yield f"Scope {scopes}, read as {spoken}. Measured on {told.traces} trace{'s' if told.traces > 1 else ''} with {told.calls} model calls{made}.\n"
    yield _row(("field", "recorded", "read from"))
    yield _row(("---", "---", "---"))
    for field, share in told.shares.items():
        if share.held:
            yield _row((MEANING.get(field, field), f"{share.held} of {share.of}", _places(share)))
    if told.handoffs:
        rules = ", ".join(f"{rule} ({count})" for rule, count in _sorted(told.handoffs))
        yield _row(("handoffs", str(told.handoffs.total()), rules))
    yield ""
    yield from _costs(key, told)


def _places(share: Share) -> str:
    told = [place if count == share.held else f"{place} ({count})" for place, count in _sorted(share.places)]
    return ", ".join(told[:SEEN] + (["…"] if told[SEEN:] else []))


def _sorted(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _costs(key: Key, told: Figures) -> Iterator[str]:
    absent = [field for field, share in told.shares.items() if share.of and not share.held]
    computed = f" Cost is computed for {told.computed} of {told.calls} calls." if told.computed else ""
    if told.shares["input tokens"].held < told.shares["input tokens"].of:
        yield from (f"- To have tokens recorded: {TOKENS[scope]}." for scope in key.scopes if scope in TOKENS)
    if absent or computed:
        yield f"- Recorded in no capture: {', '.join(absent) or 'nothing'}.{computed}"
    if not told.calls:
        yield f"- Replay: there is no span of a model call, so nothing to replay, though {told.made} calls were made."
    for (grade, why), count in sorted(told.grades.items(), key=lambda item: (-item[1], item[0])):
        yield f"- Replay **{grade}**, {count} of {told.calls} calls: {why}."
    for detector, why, where in _unjudged(told):
        yield f"- `agentdbg check` says of `{detector}`: {why}{where}."
    for line in told.fixes:
        yield f"- To record it whole: {line}."
    yield ""


def _uncaptured(measured: dict[Key, Figures]) -> Iterator[str]:
    spoken = {name for told in measured.values() for names_ in told.conventions for name in names_.split("+")}
    conventions = {convention.name for convention in shelf()} - spoken - OURS
    text = "".join(key.format for key in measured)
    formats = {name for name in names() if f"`{name}`" not in text and not name.startswith("otlp-")} - OURS
    yield "## Not captured\n"
    yield f"Conventions built from the published specification, not captured: {_listed(conventions)}."
    yield f"Formats likewise: {_listed(formats)}."


def _listed(found: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(found))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(document(), "utf-8")
