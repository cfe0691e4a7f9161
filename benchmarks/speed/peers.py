"""Phoenix and MLflow on the same OTLP requests, each as its own server on this machine. They are servers that commit as
spans come and show them in a browser: this compares taking in an exported file, nothing else.

Both come with the dependency group `bench-peers`, here or in the environment whose Python BENCH_PEERS_PYTHON names.
What is not installed or does not start is left out, with the reason."""

from __future__ import annotations

import http.client
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed.cases import AGENTDBG, PROTOBUF
from benchmarks.speed.measure import measure

SPANS = 5_000
START_SECONDS, STORE_SECONDS = 180, 240


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: how it is started ({folder}, {port}), where it takes requests, and how its spans are counted."""

    name: str
    command: tuple[str, ...]
    port: int
    database: str
    counting: str
    headers: tuple[tuple[str, str], ...] = ()


PEERS = (
    Peer("Phoenix", ("-m", "phoenix.server.main", "serve"), 16006, "phoenix.db", "SELECT count(*) FROM spans"),
    Peer("MLflow", ("-m", "mlflow", "server", "--backend-store-uri", "sqlite:///{folder}/mlflow.db", "--port", "{port}",
                    "--workers", "1"),
         16007, "mlflow.db", "SELECT count(*) FROM spans", (("x-mlflow-experiment-id", "0"),)),
)  # fmt: skip


def measured(data: Path, folder: Path) -> list[dict[str, Any]]:
    """Seconds until all spans of the protobuf file are stored: ours as a whole process, theirs without their start."""
    requests = list(_requests(data / PROTOBUF))
    want = _count(requests)
    ours = folder / "peers.duckdb"
    ours.unlink(missing_ok=True)
    command = [*AGENTDBG, "ingest", str(data / PROTOBUF), "--db", str(ours), "--no-detect"]
    out: list[dict[str, Any]] = [
        {"name": "agentdbg", "spans": want, "seconds": measure(command, folder / "log.txt").seconds}
    ]
    for peer in PEERS:
        try:
            out.append({"name": peer.name, "spans": want, "seconds": _one(peer, requests, want, folder / peer.name)})
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            out.append({"name": peer.name, "why": str(error)})
    return out


def _one(peer: Peer, requests: list[bytes], want: int, folder: Path) -> float:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / peer.database).unlink(missing_ok=True)
    filled = [part.format(folder=folder, port=peer.port) for part in peer.command]
    surroundings = {**os.environ, "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_PORT": str(peer.port),
                    "PHOENIX_GRPC_PORT": str(peer.port + 100)}  # fmt: skip
    python = os.environ.get("BENCH_PEERS_PYTHON", sys.executable)
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen([python, *filled], stdout=log, stderr=log, env=surroundings, cwd=folder,
                                  start_new_session=True)  # fmt: skip
    try:
        _wait_for_start(peer, server)
        began = time.perf_counter()
        for body in requests:
            _send(peer, body)
        while _stored(peer, folder) < want:
            if time.perf_counter() - began > STORE_SECONDS:
                raise RuntimeError(f"{_stored(peer, folder):,} of {want:,} spans after {STORE_SECONDS} s")
            time.sleep(0.2)
        return time.perf_counter() - began
    finally:
        _end(server)


def _wait_for_start(peer: Peer, server: subprocess.Popen[bytes]) -> None:
    began = time.perf_counter()
    while time.perf_counter() - began < START_SECONDS:
        if server.poll() is not None:
            raise RuntimeError("not installed, or it does not start (its log.txt says why)")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=5)
            connection.request("GET", "/")
            if connection.getresponse().status < 500:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.5)
    raise RuntimeError(f"not ready after {START_SECONDS} s")


def _send(peer: Peer, body: bytes) -> None:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=120)
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf", **dict(peer.headers)})
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        if answer.status not in (429, 503):
            break
        time.sleep(0.05)  # its queue is full
    if answer.status >= 300:
        raise RuntimeError(f"a request was answered with {answer.status}: {told[:100]!r}")


def _stored(peer: Peer, folder: Path) -> int:
    try:
        with sqlite3.connect(f"file:{folder / peer.database}?mode=ro", uri=True, timeout=30) as con:
            found: int = con.execute(peer.counting).fetchone()[0]
            return found
    except sqlite3.Error:
        return 0


def _end(server: subprocess.Popen[bytes]) -> None:
    """The server and the workers it started: its process group is its own."""
    try:
        os.killpg(server.pid, 15)
        server.wait(20)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, 9)
        server.wait()


def _requests(path: Path) -> Iterator[bytes]:
    content, at = path.read_bytes(), 0
    while at < len(content):
        size = shift = 0
        while content[at] > 127:
            size |= (content[at] & 127) << shift
            at, shift = at + 1, shift + 7
        size |= content[at] << shift
        yield content[at + 1 : at + 1 + size]
        at += 1 + size


def _count(requests: list[bytes]) -> int:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    parsed = map(ExportTraceServiceRequest.FromString, requests)
    return sum(len(scoped.spans) for one in parsed for group in one.resource_spans for scoped in group.scope_spans)
