"""`suspects`: what separates bad runs from good ones, and what may be chance."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from agentdbg.analysis.sides import sides, telling
from agentdbg.analysis.suspects import Suspects, holm, suspects
from agentdbg.analysis.traits import traits
from agentdbg.check.judging import judgement
from agentdbg.errors import AgentdbgError
from agentdbg.reporters import suspects as pages
from agentdbg.reporters.terminal import Look
from agentdbg.view.clean import cells
from tests.stores import of_sketch


def run(name: str, body: str, failed: bool = False) -> str:
    error = ' error="ValueError: no"' if failed else ""
    return f"trace {name}\nworkflow report{error}\n  agent writer\n" + "".join(
        f"    {line}\n" for line in body.split("; ")
    )


def asked(folder: Path, sketch: str, bad: str = "error") -> Suspects:
    with of_sketch(folder, sketch) as store:
        findings = judgement(store, {})[0].findings
        reader = store.reader()
        return suspects(sides(reader, bad, findings), traits(reader, telling(findings, bad)))


def page(found: Suspects, width: int = 96, ascii: bool = False) -> str:
    stream = io.StringIO()
    pages.text(found, 10, ("agentdbg why 4bf9",), stream, Look(width, ascii=ascii))
    return re.sub(r"\b0[0-9a-f]{7}\b", "ID", stream.getvalue())


SEARCH = 'tool search {"q": 1} -> [1]; llm m "go" -> "done"'
LOOKUP = 'tool lookup {"q": 1} -> [1]; llm m "go" -> "done"'
OLD_TOOL = "".join(run(f"b{n}", LOOKUP, failed=n < 8) for n in range(9)) + "".join(
    run(f"g{n}", SEARCH) for n in range(12)
)


def test_a_tool_that_only_bad_runs_use_is_a_suspect(tmp_path: Path) -> None:
    assert (
        page(asked(tmp_path, OLD_TOOL))
        == """\
8 of 21 runs ended with an error
1 trait compared: Fisher's exact test, Holm's correction

SUSPECT tool lookup of writer
  runs     bad are 8 of 9 with it, 0 of 12 without
  odds     142 (95 %: 5.1 to 3907), p = 4e-05 corrected
  others   have tool search of writer
  bad      ID, ID, ID (with it)
  good     ID, ID, ID (without it)

next: agentdbg why 4bf9
"""
    )


def test_what_the_same_runs_have_cannot_be_told_apart(tmp_path: Path) -> None:
    mini = LOOKUP.replace("llm m", "llm m-mini")
    first = asked(tmp_path, OLD_TOOL.replace(*_lines(LOOKUP, mini))).ranked[0]
    named = [(trait.sort, trait.what) for trait in first.traits]
    assert named == [("model", "m-mini for writer"), ("tool", "lookup of writer")]
    assert [trait.what for trait in first.instead] == ["m for writer", "search of writer"]


def test_what_bad_runs_never_have_may_only_come_later(tmp_path: Path) -> None:
    broken_off = "".join(run(f"b{n}", SEARCH, failed=True) for n in range(8))
    whole = "".join(run(f"g{n}", SEARCH + '; tool publish {"n": 1} -> "ok"') for n in range(8))
    found = asked(tmp_path, broken_off + whole)
    assert [(one.grade, one.traits[0].what) for one in found.ranked] == [("absent", "publish of writer")]
    assert "maybe only because they ended before it" in page(found)


def _lines(*bodies: str) -> tuple[str, ...]:
    return tuple(body.replace("; ", "\n    ") for body in bodies)


def test_few_runs_give_leads_only(tmp_path: Path) -> None:
    few = "".join(run(f"b{n}", LOOKUP, failed=True) for n in range(2)) + "".join(run(f"g{n}", SEARCH) for n in range(5))
    found = asked(tmp_path, few + run("g5", f'tool publish {{"n": 1}} -> "ok"; {SEARCH}'))
    assert not found.can_tell
    assert {one.grade for one in found.ranked} == {"lead"}
    assert "too few runs to tell anything from chance" in page(found)
    assert "p = 0.07 corrected, 0.04 alone: it may be chance" in page(found)


@pytest.mark.parametrize(("good", "p", "leads"), [(19, "0.05", 0), (20, "0.048", 1)])
def test_what_chance_alone_explains_is_no_lead(good: int, p: str, leads: int, tmp_path: Path) -> None:
    """One bad run of so many, the only one with its tool: Fisher's p is one over the number of runs."""
    runs = run("b", LOOKUP, failed=True) + "".join(run(f"g{n}", SEARCH) for n in range(good - 1))
    found = asked(tmp_path, runs + run("last", f'tool publish {{"n": 1}} -> "ok"; {SEARCH}'))
    first = found.ranked[0]
    assert (first.grade, f"{first.p:.2g}") == ("lead", p)
    assert page(found).count("lead tool lookup") == leads
    explained = "1 other trait is more frequent in bad runs, but no lead: chance alone explains that"
    assert (explained in page(found, 160)) == (not leads)


def test_even_luck_is_no_suspect(tmp_path: Path) -> None:
    even = "".join(run(f"r{n}", LOOKUP if n % 2 else SEARCH, failed=n % 4 < 2) for n in range(40))
    found = asked(tmp_path, even)
    assert (found.bad, found.good, {one.grade for one in found.ranked}) == (20, 20, {"lead"})
    assert "nothing separates them more than chance does" in page(found)


def test_prompt_versions_are_told_apart_by_what_is_new_in_them(tmp_path: Path) -> None:
    def prompt(version: str) -> str:
        system = {"role": "system", "content": f"You write reports. {version}"}
        return f'llm m {json.dumps([system, {"role": "user", "content": "go"}])} -> "done"'

    both = "".join(run(f"b{n}", prompt("Be brief."), failed=True) for n in range(8))
    both += "".join(run(f"g{n}", prompt("Cite your sources.")) for n in range(8))
    first = asked(tmp_path, both).ranked[0]
    assert [trait.what for trait in first.traits] == ['of writer: "You write reports. Be brief."']
    assert [trait.what for trait in first.instead] == ['of writer: "You write reports. Cite your sources."']


def test_what_makes_a_run_bad_is_what_the_user_says(tmp_path: Path) -> None:
    assert asked(tmp_path, OLD_TOOL, "tool_calls >= 1 and status = 'error'").bad == 8
    (tmp_path / "ids.txt").write_text("nope\n")
    with pytest.raises(AgentdbgError, match="no run has the id nope"):
        asked(tmp_path, OLD_TOOL, f"@{tmp_path / 'ids.txt'}")
    with pytest.raises(AgentdbgError, match="none of 21 runs have tool_calls > 99, so there is nothing to compare"):
        asked(tmp_path, OLD_TOOL, "tool_calls > 99")
    with pytest.raises(AgentdbgError, match="the query failed") as refused:
        asked(tmp_path, OLD_TOOL, "no_such_column > 1")
    assert "LINE 1" not in refused.value.message
    assert "--bad takes error, info" in str(refused.value.hint)
    with pytest.raises(AgentdbgError, match="there is only one run, so there is nothing to compare"):
        asked(tmp_path, 'trace r\nworkflow w\n  agent a\n    llm m "hi" -> "ho"\n')


def test_runs_by_the_ids_of_an_evaluation(tmp_path: Path) -> None:
    with of_sketch(tmp_path, OLD_TOOL) as store:
        ids = [row[0] for row in store.reader().rows("SELECT trace_id FROM traces WHERE status = 'error' ORDER BY 1")]
        (tmp_path / "ids.txt").write_text("".join(f"{one[:20]}\n" for one in ids))
        assert list(sides(store.reader(), f"@{tmp_path / 'ids.txt'}", ()).bad) == ids


def test_runs_that_never_ended_are_on_neither_side(tmp_path: Path) -> None:
    found = asked(tmp_path, OLD_TOOL + "trace k\nworkflow report open\n  agent writer open\n")
    assert (found.bad, found.good, found.left_out) == (8, 13, 1)
    assert "1 left out, which never ended" in page(found)


def test_holms_correction_is_that_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("width", [40, 72, 120])
def test_no_line_is_wider_than_the_page(tmp_path: Path, width: int) -> None:
    found = asked(tmp_path, OLD_TOOL)
    assert max(map(cells, page(found, width).splitlines())) <= width
    assert page(found, width, ascii=True).isascii()
