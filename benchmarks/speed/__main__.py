"""`python -m benchmarks.speed`: agentdbg beside its rivals on the same files, A B A B, every one a whole process."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed import table
from benchmarks.speed.cases import AGENTDBG, READING, RIVAL, STARTING, Case
from benchmarks.speed.measure import Sample, load, measure

NEAREST = "SELECT trace_id FROM traces ORDER BY abs(span_count - 25), trace_id LIMIT 1"


def main() -> None:
    asked = _asked()
    by_size: dict[int, dict[str, list[Sample]]] = {}
    loads = [load()]
    with _folder(asked.data) as folder:
        for spans in asked.spans:
            data = _data(folder, spans)
            cases = [case for case in (*STARTING, *READING) if not asked.only or case.name in asked.only]
            by_size[spans] = _rounds(cases, data, asked.rounds)
            loads.append(load())
        peers = _peers(folder) if asked.with_peers else []
    told = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "load_before": round(loads[0], 1),
        "load_after": [round(one, 1) for one in loads[1:]],
        "rounds": asked.rounds,
        "versions": json.loads(subprocess.check_output([*RIVAL, "versions"])),
        "samples": {str(spans): {name: [asdict(one) for one in samples] for name, samples in measured.items()}
                    for spans, measured in by_size.items()},
        "promises": table.promises(by_size),
        "peers": peers,
    }  # fmt: skip
    _print(told, by_size, peers)
    if asked.json:
        Path(asked.json).write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    sizes = [10_000, 100_000, 1_000_000]
    parser.add_argument("--spans", type=int, nargs="+", default=sizes, help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default: %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="of: " + ", ".join(table.TITLES))
    parser.add_argument("--with-peers", action="store_true", help="also Phoenix and MLflow (group `bench-peers`)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where files are made and kept (default: thrown away)")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    return parser.parse_args()


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="agentdbg-speed-") as made:
        yield Path(made)


def _data(folder: Path, spans: int) -> Path:
    """The files of so many spans, made in a process of its own where they are not there yet."""
    data = folder / str(spans)
    if not (data / READING[0].encoding).exists():
        _say(f"making {spans:,} spans")
        subprocess.run([sys.executable, "-m", "benchmarks.speed.encodings", str(data), str(spans)], check=True)
    return data


def _rounds(cases: Sequence[Case], data: Path, rounds: int) -> dict[str, list[Sample]]:
    """Every case once, then every case again: what changes on the machine meanwhile changes for all of them."""
    out: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            _say(f"{data.name} spans, round {number + 1} of {rounds}: {case.title}")
            sample = _one(case, data)
            _say(f"  {sample.seconds:.2f} s, {sample.memory_mb:,.0f} MB")
            out[case.name].append(sample)
    return out


def _one(case: Case, data: Path) -> Sample:
    database = data / f"{case.after or case.name}.duckdb"
    if case.fresh:
        database.unlink(missing_ok=True)
    trace = _trace(database) if "{trace}" in case.command else ""
    sample = measure(case.line(data, database, trace), data / "log.txt")
    if case.fresh and case.encoding and database.exists():
        return replace(sample, stored=database.stat().st_size / (data / case.encoding).stat().st_size)
    return sample


def _trace(database: Path) -> str:
    command = [*AGENTDBG, "query", NEAREST, "--db", str(database), "--format", "json"]
    found: str = json.loads(subprocess.check_output(command))[0]["trace_id"]
    return found


def _peers(folder: Path) -> list[dict[str, Any]]:
    from benchmarks.speed import peers

    return peers.measured(_data(folder, peers.SPANS), folder)


def _machine() -> dict[str, Any]:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count(), "memory_gb": pages >> 30}


def _print(told: dict[str, Any], by_size: dict[int, dict[str, list[Sample]]], peers: list[dict[str, Any]]) -> None:
    machine = told["machine"]
    print(f"{told['date']}, {machine['system']}, {machine['cores']} cores, {machine['memory_gb']} GB, load "
          f"{told['load_before']} before and {told['load_after']} after, medians of {told['rounds']}")  # fmt: skip
    tables = [(f"{spans:,} spans", table.HEAD, table.rows(measured, spans)) for spans, measured in by_size.items()]
    tables.append(("Promises", table.PROMISE_HEAD, table.promise_rows(told["promises"])))
    if peers:
        tables.append(("Peers", ["what", "seconds", "spans/s"], [_peer_row(one) for one in peers]))
    for draw in (table.plain, table.markdown):
        for title, head, lines in tables:
            if lines:
                print(f"\n{title}\n\n{draw(head, lines)}")


def _peer_row(one: dict[str, Any]) -> list[str]:
    if "why" in one:
        return [f"{one['name']}: left out, {one['why']}", "", ""]
    return [one["name"], f"{one['seconds']:.1f}", f"{one['spans'] / one['seconds']:,.0f}"]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
