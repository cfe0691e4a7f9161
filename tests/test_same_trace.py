"""The same trace is the same trace: whatever the format, the order, the number of files, or how often it was exported."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import CORPUS, SAMPLES, Done, agentdbg_here

Json = dict[str, Any]
Change = Callable[[list[Json]], list[list[Json]]]
CAPTURES = (
    "langgraph-openinference/loop_pingpong",
    "langgraph-traceloop/cascade_tool_exception",
    "langgraph-langsmith/cascade_json_decode",
    "openai-agents-openinference/retry_success",
    "openai-sdk-openai-v2/cascade_empty",
    "openai-sdk-openinference/drift",
    "pydantic-ai-v5/killed",
    "google-adk-semconv/loop_tool",
    "crewai-openinference/cascade_http_500",
    "vercel-ai-chat-v4/loop_same",
)
"""Captures that come in several forms, over formats, conventions and failures."""


QUICK = ("cut-json", "empty-result")
"""Samples that the quick run takes; the slow one takes all."""


def originals() -> list[object]:
    found: list[object] = [
        pytest.param(lines, id=folder.name, marks=[pytest.mark.slow] if folder.name not in QUICK else [])
        for folder in sorted(SAMPLES.iterdir())
        if (lines := sorted(folder.glob("*.jsonl")))
    ]
    for name in CAPTURES:
        where, scenario = name.split("/")
        lines = sorted((CORPUS / where).glob(f"{scenario}.*jsonl"))
        absent = pytest.mark.skipif(not lines, reason="the captures are not beside this checkout")
        found.append(pytest.param(lines, id=name, marks=[absent, pytest.mark.slow]))
    return found


def other_forms(lines: list[Path]) -> list[list[Path]]:
    """The same capture in the other forms that it was exported in: protobuf, gzip, length-delimited, batches, wire bodies."""
    scenario = lines[0].name.split(".")[0]
    groups: dict[str, list[Path]] = {}
    for path in sorted(lines[0].parent.glob(f"{scenario}.*")):
        if not path.name.endswith((".jsonl", ".headers.json")):
            groups.setdefault(re.sub(r"\.(\d{3}|logs)(?=\.)", "", path.name), []).append(path)
    return [files for files in groups.values() if not all(".logs." in path.name for path in files)]


def backwards(records: list[Json]) -> list[list[Json]]:
    return [[_turned(record) for record in reversed(records)]]


def _turned(record: Json) -> Json:
    """An OTLP request with its resources, scopes and spans the other way round."""
    out = dict(record)
    for key in ("resourceSpans", "scopeSpans", "spans"):
        if isinstance(out.get(key), list):
            out[key] = [_turned(item) for item in reversed(out[key])]
    return out


def halves(records: list[Json]) -> list[list[Json]]:
    """Every other span in a file of its own."""
    single = [one for record in records for one in _single(record)]
    return [single[::2], single[1::2]]


def _single(record: Json) -> Iterator[Json]:
    for resource in record.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield {"resourceSpans": [{**resource, "scopeSpans": [{**scope, "spans": [span]}]}]}
    if "resourceSpans" not in record:
        yield record


def twice(records: list[Json]) -> list[list[Json]]:
    return [records, records]


def written(lines: list[Path], change: Change, folder: Path) -> list[Path]:
    """The changed capture as files. Log records stay as they are: their order is what they mean."""
    out = []
    for path in lines:
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        parts = [records] if any("resourceLogs" in record for record in records) else change(records)
        for number, part in enumerate(parts):
            out.append(folder / f"{number}-{path.name}")
            out[-1].write_text("".join(json.dumps(record) + "\n" for record in part), "utf-8")
    return out


@cache
def told(*files: Path) -> dict[str, list[str]]:
    """What `check` and `show` (of three runs at most) tell of these files, as lines of JSON: without notes, which are about
    files, and without names of files."""
    checked = agentdbg_here("check", *files, "--format", "json")
    report = json.loads(checked.stdout)
    out = {"check": _lines(checked, report, files)}
    for trace in report["traces"][-3:]:
        shown = agentdbg_here("show", trace["trace_id"], *files, "--json")
        out[trace["trace_id"]] = _lines(shown, json.loads(shown.stdout), files)
    return out


def _lines(done: Done, document: Json, files: Sequence[Path]) -> list[str]:
    document.pop("notes", None)
    text = f"exit {done.exit_code}\n{json.dumps(document, indent=1, ensure_ascii=False)}"
    for path in [" ".join(map(str, files)), *map(str, files)]:
        text = re.sub(rf" ?{re.escape(path)}(:\d+)?", "", text)
    return text.splitlines()


def assert_same(found: dict[str, list[str]], expected: dict[str, list[str]]) -> None:
    assert list(found) == list(expected)
    for what, lines in expected.items():
        differences = "\n".join(difflib.unified_diff(lines, found[what], what, what, n=2, lineterm=""))
        assert not differences, f"\n{differences}"


@pytest.mark.parametrize("lines", originals())
@pytest.mark.parametrize("change", [backwards, halves, twice])
def test_order_files_and_repeats_make_no_difference(change: Change, lines: list[Path], tmp_path: Path) -> None:
    expected = told(*lines)
    assert len(expected) > 1
    assert_same(told(*written(lines, change, tmp_path)), expected)


@pytest.mark.slow
@pytest.mark.parametrize("lines", originals())
def test_the_format_makes_no_difference(lines: list[Path]) -> None:
    forms = other_forms(lines)
    if not forms:
        pytest.skip("this trace comes in one format only")
    expected = told(*lines)
    for files in forms:
        assert_same(told(*files), expected)
