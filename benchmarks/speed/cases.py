"""What is measured, and which two of it make a figure that is promised."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

AGENTDBG = (sys.executable, "-c", "from agentdbg.cli.main import run; run()")
RIVAL = (sys.executable, "-m", "benchmarks.speed.rivals")


@dataclass(frozen=True, slots=True)
class Case:
    """One command line. encoding: the file it reads; database: the one it writes or reads, of which `fresh` ones are
    removed before. after: the case whose database it works on."""

    name: str
    title: str
    command: tuple[str, ...]
    encoding: str = ""
    fresh: bool = True
    after: str | None = None

    def line(self, data: Path, database: Path, trace: str) -> list[str]:
        """The command line with its places filled in."""
        places = {"{file}": str(data / self.encoding), "{db}": str(database), "{trace}": trace}
        return [places.get(part, part) for part in self.command]


def _ingest(*more: str) -> tuple[str, ...]:
    return (*AGENTDBG, "ingest", "{file}", "--db", "{db}", *more)


def _reading(*command: str) -> tuple[str, ...]:
    return (*AGENTDBG, *command, "--db", "{db}")


OTLP, PROTOBUF, LANGSMITH = "otlp.jsonl", "otlp.pb", "langsmith.jsonl"
READING: tuple[Case, ...] = (
    Case("parse", "orjson.loads of every line, nothing else", (*RIVAL, "parse", "{file}"), OTLP),
    Case("otlp-json", "ingest OTLP/JSON", _ingest("--no-detect"), OTLP),
    Case("otlp-protobuf", "ingest OTLP protobuf", _ingest("--no-detect"), PROTOBUF),
    Case("langsmith", "ingest LangSmith JSON lines", _ingest("--no-detect"), LANGSMITH),
    Case("walk", "orjson walk of LangSmith into the same table", (*RIVAL, "walk", "{file}", "{db}"), LANGSMITH),
    Case("by-hand", "DuckDB read_json_auto by hand", (*RIVAL, "by_hand", "{file}", "{db}"), OTLP),
    Case("judged", "ingest OTLP/JSON and judge", _ingest(), OTLP),
    Case("again", "ingest the unchanged file again", _ingest("--no-detect"), OTLP, False, "otlp-json"),
    Case("open", "import duckdb, open the store", (*RIVAL, "opening", "", "{db}"), "", False, "judged"),
    Case("show", "show a run of 25 spans", _reading("show", "{trace}"), "", False, "judged"),
    Case("check", "check from the store", _reading("check"), "", False, "judged"),
)
STARTING: tuple[Case, ...] = (
    Case("python", "python -c pass", (sys.executable, "-c", "pass")),
    Case("help", "agentdbg --help", (*AGENTDBG, "--help")),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A promise: `what` of case `ours`, divided by that of `theirs`, is at most (or at least) `limit`. at: the number
    of spans that it is made for; None: all."""

    title: str
    ours: str
    theirs: str | None
    limit: float
    what: str = "seconds"
    at_least: bool = False
    at: int | None = None

    def kept(self, found: float) -> bool:
        return found >= self.limit if self.at_least else found <= self.limit


TARGETS: Sequence[Target] = (
    Target("OTLP/JSON ingest, times orjson alone", "otlp-json", "parse", 7, at=100_000),
    Target("protobuf ingest, times JSON ingest", "otlp-protobuf", "otlp-json", 1, at=100_000),
    Target("LangSmith ingest, times as fast as an orjson walk", "walk", "langsmith", 1.5, at_least=True, at=100_000),
    Target("OTLP/JSON ingest, times read_json_auto by hand", "otlp-json", "by-hand", 1, at=100_000),
    Target("peak memory of ingest, MB", "otlp-json", None, 600, "memory_mb"),
    Target("store, share of the input's bytes", "otlp-json", None, 0.25, "stored"),
    Target("ingest of the unchanged file, share of the first", "again", "otlp-json", 0.1),
    Target("show of 25 spans, times import duckdb and open", "show", "open", 1.6, at=1_000_000),
)
LINEAR = (100_000, 1_000_000, 0.8)  # the greater has at least this share of the lesser one's spans a second
