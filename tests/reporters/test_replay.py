"""An inspection in, the text that a person reads out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.model import Span
from agentdbg.replay.inspect import inspect
from agentdbg.reporters.replay import replay
from agentdbg.view.clean import cells
from tests.replay.recorded import OneTrace, agent, llm, told, tool, trace

TOOLS = [
    {
        "name": "search",
        "description": "Find documents.",
        "parameters": {"properties": {"q": {}, "k": {}}, "required": ["q"]},
    }
]
ASKED = "system You are careful.\nuser find rome\n"
SEARCH = 'call c1 search {"q": "rome"}'


def spans() -> list[Span]:
    return [
        agent("00f067aa0ba902b7", "researcher", 0, 8, input=json.dumps({"task": "find rome"}), parent_id="root"),
        llm(
            "a1", ASKED, SEARCH, 1, "researcher", "00f067aa0ba902b7", tools=json.dumps(TOOLS), parameters='{"seed": 7}'
        ),
        tool(
            "s1",
            "search",
            {"q": "rome"},
            ["old", "big"],
            3,
            "researcher",
            turn_id="00f067aa0ba902b7",
            tool_call_id="c1",
        ),
        llm(
            "a2",
            ASKED.replace("find rome", "find Rome at once") + SEARCH + '\nresult c1 ["old"]',
            None,
            5,
            "researcher",
            "00f067aa0ba902b7",
            status="error",
            error_type="RateLimitError",
            error_message="429",
            tools=json.dumps(TOOLS),
            parameters='{"seed": 7}',
            scope="strands.telemetry.tracer",
        ),
    ]


def text(recorded: list[Span], span_id: str = "00f067aa0ba902b7", width: int = 72, color: bool = False) -> str:
    calls = [told(span) for span in recorded if span.kind == "llm"]
    if len(calls) > 1:
        calls[1].replayable, calls[1].replay_reason = "content", "parameters are not recorded"
    stream = io.StringIO()
    replay(inspect(OneTrace(trace(recorded, calls)), "t", span_id), stream, width, color)
    return stream.getvalue()


GOLDEN = """\
replay  researcher  agent turn  ok  8.0s  2 model calls
trace t  report  span 00f067aa0ba902b7
  grade       CONTENT: 1 of 2 calls content: parameters are not
              recorded; 1 of 2 calls exact: all that was sent and
              answered is recorded
  recording   edited: the input of call 2 is not the history that was
              said before: something was removed, changed or put in
              between; 1 tool result reached the model other than the
              tool's span recorded

given
  input       {"task": "find rome"}
  system      You are careful.
  tools       search(q, k?): Find documents.
  parameters  seed 7

call 1  gpt-4o  exact  900 → 40 tok  1.0s  span a1
  input       a new conversation
  user        find rome
  asks for    search {"q": "rome"}
  result      search: ["old"]
  but         the tool's own span recorded something else:
  ~ changed   $.result[1]
  - was       big
  + is        nothing

call 2  gpt-4o  content  900 → 40 tok  1.0s  span a2
  input       goes on from call 1, with 1 tool result, 1 changed
  ~ changed   $.messages[1].parts[0].text, character 5
  - was       find rome
  + is        find Rome at once
  error       RateLimitError: 429

missing
  call 2: parameters are not recorded

to record it whole
  OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental,gen_ai_tool_definitions
    for tools; for parameters install the OpenInference instrumentation
    of the model's SDK

next:  agentdbg replay 00f067aa0ba902b7 -- PROGRAM
       agentdbg span 00f067aa0ba902b7
       agentdbg show t
"""


def test_the_whole_page() -> None:
    assert text(spans()) == GOLDEN


def test_a_call_alone_shows_the_whole_conversation_that_it_got() -> None:
    page = text(spans(), "a2")
    assert "goes on from the call in span a1" in page
    assert "  user        find Rome at once\n  assistant   asks for search" in page


def test_a_long_conversation_is_shown_at_both_ends() -> None:
    history = "\n".join(f"user question {n}\nassistant answer {n}" for n in range(20))
    page = text([llm("m1", history, "assistant done", 0)], "m1")
    shown = [line.split()[-2:] for line in page.splitlines() if line.startswith(("  user", "  assistant"))]
    assert shown[:4] == [["question", "0"], ["answer", "0"], ["question", "1"], ["answer", "1"]]
    assert shown[-1] == ["answer", "19"]
    assert "… 26 more messages" in page
    assert "some texts are cut: --format json has them whole" in page


def test_a_long_text_keeps_its_line_breaks_and_indentation_and_says_how_much_is_cut() -> None:
    prompt = "def f():\n" + "\n".join(f"    line{n}" for n in range(40))
    recorded = llm("m1", "user x", "assistant y", 0)
    recorded.input = json.dumps([{"role": "user", "parts": [{"type": "text", "text": prompt}]}])
    page = text([recorded], "m1")
    assert "  user        def f():\n                  line0\n" in page
    assert "… 29 more lines" in page


@pytest.mark.parametrize("kind", ["turn", "tool"])
def test_what_is_absent_is_said(kind: str) -> None:
    if kind == "turn":
        assert "  input       not recorded on the span itself\n" in text([agent("turn", "a", 0, 1)], "turn")
    else:
        page = text([tool("s9", "ping", {}, None, 0, None)], "s9")
        assert "  arguments   {}\n  result      ping: not recorded\n" in page


def test_colour_only_where_asked() -> None:
    assert "\x1b" not in text(spans())
    coloured = text(spans(), color=True)
    assert "\x1b[" in coloured
    assert "\n\x1b[1mgiven\x1b[0m" in coloured


HOSTILE = st.text(max_size=80) | st.sampled_from(
    ["\x1b[31mred", "[red]x[/red]", "表" * 60, "👩‍👩‍👧" * 20, "\u202egnp.exe", "a" * 200, "x\r\ny\tz", "{not: json"]
)


@settings(max_examples=60, deadline=None)
@given(HOSTILE, st.integers(20, 120), st.booleans())
def test_no_text_breaks_the_width_or_commands_the_terminal(hostile: str, width: int, color: bool) -> None:
    recorded = spans()
    recorded[0].agent = recorded[1].agent = recorded[3].agent = hostile or "a"
    recorded[0].input = hostile
    recorded[1].model = hostile
    recorded[2].tool = hostile
    recorded[3].error_message = hostile
    recorded[3].output = json.dumps([{"role": "assistant", "parts": [{"type": "text", "text": hostile}]}])
    recorded[3].tools = json.dumps(
        [{"name": hostile, "description": hostile, "parameters": {"properties": {hostile: 1}}}]
    )
    page = text(recorded, width=width, color=color)
    if not color:
        assert all(cells(line) <= max(width, 40) for line in page.splitlines() if not _is_command(line))
        assert "\x1b" not in page
    assert not any(sign in page for sign in "\u202e\u200d\r\x07")


def _is_command(line: str) -> bool:
    """Commands and settings are for copying, and never broken."""
    return "agentdbg " in line or "OTEL_" in line


def test_the_same_bytes_twice() -> None:
    assert [text(spans(), width=w) for w in (40, 72, 120)] == [text(spans(), width=w) for w in (40, 72, 120)]


def test_any_part_a_convention_may_leave_is_shown() -> None:
    odd: list[dict[str, Any]] = [
        {"type": "reasoning", "text": "hm"},
        {"type": "media", "media_type": "image", "data": "…"},
        {"type": "tool_call", "id": None, "name": "f", "arguments": "{broken"},
        {"type": "text", "text": ""},
    ]
    recorded = llm("m1", "user x", "assistant y", 0)
    recorded.output = json.dumps([{"role": "assistant", "parts": odd}])
    page = text([recorded], "m1")
    assert "  reasoning   hm\n" in page
    assert "  asks for    f {broken\n" in page
    assert '  media       {"type": "media", "media_type": "image", "data": "…"}\n' in page
