"""Messages between agents, held against the JSON Schema that a project declares for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.check.contracts import broken
from agentdbg.check.judging import judgement
from agentdbg.errors import AgentdbgError
from agentdbg.model import Finding, Skipped
from tests.commandline import agentdbg_here
from tests.stores import of_sketch

INVOICE = {
    "type": "object",
    "required": ["vendor", "score"],
    "properties": {"vendor": {"type": "string"}, "score": {"type": "number", "maximum": 1}},
}


def run(name: str, *messages: str) -> str:
    lines = [f"  agent extractor\n    llm m -> {said}\n  agent scorer\n    llm m -> {{}}" for said in messages]
    return "\n".join([f"trace {name}\nworkflow invoice", *lines])


def held(
    folder: Path, text: str, schema: object = None, edge: tuple[str, str] = ("extractor", "scorer")
) -> tuple[list[Finding], list[Skipped]]:
    (folder / "invoice.json").write_text(json.dumps(INVOICE if schema is None else schema), "utf-8")
    with of_sketch(folder, text) as store:
        return broken(store.reader(), {edge: folder / "invoice.json"}, judgement(store, {})[0].findings)


def test_a_message_that_breaks_its_contract(tmp_path: Path) -> None:
    found, _ = held(tmp_path, run("r", '{"vendor": "Acme", "score": 0.9}', '{"vendor": 7, "score": "0.9"}'))
    (finding,) = (one for one in found if one.detector == "contract.broken")
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "certain", "extractor")
    assert finding.title == "extractor → scorer breaks its contract: `score`: '0.9' is not of type 'number', and 1 more"
    assert finding.message == (
        "What extractor handed scorer breaks the contract invoice.json: `score`: '0.9' is not of type 'number'; "
        "`vendor`: 7 is not of type 'string'. 1 of 2 messages on this edge breaks it."
    )
    assert finding.key == "extractor → scorer: $.score type; $.vendor type"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"vendor": "Acme"}', "'score' is a required property"),
        ('{"vendor": "Acme", "score": 95}', "`score`: 95 is greater than the maximum of 1"),
        ('"Here it is: {\\"vendor\\": \\"Acme\\", \\"score\\": 0.9}"', "is not of type 'object'"),
    ],
    ids=["removed", "out of range", "JSON in prose"],
)
def test_what_breaks_it(said: str, words: str, tmp_path: Path) -> None:
    found, _ = held(tmp_path, run("r", said))
    assert [words in one.message for one in found if one.detector == "contract.broken"] == [True]


def test_a_star_is_any_agent_and_a_message_that_keeps_to_it_is_not_told(tmp_path: Path) -> None:
    good, bad = run("r", '{"vendor": "Acme", "score": 1}'), run("r", '{"vendor": "Acme"}')
    for edge in (("*", "scorer"), ("extractor", "*")):
        assert held(tmp_path, good, edge=edge)[0] == []
        assert [one.agent for one in held(tmp_path, bad, edge=edge)[0]] == ["extractor"]


def test_what_a_contract_tells_for_sure_is_not_told_as_unusual_again(tmp_path: Path) -> None:
    usual = "\n".join(run(f"r{n}", f'{{"vendor": "V{n}", "score": 0.9}}') for n in range(4))
    text = usual + "\n" + run("odd", '{"vendor": "Acme", "score": "0.9"}')
    with of_sketch(tmp_path, text) as store:
        assert [one.detector for one in judgement(store, {})[0].findings] == ["handoff.schema"]
    assert [one.detector for one in held(tmp_path, text)[0]] == ["contract.broken"]


_CALL = {"id": "c", "type": "function", "function": {"name": "transfer_to_scorer", "arguments": "{}"}}
TRANSFER = json.dumps([{"role": "assistant", "content": "", "tool_calls": [_CALL]}])
CUT = json.dumps(json.dumps({"vendor": "Acme " * 40})[:150])


@pytest.mark.parametrize(
    "steps",
    [
        f"llm m -> {TRANSFER}",
        f'llm m -> {TRANSFER}\n    tool transfer_to_scorer {{}} -> "ok"',
        f'llm m -> "Scorer, please."\n    tool transfer_to_scorer {CUT} -> "ok"',
        f"llm m -> {CUT}",
    ],
    ids=["a transfer", "a transfer that ran", "arguments that were cut", "an answer that was cut"],
)
def test_what_is_not_there_to_be_judged_breaks_nothing(steps: str, tmp_path: Path) -> None:
    found, skipped = held(
        tmp_path, f"trace r\nworkflow w\n  agent extractor\n    {steps}\n  agent scorer\n    llm m -> {{}}"
    )
    assert not [one for one in found if one.detector == "contract.broken"]
    assert [one.reason for one in skipped] == ["what extractor → scorer hands over is not recorded"]


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    unrecorded = "trace r\nworkflow w\n  agent extractor\n    llm m\n  agent scorer\n    llm m"
    found, skipped = held(tmp_path, unrecorded)
    assert found == []
    assert [one.reason for one in skipped] == ["what extractor → scorer hands over is not recorded"]
    _, skipped = held(tmp_path, unrecorded, edge=("extractor", "herald"))
    assert skipped == [Skipped("contract.broken", None, "no handoff extractor → herald in these runs")]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "is no JSON Schema: 'objekt' is not valid"),
        (
            {"$ref": "https://schemas.invalid/invoice"},
            "it refers to https://schemas.invalid/invoice, which is not in it",
        ),
    ],
    ids=["no schema", "a schema elsewhere"],
)
def test_a_file_that_is_no_contract_is_refused(schema: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(AgentdbgError, match=message):
        held(tmp_path, run("r", '{"vendor": "Acme"}'), schema)


def test_check_reads_them_from_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path
    monkeypatch.chdir(folder)
    (folder / "agentdbg.toml").write_text('[contracts]\n"extractor -> scorer" = "schemas/invoice.json"\n', "utf-8")
    (folder / "odd.sketch").write_text(run("r", '{"vendor": "Acme"}'), "utf-8")
    done = agentdbg_here("check", "odd.sketch")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "invoice.json cannot be read: No such file" in done.stderr
    assert "hint: it is the contract extractor → scorer" in done.stderr
    (folder / "schemas").mkdir()
    (folder / "schemas" / "invoice.json").write_text(json.dumps(INVOICE), "utf-8")
    done = agentdbg_here("check", "odd.sketch", "--json")
    assert (done.exit_code, [one["detector"] for one in json.loads(done.stdout)["findings"]]) == (
        1,
        ["contract.broken"],
    )
    assert agentdbg_here("check", "odd.sketch", "--ignore", "contract.broken").exit_code == 0
    assert agentdbg_here("explain", "contract.broken").stdout.startswith("contract.broken\n")
    (folder / "agentdbg.toml").write_text('[contracts]\nextractor = "schemas/invoice.json"\n', "utf-8")
    assert 'edges are quoted: "extractor -> scorer"' in agentdbg_here("check", "odd.sketch").stderr
