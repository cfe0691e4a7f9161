"""Every test of the command line works in an empty folder of its own, without the settings of whoever runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.commandline import OURS

FAILED = """\
trace nightly
workflow report error="ValueError: no rows"
  agent collector
    llm gpt-4o in=100 out=10 "fetch the sales" -> "calling"
    tool fetch_sales {"region": "Europe"} error="TimeoutError: 30s"
  agent writer error="ValueError: no rows"
    llm gpt-4o in=200 out=20 "write" -> "nothing"
"""
GOOD = """\
trace morning
workflow report
  agent collector
    llm gpt-4o in=100 out=10 "fetch the sales of Europe" -> "fetching"
    tool fetch_sales {"region": "Europe"} -> [{"q": "Q1", "eur": 120000}]
  agent writer
    llm gpt-4o in=200 out=20 "write about 120000" -> "Sales were 120000 in Q1."
"""
SILENT = """\
trace silent
workflow memo
  agent researcher
    tool search_invoices {"customer": "C-17"} -> []
    llm gpt-4o in=90 out=9 -> "I found no invoices for C-17."
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, with three runs in it: failed.sketch (a high finding), good.sketch (none), silent.sketch (a low one)."""
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for file, text in (("failed", FAILED), ("good", GOOD), ("silent", SILENT)):
        (tmp_path / f"{file}.sketch").write_text(text, "utf-8")
    return tmp_path
