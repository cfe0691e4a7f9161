"""`python -m benchmarks.replay.verified FOLDER`: every model call of the captures that FOLDER/manifest.json lists, sent
through each provider's own SDK that is installed, streamed and not. How many of the answers read as recorded, by
framework and grade."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agentdbg.replay.call import Call, calls_of
from agentdbg.replay.verify import Verification, verify
from benchmarks.accuracy.stores import of_files

SHOWN = 3
"""Problems told of each row."""
COLUMNS = ("calls", "left out", "asked", "equal")


def main() -> None:
    recorded: dict[tuple[str, str], list[Call]] = {}
    for framework, call in _calls(Path(sys.argv[1])):
        recorded.setdefault((framework, call.grade), []).append(call)
    total: Counter[str] = Counter()
    _print("framework", "grade", COLUMNS)
    for (framework, grade), calls in sorted(recorded.items()):
        done = verify(calls)
        row = _row(calls, done)
        total.update(row)
        _print(framework, grade, [str(row[name]) for name in COLUMNS])
        for one in done.problems[:SHOWN]:
            print(f"  {one.span_id} {one.api}{', streamed' if one.stream else ''}: {one.problem}")
    _print("all", "", [str(total[name]) for name in COLUMNS])


def _calls(folder: Path) -> Iterator[tuple[str, Call]]:
    for entry in json.loads((folder / "manifest.json").read_text("utf-8"))["entries"]:
        files = [folder / file for file in entry["files"] if file.endswith(".jsonl")]
        with of_files(files) as (store, _):
            reader = store.reader()
            for trace in reader.traces(reader.trace_ids()):
                yield from ((entry["files"][0].split("/")[0], call) for call in calls_of(trace))


def _row(calls: list[Call], done: Verification) -> dict[str, int]:
    asked = len(done.results)
    return {"calls": len(calls), "left out": done.left_out, "asked": asked, "equal": asked - len(done.problems)}


def _print(framework: str, grade: str, figures: tuple[str, ...] | list[str]) -> None:
    print(f"{framework:32} {grade:8}", *(f"{figure:>9}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
