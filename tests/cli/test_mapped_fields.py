"""JSON lines under unusual names: `--map` for a file, `[import.map]` for a project."""

from __future__ import annotations

from pathlib import Path

from tests.commandline import agentdbg

LINE = '{"run": "r1", "node": "n1", "who": {"bot": "planner"}, "began": "2026-03-04T09:00:00Z", "ended": "2026-03-04T09:00:01Z"}\n'
MAP = {"trace_id": "run", "span_id": "node", "agent": "who.bot", "start": "began", "end": "ended"}
AGENT = ("query", "select trace_id, agent from spans")


def test_a_configured_mapping_reads_unusual_lines_and_leaves_other_formats_alone(tmp_path: Path) -> None:
    (tmp_path / "agentdbg.toml").write_text("[import.map]\n" + "".join(f'{k} = "{v}"\n' for k, v in MAP.items()))
    (tmp_path / "runs.jsonl").write_text(LINE)
    (tmp_path / "other.sketch").write_text("agent writer\n  llm gpt-4o\n")
    assert "planner" in agentdbg(*AGENT, "runs.jsonl", cwd=tmp_path).stdout
    assert "writer" in agentdbg(*AGENT, "other.sketch", cwd=tmp_path).stdout


def test_a_mapping_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(LINE)
    pairs = [piece for field, path in MAP.items() for piece in ("--map", f"{field}={path}")]
    assert "planner" in agentdbg(*AGENT, "runs.jsonl", *pairs, cwd=tmp_path).stdout
