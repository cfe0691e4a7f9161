"""How to get one trace out of where it is, for somebody who asked for one that is not here.

The commands are those of the published documentation of each.
"""

from __future__ import annotations

from shlex import quote

_COLLECTOR = (
    "add `file: {path: traces.jsonl}` to exporters and to the traces pipeline, then: agentdbg ingest traces.jsonl"
)


def how_to_export(trace_id: str) -> str:
    """One line a source, the commands as they are typed, with what only the user knows in capitals."""
    own = quote(trace_id)
    file = quote(f"{trace_id}.json")
    langfuse = quote(f"https://cloud.langfuse.com/api/public/traces/{trace_id}")
    phoenix = quote(f"http://localhost:6006/v1/projects/PROJECT/spans/otlpv1?trace_id={trace_id}&limit=1000")
    jaeger = quote(f"http://localhost:16686/api/v3/traces/{trace_id}")
    lines = (
        f"not read in yet? export it, then: agentdbg show {file}",
        f"  LangSmith       langsmith trace get {own} --project PROJECT --full -o {file}",
        f"  Langfuse        curl -u PUBLIC_KEY:SECRET_KEY {langfuse} -o {file}",
        f"  Phoenix         curl {phoenix} -o {file}",
        f"  Jaeger          curl {jaeger} -o {file}",
        f"  OTel Collector  {_COLLECTOR}",
    )
    return "\n".join(lines)
