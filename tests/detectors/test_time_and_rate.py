"""Runs and calls that took too long, and calls that came too fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.rate.storm import Storm
from agentdbg.detectors.time.timeout import Timeout
from agentdbg.detectors.time.wall import Wall
from tests.detectors.judging import found, grades, judged, places


def quotes(*durations: str, tool: str = "quote_api", ending: str = "-> 1") -> str:
    spans = (
        f'    tool {tool} {{"n": {i}}} {ending if at == "95s" else "-> 1"} dur={at}' for i, at in enumerate(durations)
    )
    return "\n".join(["workflow quote", "  agent pricer", *spans, '    llm gpt-4o -> "done" dur=2s'])


def test_a_call_that_hangs_where_its_like_do_not(tmp_path: Path) -> None:
    text = quotes("400ms", "500ms", "95s", "400ms")
    (finding,) = found(tmp_path, Timeout(), text)
    assert (*grades([finding])[0], finding.agent) == ("high", "likely", "pricer")
    assert finding.message == (
        "In pricer, quote_api took 95 s where calls of it take 450 ms, against a budget of 30 s; 97% of the run was spent waiting for "
        "it. Nothing gave it up: no time limit is set, or one above that."
    )
    assert places(tmp_path, text, finding) == ["tool quote_api"]


def test_a_single_call_is_judged_by_the_other_calls_of_its_run(tmp_path: Path) -> None:
    text = quotes("95s").replace("    llm", "    tool a {} -> 1 dur=300ms\n    tool b {} -> 1 dur=900ms\n    llm")
    (finding,) = found(tmp_path, Timeout(), text)
    assert "quote_api took 95 s where other calls of this run take 900 ms" in finding.message


def test_what_ended_it_is_told_and_its_error_is_not_told_again(tmp_path: Path) -> None:
    error = 'error="TimeoutError: no answer"'
    (finding,) = judged(tmp_path, quotes("400ms", "500ms", "95s", ending=error).replace("95s", "60.2s").replace("-> 1 dur=60.2s", f"{error} dur=60.2s")).findings  # fmt: skip
    assert (finding.detector, finding.severity) == ("time.timeout", "high")
    assert "It hit a time limit of 60 s." in finding.message


def test_a_call_that_was_given_up_and_went_well_next_is_no_alarm(tmp_path: Path) -> None:
    given_up = quotes("400ms", "500ms", "30s").replace("-> 1 dur=30s", 'error="TimeoutError: no answer" dur=30s')
    again = given_up.replace("    llm", '    tool quote_api {"n": 2} -> 1 dur=400ms\n    llm')
    assert grades(found(tmp_path, Timeout(), given_up)) == [("high", "likely")]
    assert grades(found(tmp_path, Timeout(), again)) == [("low", "likely")]


@pytest.mark.parametrize(
    "text",
    [
        quotes("400ms", "500ms", "25s"),
        quotes("90s", "80s", "95s"),
        quotes("400ms", "500ms", "95s", tool="run_tests"),
        quotes("400ms", "500ms", "95s", tool="ask_human"),
        'agent a\n  llm gpt-4o out=20 -> "x" dur=1s\n  llm gpt-4o out=20 -> "x" dur=1s\n  llm gpt-4o out=4000 -> "long" dur=60s',
        "agent a\n  tool look {} dur=1s\n  tool look {} dur=1s\n  tool look {} dur=31s\n  tool build {} dur=10m",
        'agent a\n  tool report {} -> 1 dur=95s\n  llm gpt-4o -> "done" dur=2s',
    ],
    ids=["within the budget", "always slow", "tests", "a person", "a long answer", "not what the run waited for", "nothing to compare with"],
)  # fmt: skip
def test_long_calls_that_are_no_fault(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Timeout(), text) == []


def runs(*durations: str) -> str:
    return "\n".join(
        f'trace run{i}\nworkflow report\n  agent writer\n    llm gpt-4o -> "done" dur={length}'
        for i, length in enumerate(durations)
    )


@pytest.mark.parametrize(
    ("durations", "mode", "said"),
    [
        (("20m",), "auto", [("low", "hint")]),
        (("14m",), "auto", []),
        (("2s", "3s", "2s", "3s", "40s"), "auto", [("medium", "likely")]),
        (("2s", "3s", "2s", "3s", "6m"), "auto", [("high", "likely")]),
        (("2s", "3s", "2s", "3s", "20s"), "auto", []),
        (("10m", "12m", "20m", "18m", "14m"), "auto", []),
        (("40s",), "interactive", [("medium", "certain")]),
        (("400s",), "interactive", [("high", "certain")]),
        (("400s",), "batch", []),
        (("20m",), "batch", [("high", "certain")]),
    ],
)  # fmt: skip
def test_how_long_a_run_may_take(
    durations: tuple[str, ...], mode: str, said: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert grades(found(tmp_path, Wall(mode=mode), runs(*durations))) == said


def test_a_run_over_its_limit_says_what_took_longest(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Wall(mode="interactive"), runs("40s"))
    assert (
        finding.message
        == "report took 40 s, over the limit of 30 s where a person waits. Its longest 1 call: gpt-4o 40 s."
    )


def test_the_call_that_hung_tells_why_the_run_took_so_long(tmp_path: Path) -> None:
    text = "\n".join(f"trace r{i}\n{quotes('400ms', '500ms', at)}" for i, at in enumerate(("300ms",) * 4 + ("95s",)))
    assert [one.detector for one in judged(tmp_path, text).findings] == ["time.timeout"]
    assert [one.detector for one in found(tmp_path, Wall(), text)] == ["time.wall"]


LIMIT = 'error="RateLimitError: 429 Too Many Requests"'


def burst(calls: int, refused_each: int = 3) -> str:
    spans = (
        f'    tool enrich {{"n": {i}}} {"-> 1" if i % refused_each else LIMIT} at={i * 100}ms dur=50ms'
        for i in range(calls)
    )
    return "\n".join(["workflow enrich", "  agent scout", *spans])


def test_calls_that_were_refused_and_never_came_through(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, burst(99)).findings
    assert (finding.detector, *grades([finding])[0], finding.agent) == ("rate.storm", "high", "certain", "scout")
    assert finding.message == (
        "enrich refused 33 of 99 calls in 9.8 s for their rate (10.1 a second). Here 33 calls never came through."
    )


def patient(retry_at: float, times: int) -> str:
    lines = ["workflow enrich", "  agent scout"]
    for i in range(times):
        told = f'error="RateLimitError: 429, retry after 2 s" at={10 * i}s dur=50ms'
        lines += [
            f'    tool enrich {{"n": {i}}} {told}',
            f'    tool enrich {{"n": {i}}} -> 1 at={10 * i + retry_at}s dur=50ms',
        ]
    return "\n".join(lines)


def test_retries_before_they_were_allowed(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Storm(), patient(0.5, 5))
    assert finding.severity == "high"
    assert finding.message.endswith(
        "Here each came through in the end; 5 times the next call came before `retry-after` had passed."
    )


def test_retries_that_waited_and_came_through(tmp_path: Path) -> None:
    assert found(tmp_path, Storm(), patient(3, 2)) == []
    assert grades(found(tmp_path, Storm(), patient(3, 5))) == [("low", "certain")]


def test_runs_at_the_same_time_share_a_storm_and_runs_one_after_the_other_do_not(tmp_path: Path) -> None:
    one = f'trace r{{0}}\nworkflow enrich\n  agent scout\n    tool enrich {{{{"n": {{0}}}}}} {LIMIT} dur=50ms'
    apart = "\n".join(one.format(i) for i in range(6))  # sketches of a file are an hour apart
    assert found(tmp_path, Storm(), apart) == []
    together = "\n".join(
        one.replace("trace r{0}\nworkflow enrich", "trace r{0}\nworkflow enrich at=0s").format(i) for i in range(6)
    )
    spans = [line for line in together.splitlines() if "tool" in line]
    assert len(found(tmp_path, Storm(), "\n".join(["workflow enrich", "  agent scout", *spans]))) == 1
