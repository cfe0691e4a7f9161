"""`python -m benchmarks.replay`: what the playback server adds to each model call, beside a bare server that echoes."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from benchmarks.replay.case import PATH, calls, requests

KINDS = ("echo", "playback")
WARM = 20
"""Requests at the start that do not count."""


@dataclass(frozen=True, slots=True)
class Run:
    """One server, asked everything once: milliseconds a request, of these its processor's, which other work on the
    machine hardly changes; seconds until it was up, by the clock and of the processor; megabytes at most."""

    median_ms: float
    p95_ms: float
    processor_ms: float
    start_s: float
    start_processor_s: float
    memory_mb: float


def main() -> None:
    asked = _asked()
    bodies = {count: requests(calls(count)) for count in asked.calls}
    told: dict[str, dict[str, list[Run]]] = {}
    for count in asked.calls:
        runs: dict[str, list[Run]] = {kind: [] for kind in KINDS}
        for _ in range(asked.rounds):  # A B A B, so that what else the machine does strikes both
            for kind in KINDS:
                runs[kind].append(_run(kind, count, bodies[count]))
        told[str(count)] = runs
        _print(count, sum(map(len, bodies[count])) / count, runs)
    if asked.json:
        found = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load": round(os.getloadavg()[0], 1),
            "runs": {
                size: {kind: [asdict(one) for one in several] for kind, several in runs.items()}
                for size, runs in told.items()
            },
        }
        Path(asked.json).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument(
        "--calls", type=int, nargs="+", default=[100, 1000], help="of the recording (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write the samples here")
    return parser.parse_args()


def _run(kind: str, count: int, bodies: Sequence[bytes]) -> Run:
    began = time.perf_counter()
    line = [sys.executable, "-m", "benchmarks.replay.serving", kind, str(count)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told, loading = server.stdout.readline().split()
        address = urlsplit(told)
        start = time.perf_counter() - began
        took = _ask(address.hostname or "", address.port or 0, bodies)
        out, _ = server.communicate()
    memory, processor = map(float, out.split())
    return Run(median(took), quantiles(took, n=20)[-1], processor / len(bodies) * 1000, start, float(loading), memory)


def _ask(host: str, port: int, bodies: Sequence[bytes]) -> list[float]:
    """Milliseconds of each request over one connection, as SDKs keep it."""
    connection = HTTPConnection(host, port)
    out = []
    for body in bodies:
        began = time.perf_counter()
        connection.request("POST", PATH, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        out.append((time.perf_counter() - began) * 1000)
        if reply.status != 200:
            raise SystemExit(f"a request was answered with {reply.status}")
    connection.close()
    return out[WARM:]


def _print(count: int, size: float, runs: dict[str, list[Run]]) -> None:
    print(f"{count:,} calls, {size / 1000:.1f} kB a request; best of {len(runs['echo'])} runs")
    best = {kind: Run(*(min(getattr(one, name) for one in runs[kind]) for name in Run.__slots__)) for kind in KINDS}
    for kind in KINDS:
        one = best[kind]
        print(
            f"  {kind:9} median {one.median_ms:6.2f} ms  p95 {one.p95_ms:6.2f} ms  processor {one.processor_ms:5.2f} ms"
            f"  up in {one.start_s:5.2f} s (processor {one.start_processor_s:.2f} s)  memory {one.memory_mb:4.0f} MB"
        )
    echo, ours = best["echo"], best["playback"]
    added, times = ours.median_ms - echo.median_ms, ours.median_ms / echo.median_ms
    more = ours.memory_mb - echo.memory_mb
    print(f"  added     {added:.2f} ms a call ({times:.1f} times the echo), {more:.0f} MB")


if __name__ == "__main__":
    main()
