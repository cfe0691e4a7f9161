"""Every detector explains itself, and its explanation is true: Bad sketches yield its finding, Good ones do not."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from agentdbg.detectors import shelf
from agentdbg.detectors.judge import judge
from agentdbg.importers import Input
from agentdbg.model import Finding
from agentdbg.store import ImportOptions, Store, batches

HEADINGS = ["What it finds", "Why it matters", "Bad", "Good", "What to do"]
DETECTORS = shelf()


def documentation(detector: str) -> str:
    return textwrap.dedent("    " + (DETECTORS[detector].__doc__ or ""))


def sections(detector: str) -> dict[str, str]:
    """Heading: what stands below it, in order."""
    parts = re.split(r"^\*\*(.+?)\*\*:", documentation(detector), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def sketches(detector: str, heading: str) -> list[str]:
    """The indented blocks of a section; prose between two blocks parts them."""
    blocks: list[list[str]] = []
    lines = sections(detector)[heading].splitlines()
    for line in [*lines, "the end"]:
        if line.startswith("    "):
            blocks = blocks or [[]]
            blocks[-1].append(line)
        elif line.strip() and blocks and blocks[-1]:
            blocks.append([])
    return [textwrap.dedent("\n".join(block)) for block in blocks if block]


def examples(heading: str) -> list[object]:
    return [
        pytest.param(detector, sketch, id=f"{detector}-{heading.lower()}-{number}")
        for detector in DETECTORS
        if heading in sections(detector)
        for number, sketch in enumerate(sketches(detector, heading))
    ]


def findings(detector: str, sketch: str, folder: Path) -> list[Finding]:
    """What this one detector finds, with its default options."""
    file = folder / "example.sketch"
    file.write_text(sketch, "utf-8")
    with Store.in_memory() as store:
        reports = store.ingest([Input(str(file))], ImportOptions())
        assert [(report.state, report.error) for report in reports] == [("new", None)], sketch
        assert store.reader().rows("SELECT message FROM notes WHERE severity <> 'info'") == [], sketch
        found = [one for one in DETECTORS[detector]().find(store.reader()) if isinstance(one, Finding)]
    assert {one.detector for one in found} <= {detector}
    return found


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_detector_is_documented_under_the_same_headings(detector: str) -> None:
    assert list(sections(detector)) == HEADINGS
    assert all(sections(detector).values())
    assert sketches(detector, "Bad")
    assert sketches(detector, "Good")


@pytest.mark.parametrize(("detector", "sketch"), examples("Bad"))
def test_the_bad_example_is_found(detector: str, sketch: str, tmp_path: Path) -> None:
    assert findings(detector, sketch, tmp_path), sketch


@pytest.mark.parametrize(("detector", "sketch"), examples("Good"))
def test_the_good_example_is_not(detector: str, sketch: str, tmp_path: Path) -> None:
    assert findings(detector, sketch, tmp_path) == [], sketch


def test_it_does_not_matter_how_many_runs_are_judged_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / f"{detector}.sketch" for detector in DETECTORS]
    for file in files:
        file.write_text(sketches(file.stem, "Bad")[0], "utf-8")
    with Store.in_memory() as store:
        store.ingest([Input(str(file)) for file in files], ImportOptions())
        at_once = judge(store.reader(), {})
        monkeypatch.setattr(batches, "SPANS", 60)  # what has more is judged where it is, without a copy
        assert max(size for (size,) in store.reader().rows("SELECT span_count FROM traces")) > batches.SPANS
        assert judge(store.reader(), {}) == at_once
    assert len({finding.detector for finding in at_once.findings}) > len(DETECTORS) / 2
