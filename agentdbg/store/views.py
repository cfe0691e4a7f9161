"""The public views: names, columns and comments are an interface (`agentdbg query`, `agentdbg schema`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """A public view: what a row is, where it comes from, and per column (expression, comment)."""

    comment: str
    source: str
    columns: dict[str, tuple[str, str]]


def _same(prefix: str, columns: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (f"{prefix}{name}", comment) for name, comment in columns.items()}


_TRACE_ID = "Id of the trace, as its source writes it (OTLP: 32 lower-case hex digits); of a run of several, the first"
_TEXT = "nullif(array_to_string(list_filter(m.item->>'$.parts[*].text', lambda x: x IS NOT NULL), chr(10)), '')"
_WALL = "CASE WHEN s.end_ns < s.start_ns THEN 0 ELSE s.end_ns - s.start_ns END"  # greatest() passes over NULL
_SPAN_ID = "Id of the span within its trace"

VIEWS: dict[str, View] = {
    "traces": View(
        "One row a trace",
        """derived.traces t LEFT JOIN (SELECT run_id, list_sort(list(trace_id)) AS ids FROM raw.runs GROUP BY run_id) m
        ON t.trace_id = m.run_id""",
        _same("t.", {
            "trace_id": _TRACE_ID,
            "name": "Name of the root span, or of the earliest span where the root is missing",
            "status": "ok, error, or incomplete (the root is missing or never closed)",
            "start_ns": "Earliest start, nanoseconds since the Unix epoch",
            "duration_ns": "From the earliest start to the latest end, nanoseconds",
            "span_count": "Spans, each counted once however often it was exported",
            "agents": "Agents in order of their first turn",
            "llm_calls": "Real model calls",
            "tool_calls": "Tool spans",
            "handoffs": "Handoffs between agents",
            "input_tokens": "Input tokens over all model calls, cached ones included; NULL when none reports any",
            "output_tokens": "Output tokens over all model calls; NULL when none reports any",
            "cost_usd": "Cost of the priced calls in US dollars; NULL when none has a price",
            "priced_calls": "Model calls whose cost is known",
            "counted_calls": "Model calls whose tokens are known",
            "payload_calls": "Model calls whose prompt and answer are recorded",
            "session_id": "Conversation or session the run belongs to",
            "workflow": "Runs of the same kind share it: root name and set of agents",
        }) | {
            "joined": ("coalesce(m.ids, [])",
                       "Other traces that were recorded of the same run: their links, ids or calls lead to this one"),
        },
    ),
    "spans": View(
        "One row a span, after normalisation",
        "raw.spans s LEFT JOIN derived.roles r ON s.run_id = r.trace_id AND s.span_id = r.span_id",
        {
            "trace_id": ("s.run_id", _TRACE_ID),
            "recorded_trace_id": ("s.trace_id", "The trace that the span itself names"),
            "span_id": ("s.span_id", _SPAN_ID),
            "parent_id": ("coalesce(s.run_parent_id, s.parent_id)",
                          "Id of the parent span; NULL at a root. The parent may be absent from the trace"),
            "name": ("s.name", "Name of the span"),
            "kind": ("coalesce(r.kind, s.kind)", "workflow, agent, llm, tool, retriever, state, guard or other"),
            **_same("s.", {
                "start_ns": "Start, nanoseconds since the Unix epoch", "end_ns": "End; NULL when the span never closed",
            }),
            "duration_ns": (_WALL, "Wall time in nanoseconds; NULL when the span never closed"),
            **_same("s.", {
                "status": "ok, error or unset; control-flow exceptions are no errors",
                "error_type": "Class of the error", "error_message": "Text of the error, without its traceback",
                "control_flow": "Class of a control-flow exception that passed through, such as ParentCommand",
            }),
            "agent": ("r.agent", "The agent whose work this is"),
            "agent_rule": ("r.agent_rule", "How the agent was decided: the attribute, or where it was inferred from"),
            "turn_id": ("r.turn_id", "Top span of the agent turn that this belongs to"),
            "is_call": ("coalesce(r.is_call, false)", "True on the one span that stands for a real model call"),
            **_same("s.", {
                "model": "Model of the response, else of the request", "request_model": "Model as requested",
                "provider": "Provider or system, as recorded", "response_id": "Id of the provider's response",
                "finish_reason": "Why the model stopped",
                "input_tokens": "Input tokens of a model call, cached ones included",
                "output_tokens": "Output tokens of a model call, reasoning included",
                "cached_tokens": "Input tokens read from the provider's cache",
                "cache_write_tokens": "Input tokens written to the provider's cache",
                "reasoning_tokens": "Output tokens spent on reasoning",
                "reported_cost_usd": "Cost in US dollars as the trace reports it",
                "tool": "Name of the tool", "tool_call_id": "Id of the call as the model named it",
                "handoff_from": "Agent that a handoff span names as its sender",
                "handoff_to": "Agent that a handoff span or tool names as its receiver",
                "session_id": "Conversation or session",
                "graph_step": "LangGraph super-step: equal steps ran at the same time",
                "convention": "Vocabularies that the span speaks, joined by +",
                "scope": "Instrumentation scope that wrote the span",
                "input_key": "Hash of what is new in the input, ids and times masked; NULL when not recorded",
                "output_key": "Hash of the output, ids and times masked; NULL when not recorded",
                "output_empty": "True when the recorded output holds nothing; NULL when not recorded",
                "input": "What went in, JSON text: messages of a model call, arguments of a tool",
                "output": "What came out, JSON text: messages of a model call, result of a tool",
                "parameters": "Sampling and other request parameters, JSON text",
                "payload_cut": "True when part of the messages is known to be missing",
                "dropped": "Attributes that the SDK says it dropped",
                "attributes": "Every attribute as recorded, JSON text",
                "events": "Span events as recorded, JSON text", "links": "Span links as recorded, JSON text",
                "resource": "Resource attributes as recorded, JSON text",
            }),
            "tools": ("coalesce(s.tools, o.tools)",
                      "Tool definitions offered to the model, JSON text; those of its agent where a call tells none"),
            "source": ("f.path || coalesce(':' || s.source_line, '')", "File and line that the span was read from"),
        },
    ),
    "llm_calls": View(
        "One row per real model call, however many spans report it; failed calls are rows too",
        "derived.calls c",
        _same("c.", {
            "trace_id": _TRACE_ID, "span_id": "The span that tells most about the call",
            "agent": "The agent that made the call", "model": "Model of the response, else of the request",
            "provider": "Provider or system, as recorded",
            "input_tokens": "Input tokens, cached ones included", "output_tokens": "Output tokens, reasoning included",
            "cached_tokens": "Input tokens read from the provider's cache",
            "reasoning_tokens": "Tokens spent on reasoning",
            "cost_usd": "Cost in US dollars; NULL when unknown", "cost_basis": "reported, computed or unknown",
            "finish_reason": "Why the model stopped", "start_ns": "Start, nanoseconds since the Unix epoch",
            "duration_ns": "Wall time in nanoseconds", "status": "ok, error or unset",
            "replayable": "exact, content, partial or no", "replay_reason": "Why that grade",
            "other_span_ids": "Other spans that report the same call",
        }),
    ),
    "tool_calls": View(
        "One row a tool span",
        "raw.spans s JOIN derived.roles r ON s.run_id = r.trace_id AND s.span_id = r.span_id AND r.kind = 'tool'",
        {
            "trace_id": ("s.run_id", _TRACE_ID),
            **_same("s.", {"span_id": _SPAN_ID, "tool": "Name of the tool"}),
            "agent": ("r.agent", "The agent that used it"),
            **_same("s.", {
                "tool_call_id": "Id of the call as the model named it", "input": "Arguments, JSON text",
                "output": "Result, JSON text", "output_empty": "True when the recorded result holds nothing",
                "status": "ok, error or unset", "error_type": "Class of the error", "start_ns": "Start, nanoseconds",
            }),
            "duration_ns": (_WALL, "Wall time in nanoseconds; NULL when the span never closed"),
        },
    ),
    "agent_turns": View(
        "One row an agent turn: an unbroken stretch of one agent's work",
        "derived.turns u",
        _same("u.", {
            "trace_id": _TRACE_ID, "span_id": "Topmost span of the turn", "agent": "The agent",
            "agent_rule": "How the agent was decided", "parent_turn_id": "Turn of the agent that this one works for",
            "start_ns": "Start, nanoseconds since the Unix epoch", "end_ns": "End; NULL when never closed",
            "status": "ok, error or unset",
        }),
    ),
    "handoffs": View(
        "One row a handoff of work between agents",
        "derived.handoffs h",
        _same("h.", {
            "trace_id": _TRACE_ID, "seq": "Order within the trace, from 0", "from_agent": "The sender",
            "to_agent": "The receiver", "rule": "The observation that made it a handoff",
            "sender_span_id": "Span whose output was sent",
            "receiver_span_id": "Top span of the receiving turn; NULL if it never ran",
            "via_span_id": "Tool or handoff span that did it", "start_ns": "When the receiver started, nanoseconds",
        }),
    ),
    "messages": View(
        "One row a message of a model call's prompt or answer",
        """(SELECT s.run_id AS trace_id, s.span_id, 'input' AS direction, s.input AS body FROM raw.spans s SEMI JOIN
        derived.calls c ON s.run_id = c.trace_id AND s.span_id = c.span_id WHERE s.input IS NOT NULL UNION ALL
        SELECT s.run_id, s.span_id, 'output', s.output FROM raw.spans s SEMI JOIN derived.calls c ON s.run_id =
        c.trace_id AND s.span_id = c.span_id WHERE s.output IS NOT NULL) p, LATERAL (SELECT unnest(from_json(p.body,
        '["JSON"]')) AS item, generate_subscripts(from_json(p.body, '["JSON"]'), 1) - 1 AS seq) m""",
        {
            "trace_id": ("p.trace_id", _TRACE_ID), "span_id": ("p.span_id", "The model call's span"),
            "direction": ("p.direction", "input or output"), "seq": ("m.seq", "Place in the prompt or answer, from 0"),
            "role": ("m.item->>'$.role'", "system, user, assistant or tool"),
            "text": (_TEXT,
                     "Text parts, one below the other; NULL when there are none"),
            "parts": ("m.item->'$.parts'", "All parts as JSON: text, reasoning, tool_call, tool_result, media"),
        },
    ),
    "findings": View(
        "One row a finding of the detectors at ingest",
        "derived.findings f",
        _same("f.", {
            "trace_id": _TRACE_ID, "seq": "Order within the trace, worst first", "detector": "Id of the detector",
            "severity": "critical, high, medium, low or info", "confidence": "certain, likely or hint",
            "title": "One short line", "message": "What was found", "agent": "The agent at fault",
            "span_id": "Span of the primary evidence", "evidence": "All evidence as JSON",
            "wasted_tokens": "Tokens spent for nothing", "wasted_usd": "Money spent for nothing, US dollars",
            "advice": "What to do", "next": "The command to type next",
            "key": "Normalised evidence behind the fingerprint",
            "fingerprint": "Equal for the same cause in other runs",
            "recorded_trace_id": "Trace that this span itself names, where the run was recorded as several traces",
        }),
    ),
    "files": View(
        "One row an input that was read",
        """raw.files f
        LEFT JOIN (SELECT file_id, count(*) AS spans FROM raw.spans WHERE stand_in IS NULL GROUP BY file_id) k
        ON f.file_id = k.file_id
        LEFT JOIN (SELECT file_id, count(*) AS logs FROM raw.logs
          ANTI JOIN (FROM raw.spans WHERE stand_in IS NULL) USING (trace_id, span_id) GROUP BY file_id) w
        ON f.file_id = w.file_id""",
        {
            "path": ("f.path", "As it was named when it was read"),
            "format": ("f.format", "Name of the format, as for --from"),
            "bytes": ("f.bytes", "Size of the file; 0 for a stream"),
            "spans": ("f.spans", "Spans read from it, every copy counted"),
            "kept_spans": ("coalesce(k.spans, 0)",
                           "Spans that stand here by this file: of copies of one span only the first file's"),
            "waiting_logs": ("coalesce(w.logs, 0)", "Log records of it whose spans are not here"),
        },
    ),
    "notes": View(
        "One row a thing to know about the input: what was lost, odd or inferred",
        """(SELECT n.severity, f.path || coalesce(':' || n.line, '') AS source, n.message, n.advice, NULL AS trace_id
            FROM raw.notes n LEFT JOIN raw.files f USING (file_id)
           UNION ALL SELECT 'info', t.trace_id, t.message, '', t.trace_id FROM derived.trace_notes t) n""",
        _same("n.", {
            "severity": "info, data_loss or error", "source": "file:line, or the trace id", "message": "What it is",
            "advice": "What to do about it", "trace_id": "The trace, for notes about its shape",
        }),
    ),
}  # fmt: skip
VIEWS["spans"] = View(
    VIEWS["spans"].comment,
    VIEWS["spans"].source + " LEFT JOIN raw.files f ON s.file_id = f.file_id"
    " LEFT JOIN derived.offered o ON s.run_id = o.trace_id AND s.span_id = o.span_id",
    VIEWS["spans"].columns,
)


def definitions() -> list[str]:
    """CREATE VIEW for every public view."""
    out = []
    for name, view in VIEWS.items():
        chosen = ", ".join(f'{expression} AS "{column}"' for column, (expression, _) in view.columns.items())
        out.append(f"CREATE VIEW {name} AS SELECT {chosen} FROM {view.source}")
    return out


def comments() -> list[str]:
    """COMMENT ON for every public view and column."""
    out = []
    for name, view in VIEWS.items():
        out.append(f"COMMENT ON VIEW {name} IS {_quoted(view.comment)}")
        out += [f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(text)}' for column, (_, text) in view.columns.items()]
    return out


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
