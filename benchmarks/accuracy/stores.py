"""Files in, runs out, the way a user's file goes: through the importers, the store and the detectors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agentdbg.detectors.judge import judge
from agentdbg.importers import Input
from agentdbg.model import Finding
from agentdbg.store import ImportOptions, Store


@contextmanager
def ingested(files: Mapping[str, bytes]) -> Iterator[Store]:
    """An in-memory store of these files, name to content, which are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="agentdbg-accuracy-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        with of_files(Path(folder) / name for name in files) as (store, unread):
            if unread:
                raise SystemExit("cannot be read: " + "; ".join(unread))
            yield store


@contextmanager
def of_files(files: Iterable[Path]) -> Iterator[tuple[Store, list[str]]]:
    """An in-memory store of these files, and what could not be read of them."""
    with Store.in_memory() as store:
        reports = store.ingest([Input(str(file)) for file in files], ImportOptions())
        yield store, [f"{report.source}: {report.error}" for report in reports if report.error]


def findings(store: Store) -> dict[str, list[Finding]]:
    """What the detectors find, by run."""
    found: dict[str, list[Finding]] = {trace_id: [] for trace_id in store.reader().trace_ids()}
    for finding in judge(store.reader(), {}).findings:
        found[finding.trace_id].append(finding)
    return found
