"""Files in, runs out, the way a user's file goes: through the importers, the store and the detectors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agentdbg.detectors.judge import judge
from agentdbg.importers import Input
from agentdbg.model import Finding
from agentdbg.store import ImportOptions, Store


@contextmanager
def ingested(lines: Iterable[bytes], name: str) -> Iterator[Store]:
    """An in-memory store of a file of these lines, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="agentdbg-accuracy-") as folder:
        file = Path(folder) / name
        with file.open("wb") as out:
            out.writelines(lines)
        with of_files([file]) as store:
            yield store


@contextmanager
def of_files(files: Iterable[Path]) -> Iterator[Store]:
    """An in-memory store of these files."""
    with Store.in_memory() as store:
        reports = store.ingest([Input(str(file)) for file in files], ImportOptions())
        failed = [f"{report.source}: {report.error}" for report in reports if report.error]
        if failed:
            raise SystemExit("cannot be read: " + "; ".join(failed))
        yield store


def findings(store: Store) -> dict[str, list[Finding]]:
    """What the detectors find, by run."""
    found: dict[str, list[Finding]] = {trace_id: [] for trace_id in store.reader().trace_ids()}
    for finding in judge(store.reader(), {}).findings:
        found[finding.trace_id].append(finding)
    return found
