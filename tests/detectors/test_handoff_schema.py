"""Runs in, findings out: `extractor` hands an invoice to `scorer`, who hands a score to `reporter`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentdbg.detectors.handoff.schema import Schema
from agentdbg.model import Finding, Skipped
from tests.detectors.handed import Runs, Step, run

VENDORS = ["Acme GmbH", "Bolt AG", "Cobalt SARL", "Delta Oy", "Echo BV", "Fox Ltd", "Golf SpA", "Hotel KG"]


def invoice(i: int) -> dict[str, Any]:
    """A usual message. No two of a test are equal, and some numbers are whole."""
    return {"vendor": VENDORS[i % 8], "amount": 100 + i, "confidence": 1 if i % 4 == 3 else 0.9 + i / 200}


def score(i: int) -> dict[str, Any]:
    return {"score": round(0.1 + i / 50, 2), "reason": "checked"}


def good(i: int, **more: Any) -> str:
    return run(("extractor", invoice(i)), ("scorer", score(i)), ("reporter", "Accepted."), **more)


def with_message(message: object, **more: Any) -> str:
    return run(("extractor", message), ("scorer", score(0)), ("reporter", "Accepted."), **more)


class Judge:
    """Runs in, findings out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self, runs: Sequence[str], judged: Sequence[int] | None = None, **options: Any) -> list[Finding | Skipped]:
        return Runs(self._folder, runs, judged).ask(Schema(**options))

    def found(self, runs: Sequence[str], judged: Sequence[int] | None = None, **options: Any) -> list[Finding]:
        return [f for f in self.all(runs, judged, **options) if isinstance(f, Finding)]

    def alarms(self, runs: Sequence[str], judged: Sequence[int] | None = None) -> list[Finding]:
        return [f for f in self.found(runs, judged) if f.severity in ("medium", "high", "critical")]

    def severities(self, runs: Sequence[str], judged: Sequence[int] | None = None) -> dict[str, str]:
        return {f.trace_id: f.severity for f in self.alarms(runs, judged)}

    def skipped(self, runs: Sequence[str]) -> list[tuple[str | None, str]]:
        return [(s.trace_id, s.reason) for s in self.all(runs) if isinstance(s, Skipped)]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


BREAKING = {
    "rename": {"vendor": "Zulu", "amount": 7, "confidence_score": 0.9},
    "number as text": {"vendor": "Zulu", "amount": 7, "confidence": "0.95"},
    "fences": '```json\n{"vendor": "Zulu", "amount": 7, "confidence": 0.9}\n```',
    "fences in prose": 'Here it is:\n```json\n{"vendor": "Zulu", "amount": 7, "confidence": 0.9}\n```\nAnything else?',
    "removed": {"vendor": "Zulu", "amount": 7},
    "null": {"vendor": "Zulu", "amount": 7, "confidence": None},
    "prose": "It is from Zulu, about 7 euros, and I am fairly confident.",
    "nested": {"result": {"vendor": "Zulu", "amount": 7, "confidence": 0.9}},
    "number to list": {"vendor": "Zulu", "amount": [7], "confidence": 0.9},
    "broken": '{"vendor": "Zulu", "amount": 7, "confidence"',
}


@pytest.mark.parametrize("message", BREAKING.values(), ids=BREAKING)
@pytest.mark.parametrize("place", [0, 3, 6], ids=["first", "amid", "last"])
def test_one_odd_message_is_medium_wherever_it_stands(judge: Judge, message: object, place: int) -> None:
    runs = [good(i) for i in range(6)]
    runs.insert(place, with_message(message))
    [finding] = judge.found(runs)
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "likely", "extractor")
    assert (finding.trace_id, finding.primary.span_id) == (f"t{place:02}", f"llm{0}")
    assert "6 of 6 usual messages" in finding.message
    assert "1 message of 7" in finding.message


def test_several_ways_to_drift_at_once_are_told_apart(judge: Judge) -> None:
    runs = [*(good(i) for i in range(4)), *(with_message(m) for m in BREAKING.values())]
    assert len(judge.alarms(runs)) == len(BREAKING)
    assert len({f.key for f in judge.alarms(runs)}) == len(BREAKING) - 3  # four are the envelope of the same message


def test_the_finding_says_what_changed_into_what(judge: Judge) -> None:
    runs = [*(good(i) for i in range(4)), with_message(BREAKING["number as text"])]
    [finding] = judge.found(runs)
    assert finding.title == "extractor → scorer: `confidence` is a number as text"
    assert finding.message == (
        "extractor sent scorer a message of another kind than usual: `$.confidence` is a number as text "
        '("0.95"), a number (0.9) in 4 of 4 usual messages. 1 message of 5 on this edge deviates this way.'
    )
    assert finding.key == "extractor → scorer: $.confidence type"
    assert [(e.span_id, e.role) for e in finding.evidence] == [("llm0", "primary"), ("agent1", "related")]


def test_several_fields_of_one_message_are_one_finding(judge: Judge) -> None:
    runs = [*(good(i) for i in range(4)), with_message({"vendor": None, "amount": "7", "confidence": 0.9})]
    [finding] = judge.found(runs)
    assert finding.key == "extractor → scorer: $.amount type; $.vendor null"


def test_what_stays_is_high_once_chance_is_ruled_out(judge: Judge) -> None:
    runs = [*(good(i) for i in range(6)), *(with_message(BREAKING["number as text"]) for _ in range(4))]
    assert judge.severities(runs) == {f"t{i:02}": "high" for i in range(6, 10)}
    assert "p = 0.0048" in judge.alarms(runs)[0].message


def test_three_in_a_row_at_the_end_are_high_after_five_usual_ones(judge: Judge) -> None:
    runs = [*(good(i) for i in range(5)), *(with_message(BREAKING["removed"]) for _ in range(3))]
    assert set(judge.severities(runs).values()) == {"high"}
    assert "began there and stayed" in judge.alarms(runs)[0].message


def test_a_change_for_the_worse_is_found_also_when_it_lasted_longer_than_what_was_usual(judge: Judge) -> None:
    runs = [*(good(i) for i in range(4)), *(with_message(BREAKING["fences"]) for _ in range(6))]
    assert sorted(judge.severities(runs)) == [f"t{i:02}" for i in range(4, 10)]


def test_an_older_contract_is_no_drift_from_the_newer(judge: Judge) -> None:
    old = {"supplier": "Acme", "total": 7}
    assert judge.alarms([*(with_message(old) for _ in range(3)), *(good(i) for i in range(8))]) == []


def test_a_swap_of_the_model_explains_two_odd_messages(judge: Judge) -> None:
    swapped = [with_message(BREAKING["fences in prose"], model="claude") for _ in range(2)]
    runs = [*(good(i) for i in range(3)), *swapped]
    assert set(judge.severities(runs).values()) == {"high"}
    assert "All 3 usual messages are by gpt-4o, all 2 of these by claude" in judge.alarms(runs)[0].message


def test_a_reader_that_fails_makes_it_high(judge: Judge) -> None:
    died = run(("extractor", BREAKING["null"]), ("scorer", None), failed="TypeError: '>' not supported")
    [finding] = judge.alarms([*(good(i) for i in range(4)), died])
    assert finding.severity == "high"
    assert [(e.span_id, e.note) for e in finding.evidence][1:] == [("agent1", "scorer reads it")]
    assert "this failed: TypeError: '>' not supported" in finding.message


def test_a_reader_that_fails_after_usual_messages_as_well_does_not(judge: Judge) -> None:
    runs = [run(("extractor", invoice(i)), ("scorer", None), failed="ConnectionError: no route") for i in range(4)]
    runs.append(run(("extractor", BREAKING["null"]), ("scorer", None), failed="ConnectionError: no route"))
    assert judge.severities(runs) == {"t04": "medium"}


def test_a_run_that_died_before_the_reader_is_judged_by_its_last_word(judge: Judge) -> None:
    died = run(("extractor", BREAKING["number as text"]), failed="TypeError: '>' not supported")
    [finding] = judge.alarms([*(good(i) for i in range(4)), died])
    assert (finding.severity, finding.agent, finding.primary.span_id) == ("high", "extractor", "llm0")
    assert "The run ended here; in all other runs scorer comes next" in finding.message
    assert [e.note for e in finding.evidence][1:] == ["TypeError: '>' not supported"]


def test_also_where_the_error_left_no_mark(judge: Judge) -> None:
    died = run(("extractor", BREAKING["number as text"]))
    assert judge.severities([*(good(i) for i in range(4)), died]) == {"t04": "medium"}


def test_a_last_word_in_prose_of_a_run_that_ended_well_is_an_answer(judge: Judge) -> None:
    answered = run(("extractor", "That is no invoice."))
    assert judge.alarms([*(good(i) for i in range(6)), answered]) == []


def test_an_agent_that_may_end_the_run_with_a_usual_message_may_end_it_with_another(judge: Judge) -> None:
    ended = [run(("extractor", invoice(9))), run(("extractor", BREAKING["removed"]))]
    assert judge.alarms([*(good(i) for i in range(6)), *ended]) == []


def test_a_reader_seen_with_another_value_makes_it_high(judge: Judge) -> None:
    def handed(message: dict[str, Any], read: float) -> str:
        return run(("extractor", message), ("scorer", score(0)), reader_sees={"threshold": 0.9, "value": read})

    usual = [handed(invoice(i), invoice(i)["confidence"]) for i in range(4)]
    [finding] = judge.alarms([*usual, handed({**invoice(5), "confidence": "0.95"}, 0.0)])
    assert finding.severity == "high"
    assert "scorer went on with 0.0 at `$.value` of act, where it usually has that of `$.confidence`" in finding.message
    [finding] = judge.alarms([*usual, handed({**invoice(5), "confidence": "0.95"}, 0.95)])
    assert finding.severity == "medium"


def test_one_cause_is_one_finding_a_run(judge: Judge) -> None:
    laps: list[Step] = [("extractor", BREAKING["fences"]), ("scorer", score(1))] * 3
    [finding] = judge.alarms([*(good(i) for i in range(4)), run(*laps, ("reporter", "Done."))])
    assert [e.span_id for e in finding.evidence if e.note == "the same again"] == ["llm2", "llm4"]


def test_what_follows_from_a_message_is_part_of_its_finding(judge: Judge) -> None:
    broken = run(("extractor", BREAKING["prose"]), ("scorer", "I cannot score this."), ("reporter", "Done."))
    [finding] = judge.alarms([*(good(i) for i in range(4)), broken])
    assert (finding.agent, finding.primary.span_id) == ("extractor", "llm0")
    assert "What scorer then wrote deviates as well." in finding.message
    assert finding.evidence[-1].span_id == "llm1"


def optional(i: int) -> dict[str, Any]:
    return invoice(i) | ({"note": "urgent"} if i % 3 == 0 else {})


def union(i: int) -> dict[str, Any]:
    return {"status": "error", "message": "unreadable"} if i in (2, 5) else {"status": "success", "record": invoice(i)}


def verdicts(i: int) -> dict[str, Any]:
    return {"verdict": "reject", "reasons": ["late"]} if i % 2 else {"verdict": "accept", "amount": 7 + i}


HEALTHY: dict[str, Callable[[int], object]] = {
    "numbers, whole ones among them": invoice,
    "optional field": optional,
    "optional field that is null": lambda i: invoice(i) | {"note": "urgent" if i % 3 else None},
    "success and error": union,
    "kinds by verdict": verdicts,
    "one error reply": lambda i: {"error": "unreadable"} if i == 4 else invoice(i),
    "empty lists among full ones": lambda i: {"items": [] if i % 3 == 1 else [{"sku": f"S{i}"}]},
    "elements with optional fields": lambda i: {"items": [{"sku": "S1"}, {"sku": "S2", "gift": True}][: 1 + i % 2]},
    "maps keyed by data": lambda i: {"prices": {f"sku-{i}{k}": 1.5 for k in range(3)}},
    "maps keyed by names": lambda i: {"prices": {VENDORS[i % 2]: 1.5, VENDORS[i % 8]: 2}, "n": i},
    "prose throughout": lambda i: f"Found {i} documents on the subject.",
    "prose with a list in brackets": lambda i: f"See [{i}] and {{curly}}.",
    "JSON or prose as it comes": lambda i: invoice(i) if i % 2 else "Nothing found.",
    "other keys every time": lambda i: {f"key {VENDORS[i % 8]}": i},
    "fences throughout": lambda i: f'```json\n{{"n": {i}}}\n```',
    "new values of a word": lambda i: {"city": VENDORS[i % 8], "ok": True},
    "another order of keys": lambda i: dict(sorted(invoice(i).items(), reverse=bool(i % 2))),
}


@pytest.mark.parametrize("message", HEALTHY.values(), ids=HEALTHY)
def test_variety_is_no_drift(judge: Judge, message: Callable[[int], object]) -> None:
    assert judge.found([with_message(message(i)) for i in range(10)]) == []


@pytest.mark.parametrize("odd", [BREAKING["number as text"], {**invoice(1), "confidence": None}], ids=["text", "null"])
def test_optional_fields_do_not_hide_drift(judge: Judge, odd: dict[str, Any]) -> None:
    runs = [with_message(optional(i)) for i in range(10)]
    runs.insert(7, with_message(odd))
    assert list(judge.severities(runs)) == ["t07"]


def test_a_kind_of_its_own_is_held_to_the_types_of_the_others(judge: Judge) -> None:
    runs = [with_message({"status": "success", "score": i / 10, "found": "x"}) for i in range(6)]
    runs.append(with_message({"status": "partial", "score": "0.4", "missing": ["x"]}))
    assert list(judge.severities(runs)) == ["t06"]


def test_drift_within_one_kind_is_found(judge: Judge) -> None:
    runs = [with_message(union(i)) for i in range(9)]
    runs.append(with_message({"status": "success", "record": [invoice(1)]}))
    assert list(judge.severities(runs)) == ["t09"]


def test_two_messages_that_agree_are_no_reference(judge: Judge) -> None:
    runs = [good(0), good(1), with_message(BREAKING["null"])]
    assert [f for f in judge.alarms(runs) if f.agent == "extractor"] == []


def test_two_shapes_that_are_equally_common_are_no_reference(judge: Judge) -> None:
    runs = [with_message({"a": i} if i % 2 else {"b": "x"}) for i in range(8)]
    assert judge.found(runs) == []


def test_new_fields_are_told_once_and_only_as_information(judge: Judge) -> None:
    runs = [*(good(i) for i in range(6)), *(with_message(invoice(i) | {"currency": "EUR"}) for i in range(5))]
    [finding] = judge.found(runs)
    assert (finding.severity, finding.confidence, finding.trace_id) == ("info", "hint", "t06")


def test_only_judged_runs_have_findings_and_the_others_are_reference(judge: Judge) -> None:
    runs = [*(good(i) for i in range(4)), *(with_message(BREAKING["null"]) for _ in range(2))]
    assert list(judge.severities(runs, judged=[0, 5])) == ["t05"]
    assert list(judge.severities([*runs[:4], runs[5]], judged=[4])) == ["t04"]


def test_workflows_that_share_names_of_agents_are_kept_apart(judge: Judge) -> None:
    here = [with_message(invoice(i), name="invoices") for i in range(5)]
    there = [with_message({"claim": i, "valid": True}, name="claims") for i in range(3)]
    assert judge.alarms([*here, *there]) == []


def test_runs_with_a_name_of_their_own_are_compared(judge: Judge) -> None:
    runs = [good(i, name=f"invoice {i}") for i in range(5)] + [with_message(BREAKING["null"], name="invoice 5")]
    assert list(judge.severities(runs)) == ["t05"]


def test_the_same_whatever_the_order_of_traces_and_of_judging(judge: Judge) -> None:
    runs = [*(good(i) for i in range(4)), *(with_message(m) for m in BREAKING.values())]
    assert judge.found(runs) == judge.found(runs)
    assert [f.trace_id for f in judge.found(runs)] == sorted(f.trace_id for f in judge.found(runs))


def test_missing_payloads_are_said_and_not_judged(judge: Judge) -> None:
    runs = [good(0, recorded=False), *(good(i) for i in range(4)), good(5, recorded=False)]
    assert judge.skipped(runs) == [("t00", "no payloads recorded"), ("t05", "no payloads recorded")]
    assert judge.found(runs) == []


def test_too_few_messages_are_said_once(judge: Judge) -> None:
    assert judge.skipped([good(0), good(1)]) == [(None, "fewer than 3 comparable messages on any edge")]
    assert judge.skipped([good(i) for i in range(3)]) == []
    assert judge.skipped([run(("extractor", "alone"))]) == []


def test_a_mistake_made_in_very_many_runs_is_looked_at_closely_in_some(judge: Judge) -> None:
    texts = [with_message({"vendor": "Zulu", "amount": 7, "confidence": f"0.{90 + i}"}) for i in range(6)]
    found = judge.found([*(good(i) for i in range(6)), *texts], looked_at=2)
    assert [f.severity for f in found] == ["high"] * 6
    assert {f.key for f in found} == {"extractor → scorer: $.confidence type"}
    assert ['"0.91"' in f.message for f in found] == [False, True, False, False, False, False]


def test_only_the_latest_of_the_other_runs_are_reference(judge: Judge) -> None:
    runs = [*(with_message({"supplier": "Acme"}) for _ in range(6)), *(good(i) for i in range(3))]
    runs.append(with_message({"vendor": "Zulu", "amount": "7", "confidence": 0.9}))
    assert [f.key for f in judge.found(runs, judged=[9], reference_runs=3)] == ["extractor → scorer: $.amount type"]


@pytest.mark.parametrize(
    "odd",
    [
        [{"sku": "S1", "price": "1.5"}],
        [{"sku": "S1", "price": 1.5}, {"sku": "S2", "price": "2.5"}],
        [{"sku": "S1"}],
        [{"sku": "S1", "price": None}],
    ],
)
def test_drift_inside_a_list_is_found(judge: Judge, odd: list[dict[str, Any]]) -> None:
    def order(i: int) -> object:
        return {"id": i, "items": [{"sku": f"S{k}", "price": 1 + k / 2} for k in range(i % 4)]}

    runs = [with_message(order(i)) for i in range(9)]
    runs.insert(5, with_message({"id": 1, "items": odd}))
    assert [(f.trace_id, f.severity) for f in judge.found(runs)] == [("t05", "medium")]


def test_one_message_to_two_readers_is_one_finding(judge: Judge) -> None:
    def fan_out(message: object) -> str:
        said = json.dumps(message if isinstance(message, str) else json.dumps(message))
        readers = "".join(f'\n  agent {name} id={name}{beside}\n    llm gpt-4o -> "Fine."' for name, beside in READERS)
        return f"workflow w\n  agent extractor\n    llm gpt-4o id=said -> {said}{readers}"

    runs = [*(fan_out(invoice(i)) for i in range(4)), fan_out(BREAKING["rename"])]
    [finding] = judge.found(runs)
    assert finding.key == "extractor → auditor, scorer: $.confidence rename"
    assert [e.span_id for e in finding.evidence] == ["said", "auditor", "scorer"]


READERS = [("scorer", ""), ("auditor", " parallel")]


def test_arguments_of_a_handoff_are_its_message(judge: Judge) -> None:
    def ask(message: object) -> str:
        return (
            f'workflow w\n  agent planner\n    llm gpt-4o id=said -> "I ask finder."\n'
            f'    handoff finder {json.dumps(message)} id=call\n  agent finder\n    llm gpt-4o -> "Found."'
        )

    runs = [*(ask({"task": f"find {city}", "limit": 3}) for city in VENDORS[:5]), ask({"task": ["a"], "limit": 3})]
    [finding] = judge.alarms(runs)
    assert (finding.key, finding.agent) == ("planner → finder: $.task type", "planner")
