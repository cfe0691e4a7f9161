"""Arguments to files."""

import os

import pytest

from agentdbg.importers import Input, expand


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.jsonl", "a.jsonl", "deep/c.jsonl", ".hidden", ".agentdbg/traces.duckdb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_gives_its_files_in_order_without_hidden_ones(folder):
    assert expand(["."]) == [
        Input(os.path.join(".", name), explicit=False)
        for name in ("a.jsonl", "b.jsonl", os.path.join("deep", "c.jsonl"))
    ]


def test_files_and_stdin_come_as_they_are_named(folder):
    assert expand(["b.jsonl", "-", "a.jsonl"]) == [Input("b.jsonl"), Input("-"), Input("a.jsonl")]


def test_globs_are_expanded(folder):
    assert expand(["*.jsonl"]) == [Input("a.jsonl"), Input("b.jsonl")]
    assert expand(["**/c.jsonl"]) == [Input(os.path.join("deep", "c.jsonl"))]


def test_a_file_is_read_once(folder):
    assert expand(["a.jsonl", "*.jsonl", "a.jsonl"]) == [Input("a.jsonl"), Input("b.jsonl")]


@pytest.mark.parametrize("path", ["typo.jsonl", "*.nothing", "empty"])
def test_what_is_not_there_is_left_for_reading_to_tell(folder, path):
    assert expand([path]) == [Input(path)]
