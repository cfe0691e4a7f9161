"""What the same file costs without agentdbg. Each is run as a process of its own: `python -m benchmarks.speed.rivals
NAME [FILE] [DATABASE]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH = 5_000


def parse(path: str, _: str) -> None:
    """orjson alone: every line parsed and dropped."""
    import orjson

    with open(path, "rb") as lines:
        for line in lines:
            orjson.loads(line)


def walk(path: str, database: str) -> None:
    """LangSmith runs by hand: orjson, a dict walk, and the table of a store of ours."""
    from datetime import UTC, datetime

    import orjson
    import pyarrow as pa

    from agentdbg.store import Store

    def time_ns(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6) * 1000

    def row(run: dict[str, Any]) -> dict[str, Any]:
        metadata, model_call = run["extra"]["metadata"], run["run_type"] == "llm"
        return {
            "trace_id": run["trace_id"], "span_id": run["id"], "parent_id": run["parent_run_id"], "name": run["name"],
            "kind": run["run_type"], "start_ns": time_ns(run["start_time"]), "end_ns": time_ns(run["end_time"]),
            "status": "error" if run["error"] else "ok", "error_message": run["error"],
            "agent_hint": metadata.get("langgraph_node"), "model": metadata.get("ls_model_name"),
            "provider": metadata.get("ls_provider"), "session_id": metadata.get("thread_id"),
            "input_tokens": run["prompt_tokens"] if model_call else None,
            "output_tokens": run["completion_tokens"] if model_call else None,
            "input": orjson.dumps(run["inputs"]).decode(), "output": orjson.dumps(run["outputs"]).decode(),
            "attributes": orjson.dumps(run).decode(), "file_id": 1, "merged": False, "run_id": run["trace_id"],
        }  # fmt: skip

    with Store.create(Path(database)) as store, open(path, "rb") as lines:
        rows: list[dict[str, Any]] = []
        for line in lines:
            rows.append(row(orjson.loads(line)))
            if len(rows) == BATCH:
                _insert(store._con, pa.Table.from_pylist(rows))
                rows.clear()
        if rows:
            _insert(store._con, pa.Table.from_pylist(rows))


def _insert(con: Any, made: Any) -> None:
    con.register("made", made)
    con.execute("INSERT INTO raw.spans BY NAME FROM made")


def by_hand(path: str, database: str) -> None:
    """DuckDB by hand: read_json_auto and two unnests, nothing but the spans as they stand there."""
    import duckdb

    with duckdb.connect(database) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(
            "CREATE TABLE spans AS SELECT unnest(scoped.spans) AS span FROM (SELECT unnest(r.scopeSpans) AS scoped "
            "FROM (SELECT unnest(resourceSpans) AS r FROM read_json_auto(?, format = 'newline_delimited')))",
            [path],
        )


def opening(_: str, database: str) -> None:
    """import duckdb and open the store: what no command on a store can be faster than."""
    import duckdb

    duckdb.connect(database, read_only=True).execute("SELECT 1").fetchall()


def versions() -> None:
    """What the figures were measured with, as JSON."""
    import platform
    from importlib.metadata import version

    names = ("agentdbg-traces", "duckdb", "orjson", "msgspec", "pyarrow", "opentelemetry-proto")
    print(json.dumps({"python": platform.python_version(), **{name: version(name) for name in names}}))


RIVALS: dict[str, Callable[[str, str], None]] = {one.__name__: one for one in (parse, walk, by_hand, opening)}

if __name__ == "__main__":
    if sys.argv[1] == "versions":
        versions()
    else:
        RIVALS[sys.argv[1]](*[*sys.argv[2:], "", ""][:2])
