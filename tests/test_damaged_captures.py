"""Every capture of a real framework, damaged: cut off, shuffled, with keys renamed and values of other types. Nothing raises, nothing hangs,
what is lost is noted, and order makes no difference."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentdbg.detectors.judge import judge
from agentdbg.importers import Input
from agentdbg.sketch import write
from agentdbg.store import FileReport, ImportOptions, Store
from agentdbg.view.show import show
from tests.commandline import CORPUS

FOLDERS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) if CORPUS.is_dir() else []
QUICK = ("vercel-ai-responses",)
SECONDS = 300
LOST = ("data_loss", "error")
WITHOUT_IDS = ("langsmith-fetch",)  # lists of messages: the ids of their spans are made of what they hold
ODD_ATTRIBUTES: tuple[Any, ...] = (
    {}, {"stringValue": ""}, {"stringValue": "{"}, {"stringValue": "[[]]"}, {"stringValue": '{"a": 1}'}, {"intValue": "-1"}, {"intValue": str(2**62)},
    {"boolValue": True}, {"doubleValue": 1e308}, {"arrayValue": {"values": []}}, {"arrayValue": {"values": [{"intValue": "7"}]}}, {"bytesValue": "AAE="},
    {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}},
)  # fmt: skip
ODD: tuple[Any, ...] = (None, 7, -1, True, 1e308, "x", "", "{", [], [1], {}, {"a": 1}, [[]])
IDENTITY = ("id", "run_id", "trace_id", "span_id", "dotted_order", "parent_id", "parent_run_id", "object")

pytestmark = pytest.mark.skipif(not FOLDERS, reason="the captures (../shared/corpus) are not here")
every_folder = pytest.mark.parametrize(
    "folder", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in FOLDERS]
)
Change = Callable[[bytes, random.Random], bytes]


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def captures(folder: str, *endings: str) -> list[Path]:
    files = sorted(path for path in (CORPUS / folder).iterdir() if not path.name.endswith(".headers.json"))
    return [path for path in files if path.name.endswith(endings or "")]


def changed(files: list[Path], change: Change, folder: Path) -> list[Path]:
    """The files after a change; what is random is so by the name of the file."""
    out = []
    for path in files:
        out.append(folder / path.name)
        out[-1].write_bytes(change(path.read_bytes(), random.Random(f"{path.parent.name}/{path.name}")))
    return out


def read(files: list[Path]) -> tuple[Store, list[FileReport]]:
    store = Store.in_memory()
    return store, store.ingest([Input(str(file)) for file in files], ImportOptions())


def everything(store: Store) -> list[list[tuple[Any, ...]]]:
    """All that is told of the spans, but for where they stood."""
    reader = store.reader()
    views = ("traces", "llm_calls", "agent_turns", "handoffs")
    spans = reader.rows("SELECT * EXCLUDE (source) FROM spans ORDER BY trace_id, span_id")
    return [spans, *(reader.rows(f"FROM {view} ORDER BY ALL") for view in views)]


def identities(store: Store) -> set[tuple[str]]:
    """Ids of spans: of linked traces that are one run, the id of the run is one of those that are there."""
    return set(store.reader().rows("SELECT span_id FROM spans"))


def looked_at(store: Store) -> list[str]:
    """What detectors find, after every run was shown and written as a sketch."""
    reader = store.reader()
    made = judge(reader, {})
    for trace_id in reader.trace_ids():
        trace = reader.trace(trace_id)
        assert write(trace)
        assert show(trace, [one for one in made.findings if one.trace_id == trace_id])
        counts = [count for call in trace.calls for count in (call.input_tokens, call.output_tokens)]
        assert all(count is None or count >= 0 for count in counts)
    return [repr(one) for one in (*made.findings, *made.skipped)]


def cut(data: bytes, chance: random.Random) -> bytes:
    """The beginning of a file, to a place inside a line."""
    at = chance.randrange(1, len(data) - 1)
    while at > 1 and b"\n" in data[at - 1 : at + 1]:
        at -= 1
    return data[:at]


def shuffled(data: bytes, chance: random.Random) -> bytes:
    """Records in another order, and the spans inside them. Log records stay: their order is what they mean."""
    if b'"resourceLogs"' in data[:200]:
        return data
    records = [_mixed(json.loads(line), chance) for line in data.splitlines() if line.strip()]
    chance.shuffle(records)
    return _lines(records)


def _mixed(record: Any, chance: random.Random) -> Any:
    for key in ("resourceSpans", "scopeSpans", "spans"):
        if isinstance(record, dict) and isinstance(record.get(key), list):
            record[key] = [_mixed(item, chance) for item in chance.sample(record[key], len(record[key]))]
    return record


def scrambled(data: bytes, chance: random.Random) -> bytes:
    """One key in ten has another name, one value in ten another type: attributes in OTLP, else anything but ids."""
    return _lines([_scrambled(json.loads(line), chance) for line in data.splitlines() if line.strip()])


def _scrambled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [_scrambled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    if "resourceSpans" in value or "resourceLogs" in value:
        return _other_attributes(value, chance)
    out = {}
    for key, item in value.items():
        told = chance.choice(ODD) if chance.random() < 0.1 else _scrambled(item, chance)
        out[key if chance.random() < 0.9 else f"{key}x"] = told
    return {**out, **{key: value[key] for key in IDENTITY if key in value}}


def _other_attributes(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [_other_attributes(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: _other_attributes(item, chance) for key, item in value.items()}
    if isinstance(out.get("attributes"), list):
        for pair in out["attributes"]:
            if chance.random() < 0.1:
                pair["key"] += ".x"
            if chance.random() < 0.1:
                pair["value"] = chance.choice(ODD_ATTRIBUTES)
    return out


def _lines(records: list[Any]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@every_folder
def test_files_that_were_cut_off_tell_less_and_say_so(folder: str, tmp_path: Path) -> None:
    files = captures(folder)
    whole, _ = read(files)
    rest, reports = read(changed(files, cut, tmp_path))
    noted = {note.source.rpartition(":")[0] or note.source for note in rest.reader().notes() if note.severity in LOST}
    silent = [report.source for report in reports if not report.error and report.source not in noted]
    assert silent == []
    if folder not in WITHOUT_IDS:
        assert identities(rest) <= identities(whole)
    looked_at(rest)


@every_folder
def test_records_in_another_order_tell_the_same(folder: str, tmp_path: Path) -> None:
    files = captures(folder, ".jsonl")
    whole, _ = read(files)
    other, _ = read(random.Random(folder).sample(found := changed(files, shuffled, tmp_path), len(found)))
    for told, expected in zip(everything(other), everything(whole), strict=True):
        assert told == expected
    assert looked_at(other) == looked_at(whole)


@every_folder
def test_other_keys_and_types_harm_nobody(folder: str, tmp_path: Path) -> None:
    files = captures(folder, ".jsonl")
    whole, _ = read(files)
    store, reports = read(changed(files, scrambled, tmp_path))
    if all(".otlp." in file.name for file in files):
        assert [report.error for report in reports if report.error] == []
        assert identities(store) == identities(whole)
    else:
        assert identities(store) <= identities(whole)
    looked_at(store)
