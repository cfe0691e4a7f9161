"""One span a line, indentation is parentage: the language of docs, tests, golden files and bug reports.

    trace credit-memo session=thread-42           # starts one more trace; its key=value hold for all its spans
    workflow credit-memo
      agent planner "find rome" -> "rome found"   # kind, name, what went in -> what came out
        llm gpt-4o in=900 out=40 cost=0.01 "the answer"
        llm gpt-4o "the prompt" -> "the answer"
        tool search {"q": "rome"} -> [] dur=2s
        tool search {"q": "rome"} error="TimeoutError: 30s"
        handoff researcher {"task": "find rome"}
      agent researcher open                       # never closed
        llm gpt-4o x5                             # five of them, each with all that stands below it
      agent writer parallel at=12s                # starts with the agent before it, or at a time of its own

KIND   workflow agent llm tool retriever state guard other, or handoff: a tool call that names the next agent.
NAME   A bare word, or text in quotes (not for llm, where quoted text is the answer); nothing or `-` for none. It is the
       agent, the model or the tool as well as the span's name; `name=` sets the span's name alone.
VALUE  JSON. Alone it is what came out of an llm and what went into anything else; `IN -> OUT` and `-> OUT` say which.
KEY=   in out cached reasoning (tokens), cost (US dollars), finish, session, error ("Type: message"), status (ok error
       unset), agent, model, provider, tool, tools, parameters, name, id, parent (an id, or `missing` for one that is in
       no trace), dur and at (2s, 150ms, 1m30s; at counts from the start of the trace). Any other key stays an attribute
       of that name.
FLAG   open, parallel, error, xN.

Spans follow one another, 100 ms each; parents enclose their children. Status is ok unless told otherwise, unset for
open spans.
"""

from __future__ import annotations

from agentdbg.sketch.reading import KINDS, MISSING, Node, Problem, Sketch, parse, read, transfer
from agentdbg.sketch.writing import write

__all__ = ["KINDS", "MISSING", "Node", "Problem", "Sketch", "parse", "read", "transfer", "write"]
