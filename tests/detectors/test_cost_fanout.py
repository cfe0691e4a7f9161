"""Many of one agent at once: the same question again and again, or many items."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.check.baseline import renewed
from agentdbg.detectors.cost.fanout import Fanout
from agentdbg.detectors.figures import ok_runs
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, places
from tests.stores import of_files, of_sketch, otlp

WORDS = (
    "Find the refund policy of Acme",
    "Look up the policy of Acme on refunds",
    "What is the refund policy at Acme again?",
)
ITEMS = tuple(f"Summarise document {n} of the archive" for n in range(80))


def spawned(count: int, asked: tuple[str, ...] = WORDS, cost: str = " cost=0.03") -> str:
    lines = ["agent dispatcher"]
    for n in range(count):
        lines += [f'  agent researcher "{asked[n % len(asked)]}" parallel', f"    llm gpt-4o in=900 out=40{cost}"]
    return "\n".join(lines)


def test_the_same_question_in_ever_new_words(tmp_path: Path) -> None:
    text = spawned(60)
    (finding,) = found(tmp_path, Fanout(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "dispatcher")
    assert finding.title == "60 turns of researcher at work at once, started by dispatcher"
    assert "60 of them were asked nearly the same. They cost $1.80." in finding.message
    assert places(tmp_path, text, finding)[0] == "agent dispatcher"
    assert finding.wasted_usd == pytest.approx(59 * 0.03)


@pytest.mark.parametrize(
    "wrapper",
    ['{{"messages": [{{"role": "user", "content": "{}"}}]}}', '{{"task": "{}", "attempt": 1}}'],
    ids=["state", "arguments"],
)
def test_a_question_is_found_in_what_wraps_it(wrapper: str, tmp_path: Path) -> None:
    text = spawned(60)
    for words in WORDS:
        text = text.replace(f'"{words}"', wrapper.format(words))
    assert grades(found(tmp_path, Fanout(), text)) == [("high", "likely")]
    for n, item in enumerate(ITEMS[:60]):
        text = text.replace(wrapper.format(WORDS[n % 3]), wrapper.format(item), 1)
    assert grades(found(tmp_path, Fanout(), text)) == [("low", "hint")]


@pytest.mark.parametrize(("count", "findings"), [(50, 0), (51, 1)])
def test_the_limit_is_fifty(count: int, findings: int, tmp_path: Path) -> None:
    assert len(found(tmp_path, Fanout(), spawned(count))) == findings


def test_many_items_are_a_hint(tmp_path: Path) -> None:
    assert grades(found(tmp_path, Fanout(), spawned(60, ITEMS))) == [("low", "hint")]


def test_one_after_the_other_is_no_fanout(tmp_path: Path) -> None:
    assert found(tmp_path, Fanout(), spawned(60).replace(" parallel", "")) == []


def test_calls_without_agents_count_as_well(tmp_path: Path) -> None:
    text = "agent voter\n" + "\n".join(f'  llm gpt-4o "{WORDS[0]}" -> "yes" parallel' for _ in range(60))
    (finding,) = found(tmp_path, Fanout(), text)
    assert finding.title == "60 model calls of voter at work at once"
    assert finding.severity == "high"


def test_without_what_was_asked_it_is_a_hint(tmp_path: Path) -> None:
    text = "agent dispatcher\n" + "  agent researcher parallel\n    llm gpt-4o in=9 out=1\n" * 60
    assert grades(found(tmp_path, Fanout(), text)) == [("low", "hint")]


def conversations(folder: Path, asked: list[str]) -> Path:
    """A file of runs that overlap, one a question."""
    agent = {"openinference.span.kind": "AGENT", "agent.name": "researcher"}
    spans = [
        {"name": "invoke_agent researcher", "id": f"{n:016x}", "trace": f"{n + 1:032x}", "start": n, "end": 1000 + n,
         "attributes": {**agent, "input.value": text}}
        for n, text in enumerate(asked)
    ]  # fmt: skip
    return otlp(folder, spans)


VERBS = ("Find", "Get", "Show me", "Look up", "Search", "Give me", "I need", "Tell me", "What is", "Can you find")


@pytest.mark.parametrize(
    ("asked", "findings"),
    [
        ([f"{VERBS[n % 10]} the refund policy of Acme" for n in range(60)], 1),
        ([f"{VERBS[n % 10]} the refund policy of Acme" for n in range(50)], 0),
        (["Find the refund policy of Acme"] * 60, 0),
        ([f"Find the refund policy of customer {n}" for n in range(60)], 0),
    ],
)
def test_conversations_at_once_are_told_where_their_words_differ_and_their_question_does_not(
    asked: list[str], findings: int, tmp_path: Path
) -> None:
    with of_files(conversations(tmp_path, asked)) as store:
        told = [one for one in Fanout().find(store.reader()) if isinstance(one, Finding)]
    assert len(told) == findings
    if findings:
        assert told[0].title == "60 runs of invoke_agent researcher at once ask nearly the same"
        assert (told[0].agent, told[0].trace_id) == ("researcher", f"{1:032x}")


def test_a_baseline_makes_less_enough(tmp_path: Path) -> None:
    with of_sketch(tmp_path, spawned(3, ITEMS)) as store:
        baseline = renewed((), ok_runs(store.reader()))
    with of_sketch(tmp_path, spawned(13, ITEMS)) as store:
        assert list(Fanout().find(store.reader())) == []
        store.baseline = baseline
        told = [one for one in Fanout().find(store.reader()) if isinstance(one, Finding)]
    assert grades(told) == [("medium", "likely")]
    assert "4× what the baseline knows" in told[0].message
    with of_sketch(tmp_path, spawned(12, ITEMS)) as store:
        store.baseline = baseline
        assert list(Fanout().find(store.reader())) == []
