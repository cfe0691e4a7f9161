"""Real captures: every form of an export gives the spans that were captured."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentdbg.importers import Input, Row, read_input
from agentdbg.rows import NoteRow, RawLog, RawSpan

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.json"
ENTRIES = json.loads(MANIFEST.read_text())["entries"] if MANIFEST.exists() else []
PROTOBUF = (".binpb", ".binpb.gz")
WHOLE = (
    ".otlp.jsonl",
    ".otlp.json",
    ".lendelim.binpb",
    ".runs.jsonl",
    ".runs.json",
    ".api.json",
    ".native.jsonl",
    ".ingest.json",
)

pytestmark = pytest.mark.skipif(not ENTRIES, reason="the captures (../shared/corpus) are not here")


def rows(*files: str) -> list[Row]:
    found = [row for name in files for row in read_input(Input(str(CORPUS / name)))]
    for row in found:
        assert not isinstance(row, NoteRow), row
        row.line = None
    return found


def ordered(found: list[Row], kind: type) -> list[Any]:
    return sorted(
        (row for row in found if isinstance(row, kind)),
        key=lambda row: (row.trace_id, row.span_id, getattr(row, "seq", 0), repr(row)),
    )


def forms(entry: dict[str, Any]) -> list[tuple[str, ...]]:
    """The files of each form of the export, without its logs."""
    whole = [(name,) for name in entry["files"] if name.endswith(WHOLE) and ".logs." not in name]
    batches = tuple(
        name for name in entry["files"] if name.endswith(PROTOBUF) and ".lendelim." not in name and ".logs." not in name
    )
    return [*whole, batches] if batches else whole


def name(entry: dict[str, Any]) -> str:
    return entry["files"][0]


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if forms(entry)], ids=name)
def test_span_counts_in_every_form(entry):
    for files in forms(entry):
        spans = [row for row in rows(*files) if isinstance(row, RawSpan)]
        assert len({(span.trace_id, span.span_id) for span in spans}) == entry["unique_span_count"], files
        assert len(spans) == entry["span_count"], files
        assert {span.trace_id for span in spans} == set(entry["trace_ids"])


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if len(forms(entry)) > 1 and "langsmith" not in entry["files"][0]], ids=name
)
def test_every_form_gives_the_same_spans(entry):
    first, *others = (ordered(rows(*files), RawSpan) for files in forms(entry))
    for other in others:
        assert other == first


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if any(file.endswith(".logs.binpb") for file in entry["files"])], ids=name
)
def test_logs_in_protobuf_and_json_are_the_same(entry):
    found = [
        ordered(rows(file), RawLog) for file in entry["files"] if file.endswith((".logs.binpb", ".logs.otlp.jsonl"))
    ]
    assert found[0]
    assert all(other == found[0] for other in found)


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if "langgraph-langsmith/healthy.api.json" in entry["files"]], ids=name
)
def test_langsmith_dumps_agree_on_the_tree(entry):
    trees = [
        sorted(
            (span.span_id, span.parent_id or "", span.name, span.start_ns or 0, span.end_ns or 0, span.status)
            for span in rows(*files)
            if isinstance(span, RawSpan)
        )
        for files in forms(entry)
    ]
    assert len(trees) >= 3
    assert all(tree == trees[0] for tree in trees)
