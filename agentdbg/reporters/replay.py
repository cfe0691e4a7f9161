"""The text of `agentdbg replay` without a target: what an agent was given and answered, call by call.

Texts are those of the trace, made harmless and cut to a few lines each; `--format json` has them whole. The same
bytes for the same inspection at the same width; without colour there is no escape sequence in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from agentdbg.replay.asking import as_text
from agentdbg.replay.difference import sides
from agentdbg.view import units
from agentdbg.view.clean import cells, clean, cut, one_line, wrap

if TYPE_CHECKING:
    from agentdbg.replay.consistency import Step
    from agentdbg.replay.difference import Difference
    from agentdbg.replay.inspection import CallView, Inspection, ToolUse

Pieces = Sequence[tuple[str, str]]  # (text, style) each

LABEL = 12
NARROWEST = 40
LINES = {"system": 12, "user": 12, "answer": 16, "state": 4}
"""Lines that are shown of a text, by what it is; OTHER_LINES of everything else."""
OTHER_LINES = 6
FIRST, LAST = 4, 10
"""Messages that are shown at either end of a long conversation."""
GRADES = {"exact": "green", "content": "yellow", "partial": "yellow", "no": "red"}
VERDICTS = {"consistent": "green", "edited": "yellow", "damaged": "red", "unknown": "dim"}
SUBJECTS = {
    "turn": "agent turn", "run": "whole run", "call": "model call", "tool": "tool call", "span": "span and all below it"
}  # fmt: skip


def replay(inspection: Inspection, stream: TextIO, width: int, color: bool) -> None:
    """Write the inspection to `stream` in lines of at most `width` cells (40 where that is less), in colour only
    where asked."""
    page = _Page(max(width, NARROWEST))
    _head(page, inspection)
    _given(page, inspection)
    for use in inspection.before:
        _tool(page, use)
    for n, view in enumerate(inspection.calls):
        _call(page, inspection, view, inspection.calls[n - 1] if n else None)
    _foot(page, inspection)
    page.write(stream, color)


class _Page:
    """Lines of styled pieces."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[Pieces] = []
        self.shortened = False

    def line(self, *pieces: tuple[str, str]) -> None:
        """One line, cut at the width."""
        room, out = self.width, []
        for text, style in pieces:
            shown = cut(text, room)
            out.append((shown, style))
            room -= cells(shown)
        self.lines.append(out)

    def flow(self, pieces: Pieces, indent: str = "") -> None:
        """Pieces two blanks apart, on as many lines as they take."""
        line: list[tuple[str, str]] = []
        used = 0
        for text, style in pieces:
            if line and used + 2 + cells(text) > self.width:
                self.lines.append(line)
                line, used = [(indent, "")], cells(indent)
            elif line:
                line.append(("  ", ""))
                used += 2
            shown = cut(text, self.width - used)
            line.append((shown, style))
            used += cells(shown)
        self.lines.append(line)

    def block(self, label: str, text: str, style: str = "", mark: str = "", most: int = OTHER_LINES) -> None:
        """A text under its label, line breaks and indentation kept, at most `most` lines of it."""
        room = self.width - LABEL - 2
        lines = [part for line in clean(text).expandtabs(4).split("\n") for part in _wrapped(line.rstrip(), room)]
        name = f"  {cut(mark + one_line(label), LABEL - 1)}"
        name += " " * (LABEL + 2 - cells(name))
        for n, line in enumerate((lines or [""])[:most]):
            self.lines.append([(name if n == 0 else " " * cells(name), "dim" if not mark else style), (line, style)])
        if len(lines) > most:
            self.shortened = True
            self.lines.append([(" " * cells(name) + cut(f"… {len(lines) - most} more lines", room), "dim")])

    def copied(self, indent: str, text: str) -> None:
        """A text to be copied into a shell: broken at blanks only, so that a setting stays whole."""
        line = indent
        for word in text.split():
            if line.strip() and cells(f"{line} {word}") > self.width:
                self.lines.append([(line, "")])
                line = indent + "  "
            line += word if line.isspace() else f" {word}"
        self.lines.append([(line, "")])

    def write(self, stream: TextIO, color: bool) -> None:
        if not color:
            for line in self.lines:
                stream.write("".join(text for text, _ in line).rstrip() + "\n")
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(
            file=stream, width=self.width, force_terminal=True, color_system="standard", markup=False, highlight=False,
            emoji=False, legacy_windows=False,
        )  # fmt: skip
        for line in self.lines:
            console.print(Text.assemble(*line), soft_wrap=True)


def _wrapped(line: str, room: int) -> list[str]:
    bare = line.lstrip(" ")
    indent = " " * min(len(line) - len(bare), 8)
    return [indent + part for part in wrap(bare, room - len(indent))] or [""]


def _head(page: _Page, seen: Inspection) -> None:
    failed = seen.status == "error"
    pieces = [(one_line(seen.agent or seen.name), "bold"), (SUBJECTS[seen.subject], "")]
    if seen.subject != "turn" and seen.agent:
        pieces.append((one_line(seen.tool.tool if seen.tool else seen.name), ""))
    pieces.append(("FAILED", "bold red") if failed else ("ok", "green"))
    if seen.duration_ns is not None:
        pieces.append((units.duration(seen.duration_ns), ""))
    pieces.append((units.count(len(seen.calls), "model call"), ""))
    page.flow([("replay", "dim"), *pieces], "        ")
    where = [(f"trace {clean(seen.trace_id)}", "dim"), (one_line(seen.trace_name), "dim")]
    page.flow([*where, (f"span {clean(seen.subject_span_id)}", "dim")], "      ")
    if seen.error:
        page.block("error", seen.error, "red")
    grade = seen.grade or "no"
    page.block("grade", f"{grade.upper() if seen.grade else 'none'}: {seen.reason}", GRADES[grade])
    verdict = seen.consistency.verdict
    page.block("recording", f"{verdict}: {seen.consistency.words}", VERDICTS[verdict])


def _given(page: _Page, seen: Inspection) -> None:
    """What the whole turn was given: its own input, and what every call has in common."""
    page.line()
    page.line(("given", "bold"))
    if seen.tool is not None:
        page.block("arguments", as_text(seen.tool.arguments), most=LINES["answer"])
        _result(page, seen.tool)
    elif seen.has_state:
        page.block("input", as_text(seen.state), most=LINES["state"])
    elif seen.subject != "call":
        page.block("input", "not recorded on the span itself", "dim")
    if not seen.calls:
        return
    first = seen.calls[0].call
    for text in first.system:
        page.block("system", text, most=LINES["system"])
    _request(page, seen.calls[0], None)


def _request(page: _Page, view: CallView, last: CallView | None) -> None:
    """Tools and parameters of a call, where they are not those of the call before."""
    call = view.call
    if last is None or call.tools != last.call.tools:
        if call.tools:
            page.block("tools", "\n".join(_signature(tool) for tool in call.tools), most=LINES["answer"])
        else:
            page.block("tools", "none" if call.grade == "exact" else "none recorded", "dim")
    if last is None or call.parameters != last.call.parameters:
        told = ", ".join(f"{name} {as_text(value)}" for name, value in (call.parameters or {}).items())
        page.block("parameters", told or ("none" if call.grade == "exact" else "none recorded"), "" if told else "dim")


def _call(page: _Page, seen: Inspection, view: CallView, last: CallView | None) -> None:
    call = view.call
    page.line()
    tokens = f"{units.tokens(call.input_tokens) or '?'} → {units.tokens(call.output_tokens) or '?'} tok"
    took = None if call.start_ns is None or call.end_ns is None else max(0, call.end_ns - call.start_ns)
    pieces = [(f"call {view.number}", "bold"), (one_line(call.model or "model not recorded"), "magenta")]
    pieces += [
        (call.grade, GRADES[call.grade]),
        (tokens, ""),
        (units.duration(took), ""),
        (units.usd(call.cost_usd), ""),
    ]
    page.flow([*[piece for piece in pieces if piece[0]], (f"span {clean(call.span_id)}", "dim")], "        ")
    if last is not None:
        _request(page, view, last)
    _step(page, seen, view)
    if call.answer is None and not call.error:
        page.block("answer", "not recorded", "dim")
    elif not call.answer and not call.error:
        page.block("answer", "empty", "dim")
    for part in call.answer or ():
        if part["type"] == "tool_call":
            page.block("asks for", f"{part['name']} {as_text(part['arguments'])}", "yellow")
        else:
            label = "answer" if part["type"] == "text" else part["type"]
            page.block(label, as_text(part.get("text", part)), most=LINES["answer"])
    if call.error:
        page.block("error", call.error, "red")
    for use in view.uses:
        _tool(page, use)


def _step(page: _Page, seen: Inspection, view: CallView) -> None:
    """The input: what it adds to an earlier call that stands above, else all of it; then what is odd in it."""
    step = view.step
    page.block("input", _words(seen, step), "" if step.edited else "dim")
    if step.of in {other.call.span_id for other in seen.calls}:
        for said in step.appended:
            page.block(said.by, said.text, most=LINES.get(said.role, OTHER_LINES))
    else:
        _conversation(page, view)
    for said in step.inserted:
        page.block("between", f"{said.by}: {said.text}", "green", "+ ", 2)
    for said in step.vanished:
        page.block("gone", f"{said.by}: {said.text}", "red", "- ", 2)
    for difference in step.changed:
        _difference(page, difference)


def _conversation(page: _Page, view: CallView) -> None:
    """Everything that was sent but for the instructions, which stand at the top; of a long one without the middle."""
    speakers = {said.path: said.by for said in (*view.step.appended, *view.step.inserted)}
    parts = [
        (speakers.get(f"$.messages[{n}].parts[{m}]") or message.get("name") or message["role"], message["role"], part)
        for n, message in enumerate(view.call.messages or ())
        if message["role"] != "system"
        for m, part in enumerate(message["parts"])
    ]
    for n, (by, role, part) in enumerate(parts):
        if len(parts) > FIRST + LAST and FIRST <= n < len(parts) - LAST:
            if n == FIRST:
                page.shortened = True
                page.block("", f"… {len(parts) - FIRST - LAST} more messages", "dim")
            continue
        page.block(by, _part(part), most=LINES.get(role, OTHER_LINES))


def _part(part: dict[str, Any]) -> str:
    if part["type"] == "tool_call":
        return f"asks for {part['name']} {as_text(part['arguments'])}"
    if part["type"] == "tool_result":
        return f"{part['name']}: {as_text(part['result'])}" if part.get("name") else as_text(part["result"])
    return as_text(part.get("text", part))


def _words(seen: Inspection, step: Step) -> str:
    numbers = {view.call.span_id: f"call {view.number}" for view in seen.calls}
    of = numbers.get(step.of or "", f"the call in span {clean(step.of or '')}")
    if step.relation == "unknown":
        return "not recorded"
    words = {
        "new": "a new conversation",
        "continues": f"goes on from {of}",
        "takes over": f"takes over the conversation of {one_line(step.of_agent or 'another agent')} from {of}",
        "extends": f"begins as {of} did, without its answer",
        "repeats": f"the same question as {of}",
        "retries": f"again what {of} failed at",
    }[step.relation]
    if step.results:
        words += f", with {units.count(step.results, 'tool result')}"
    if step.reworded:
        words += f", {units.count(step.reworded, 'message')} told in another form"
    counts = ((len(step.inserted), "put in between"), (len(step.vanished), "gone"), (len(step.changed), "changed"))
    words += "".join(f", {number} {word}" for number, word in counts if number)
    return words + (f" (not sure: {step.damaged})" if step.damaged and step.edited else "")


def _tool(page: _Page, use: ToolUse) -> None:
    if use.asked_by is None:
        page.block("ran", f"{use.tool} {as_text(use.arguments)}", "yellow")
    _result(page, use)


def _result(page: _Page, use: ToolUse) -> None:
    if use.error:
        page.block("failed", f"{use.tool}: {use.error}", "red")
    if use.result_from is not None:
        page.block("result", f"{use.tool}: {as_text(use.result)}")
    elif not use.error:
        page.block("result", f"{use.tool}: not recorded", "dim")
    if use.difference is not None:
        page.block("but", "the tool's own span recorded something else:", "yellow")
        _difference(page, use.difference)


def _difference(page: _Page, difference: Difference) -> None:
    at = "" if difference.at is None else f", character {difference.at}"
    page.block("changed", f"{difference.path}{at}", "yellow", "~ ", 2)
    before, after = map(one_line, sides(difference))
    page.block("was", before, "red", "- ", 2)
    page.block("is", after, "green", "+ ", 2)


def _foot(page: _Page, seen: Inspection) -> None:
    if seen.missing:
        page.line()
        page.line(("missing", "bold"))
        for line in seen.missing:
            for n, part in enumerate(_wrapped(clean(line), page.width - 4)):
                page.line((f"  {'  ' if n else ''}{part}", ""))
    if seen.fixes:
        page.line()
        page.line(("to record it whole", "bold"))
        for line in seen.fixes:
            page.copied("  ", line)
    page.line()
    if page.shortened:
        page.line(("some texts are cut: --format json has them whole", "dim"))
    for n, command in enumerate(seen.next):
        page.lines.append([("next:  " if n == 0 else "       ", "dim"), (clean(command), "")])


def _signature(tool: dict[str, Any]) -> str:
    """`search(query, limit?) what it does`: optional arguments with a question mark."""
    schema = tool.get("parameters")
    schema = schema if isinstance(schema, dict) else {}
    properties, required = schema.get("properties"), schema.get("required")
    names = [
        str(name) if isinstance(required, list) and name in required else f"{name}?"
        for name in (properties if isinstance(properties, dict) else ())
    ]
    about = one_line(str(tool.get("description") or ""))
    return f"{tool.get('name')}({', '.join(names)}){': ' + cut(about, 60) if about else ''}"
