"""loop.cycle: what is a loop, what only looks like one, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from agentdbg.detectors.loop.cycle import Cycle
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, skipped

DOCUMENTS = ["Assets are 12 million.", "A plant opens in Ohio.", "The founder likes batteries.", "Lithium gets cheap."]
DEMANDS = [
    "I need more context before I can assess this.",
    "More context is needed to assess this document.",
    "This is not enough; I still need more context.",
]
PARAPHRASES = [
    "Search quarterly revenue for Acme Corp",
    "please find the quarterly revenues of Acme Corp",
    "look up Acme Corp quarterly revenue again",
]


def says(text: str) -> str:
    """An answer whose text may be JSON."""
    return json.dumps([{"role": "assistant", "content": text}])


def agent(name: str, prompt: str | None, answer: str, usage: str = "") -> str:
    given = f"{json.dumps(prompt)} -> " if prompt is not None else "-> "
    return f"agent {name}\n  llm m {given}{says(answer)} {usage}\n"


def turn(thought: str, call: str, usage: str = "") -> str:
    return f"llm m -> {says(thought)} {usage}\n{call}\n"


def laps(times: int, lap: Callable[[int], str]) -> str:
    return "workflow w\n" + indent("".join(lap(i) for i in range(times)), "  ")


def one_agent(times: int, lap: Callable[[int], str]) -> str:
    return "agent bot\n" + indent("".join(lap(i) for i in range(times)), "  ")


def chat(*said: tuple[str, str]) -> str:
    return json.dumps([{"role": role, "content": text} for role, text in said])


def never_satisfied(i: int) -> str:
    """A researcher brings another document each time, an analyst wants more, in other words each time."""
    document, demand = f"{DOCUMENTS[i % 4]} Part {i}.", DEMANDS[(i - 1) % 3] if i else "Research Acme."
    return agent("researcher", demand, document, "in=500 out=40") + agent(
        "analyst", document, DEMANDS[i % 3], "in=600 out=10"
    )


def supervised(i: int) -> str:
    return agent("boss", "a malformed request", '{"next": "parser", "why": "it fits best"}', "in=100 out=10") + agent(
        "parser", "parse it", '{"status": "needs_more_context"}', "in=80 out=9"
    )


def searching(i: int) -> str:
    """A supervisor puts the same task in other words, and its worker reports in other words that there was nothing."""
    told = ("I could not find the churn rate.", "The churn rate was not found in any source.")
    task = f"Please find the churn rate. {DOCUMENTS[i % 4]}"
    heard = f"The clerk says: {told[(i - 1) % 2]}" if i else "What is the churn rate?"
    return agent("boss", heard, task) + agent("clerk", task, told[i % 2])


def nested(i: int) -> str:
    asked = '  tool ask_clerk {"q": "the rate"} -> "I do not know."\n    agent clerk\n'
    work = indent('tool lookup {"k": "rate"} -> []\n' + f'llm m "[]" -> {says("I do not know.")}\n', "      ")
    return f"agent boss\n  llm m -> {says('Ask the clerk.')}\n{asked}{work}"


LOOPS = {
    "a tool that finds nothing": (one_agent(4, lambda i: turn("Looking.", 'tool search {"q": "x"} -> []')), "bot", 4),
    "three laps are enough": (one_agent(3, lambda i: turn("Looking.", 'tool search {"q": "x"} -> []')), "bot", 3),
    "fresh request ids": (
        one_agent(5, lambda i: turn("Hm.", f'tool search {{"q": "x", "request_id": "r{i}"}} -> {{"took_ms": {i}}}')),
        "bot",
        5,
    ),
    "nearly the same query": (
        one_agent(6, lambda i: turn("Hm.", f'tool search {{"q": "{PARAPHRASES[i % 3]}"}} -> "No new results."')),
        "bot",
        6,
    ),
    "a tool that fails the same way": (
        one_agent(5, lambda i: turn("Log in.", 'tool login {"user": "bob"} error="AuthError: 401"')),
        "bot",
        5,
    ),
    "the same failing test": (
        one_agent(5, lambda i: turn("Run it.", 'tool test {"cmd": "pytest"} -> "3 failed in test_a"')),
        "bot",
        5,
    ),
    "an analyst who always wants more": (laps(47, never_satisfied), "analyst", 47),
    "a supervisor whose worker is stuck": (laps(8, supervised), "parser", 8),
    "a worker that is a tool": (laps(4, nested), "clerk", 4),
    "other words around the same call": (
        one_agent(5, lambda i: turn(f"{DOCUMENTS[i % 4]} So let me look.", 'tool search {"q": "x"} -> []')),
        "bot",
        5,
    ),
    "a worker who never finds it": (laps(6, searching), "clerk", 6),
    "everyone passes the work on": (
        laps(
            5,
            lambda i: "".join(
                f'agent {a}\n  llm m -> "{DOCUMENTS[i % 4]} For {b}."\n  handoff {b} {{"reason": "{DOCUMENTS[(i + k) % 4]}"}}\n'
                for k, (a, b) in enumerate((("ann", "bob"), ("bob", "ann")))
            ),
        ),
        "bob",
        5,
    ),
    "three agents in a ring": (
        laps(4, lambda i: "".join(agent(a, b, f"Your turn, {c}.") for a, b, c in (("a1", "x", "b1"), ("b1", "y", "c1"), ("c1", "z", "a1")))),
        "c1",
        4,
    ),
    "a nudge in between": (
        one_agent(
            5,
            lambda i: "llm m "
            + chat(("user", "find it"), *(("assistant", "I should look."), ("user", "You must use one of the tools.")) * i)
            + f" -> {says('I should look.')}\n",
        ),
        "bot",
        5,
    ),
    "another step now and then": (
        one_agent(9, lambda i: turn("Hm.", 'tool search {"q": "x"} -> []' + ('\ntool note {} -> "ok"' if i == 4 else ""))),
        "bot",
        9,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_loops(name: str, tmp_path: Path) -> None:
    sketch, at_fault, times = LOOPS[name]
    (finding,) = found(tmp_path, Cycle(), sketch)
    assert finding.agent == at_fault
    assert f"×{times}:" in finding.message
    assert f"×{times}:" in finding.title
    assert finding.severity in ("high", "critical")


def user_turns(times: int, question: str) -> str:
    past = (("assistant", "Gold costs 2,000 dollars."), ("user", question))
    return one_agent(
        times, lambda i: f"llm m {chat(('user', question), *past * i)} -> {says('Gold costs 2,000 dollars.')}\n"
    )


NO_LOOPS = {
    "two laps": one_agent(2, lambda i: turn("Looking.", 'tool search {"q": "x"} -> []')),
    "polling that ended": one_agent(
        9, lambda i: f'tool job_status {{"id": 1}} -> {{"state": "{"done" if i == 8 else "running"}"}}\n'
    ),
    "polling by code that goes on": one_agent(9, lambda i: 'tool job_status {"id": 1} -> {"state": "running"}\n'),
    "a heartbeat": "agent bot\n  llm m -> \"Starting.\"\n" + "  tool heartbeat {} -> \"ok\"\n" * 20,
    "pages": one_agent(9, lambda i: turn("Next page.", f'tool list {{"page": {i}}} -> ["row {i}"]')),
    "a cursor that the server keeps": one_agent(9, lambda i: turn("Next.", f'tool next_page {{}} -> ["row {i}"]')),
    "empty pages of other things": one_agent(
        6, lambda i: turn("Hm.", f'tool search {{"q": "{("revenue", "profit", "lawsuits", "ceo", "rivals", "debt")[i]}"}} -> []')
    ),
    "a map over ids, each acknowledged": one_agent(
        9, lambda i: turn("Next.", f'tool mark_read {{"message_id": "00000000-0000-0000-0000-00000000000{i}"}} -> "ok"')
    ),
    "a map over topics in long words": one_agent(
        6,
        lambda i: turn(
            "Next.",
            f'tool write {{"task": "Write the section on {("pricing", "staffing", "risk", "supply", "growth", "law")[i]}'
            ' for the market report of the board in plain words"} -> "saved"',
        ),
    ),
    "a map by two agents": laps(
        8, lambda i: agent("reader", f"ticket {i}", f"Printer {i} is broken.") + agent("sorter", f"Printer {i} is broken.", "hardware")
    ),
    "documents that all lack the same": laps(
        7, lambda i: agent("reader", f"read file {i}", f"Sum {i * 17}.") + agent("checker", f"Sum {i * 17}.", "The signature is missing.")
    ),
    "votes at the same time": one_agent(6, lambda i: f'llm m "Is it fraud?" -> "yes" dur=2s{" parallel" if i else ""}\n'),
    "workers at the same time": laps(
        6, lambda i: f"agent worker{' parallel' if i else ''}\n" + indent(turn("Saving.", 'tool save {"d": 1} -> "ok"'), "  ")
    ),
    "edits and tests with other failures": one_agent(
        6,
        lambda i: turn(f"Change line {i}.", f'tool edit {{"line": {i}}} -> "ok"')
        + turn("Run the tests.", f'tool test {{}} -> "{9 - i} failed in test_{i}"'),
    ),
    "retries that succeed": one_agent(
        4, lambda i: 'tool get {"u": 1} ' + ('-> "data"' if i == 3 else 'error="TimeoutError: 30s"') + "\n"
    ),
    "retries of a model that succeed": one_agent(
        4,
        lambda i: turn("Get it.", 'tool get {"u": 1} ' + ('-> "data"' if i == 3 else 'error="TimeoutError: 30s"')),
    ),
    "a tool that acknowledges": one_agent(20, lambda i: 'tool save {"k": "x"} -> "ok"\n'),
    "a tool whose text is wrapped in blocks": one_agent(
        20, lambda i: 'tool save {"k": "x"} -> [{"type": "text", "text": "saved"}]\n'
    ),
    "settings that each turn loads anew": laps(
        6, lambda i: 'agent bot\n  tool load_settings {} -> {"region": "north", "owner": "Ann Smith", "limit": 40}\n'
    ),
    "code that repeats a call beside a model": "agent bot\n  llm m -> \"Go.\"\n" + '  tool search {"q": "x"} -> ["a"]\n' * 20,
    "retries by code": "agent bot\n  llm m -> \"Go.\"\n" + '  tool get {"u": 1} error="TimeoutError: 30s"\n' * 6,
    "a person who asks the same again": user_turns(6, "What is the price of gold?"),
    "a person who wants it checked again and again": one_agent(
        6,
        lambda i: f"llm m {chat(('user', 'watch the queue'), *(('assistant', 'It is empty.'), ('user', f'and now? ({i})')) * i)}"
        f" -> {says('Checking.')}\ntool queue_length {{}} -> 0\nllm m -> {says('It is empty.')}\n",
    ),
    "pieces of one stream": one_agent(9, lambda i: f'llm m -> "word" at={3 * i}ms dur=1ms\n'),
    "another missing thing each time": laps(
        3,
        lambda i: agent("researcher", f"I also need {('task', 'the headcount', 'the churn rate')[i]}.", DOCUMENTS[i])
        + agent("analyst", DOCUMENTS[i], f"I also need {('the headcount', 'the churn rate', 'the lease')[i]}."),
    )
    + indent(agent("analyst", "The lease ends in 2030.", "Acme is sound."), "  "),
    "asked once more, and got it": laps(
        1,
        lambda i: agent("boss", "go", "parser") + agent("parser", "parse", '{"status": "needs_more_context"}')
        + agent("boss", "it needs more", "fetcher") + agent("fetcher", "fetch", "abc") + agent("boss", "abc", "parser")
        + agent("parser", "parse abc", '{"status": "complete"}'),
    ),
    "two drafts and a final": laps(
        2,
        lambda i: agent("writer", ("write", "Rework it: too short.")[i], ("Banks lend.", "Credit is trust, priced.")[i])
        + agent("editor", ("Banks lend.", "Credit is trust, priced.")[i], ("Rework it: too short.", "final")[i]),
    ),
    "payloads that are not recorded, all different sizes": one_agent(
        9, lambda i: f"llm m in={100 + 500 * i * i} out=17\ntool fetch\n"
    ),
    "pages of one size, of which only the size is recorded": one_agent(
        9, lambda i: f"llm m in={100 + 500 * i} out=5\ntool fetch\n"
    ),
    "payloads that are recorded nowhere": one_agent(9, lambda i: "llm m\ntool fetch\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_LOOPS)
def test_no_loops(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, Cycle(), NO_LOOPS[name]) == []


def test_the_finding_in_full(tmp_path: Path) -> None:
    sketch = laps(12, lambda i: supervised(i).replace("out=9", "out=9 cost=0.01"))
    (finding,) = found(
        tmp_path, Cycle(), "workflow outer\n" + indent(agent("planner", "p", "q", "in=5 out=5") + sketch, "  ")
    )
    assert (finding.severity, finding.confidence) == ("critical", "certain")
    assert finding.title == "boss ⇄ parser ×12: nothing new in any lap"
    assert finding.message == (
        "boss ⇄ parser ×12: a cycle of 2 steps ran 12 times with the same inputs and outputs, and nothing new came of it."
        " Laps 2 to 12 took 2,189 tokens ($0.11) and 2.2 s, 92% of the run's cost."
        " A ceiling of 5 turns would have stopped it at turn 5 of 12, 1.1 s into the run."
    )
    assert finding.wasted_tokens == 2189
    assert finding.wasted_usd == pytest.approx(0.11)
    assert finding.key == "boss llm | parser llm"
    assert [(e.role, e.note) for e in finding.evidence] == [
        ("primary", "lap 1 of 12 begins"),
        ("related", "lap 2 begins: the first repeat"),
        ("related", "a ceiling of 5 turns would have stopped here"),
        ("related", "the last step of the cycle"),
    ]


def looped(tmp_path: Path, sketch: str, detector: Cycle | None = None) -> Finding:
    (finding,) = found(tmp_path, detector or Cycle(), sketch)
    return finding


@pytest.mark.parametrize(
    ("call", "words", "confidence"),
    [
        ('tool f {"q": "x"} -> []', "with the same inputs and outputs", "certain"),
        ('tool f {"q": "x", "trace_id": "#"} -> []', "the same up to ids and times", "certain"),
        ('tool f {"q": "x"} -> "nothing, after # ms"', "the same up to ids and times", "certain"),
        ('tool f {"q": "?"} -> "No new results."', "with nearly the same words", "likely"),
    ],
)
def test_how_much_the_same(call: str, words: str, confidence: str, tmp_path: Path) -> None:
    def lap(i: int) -> str:
        return turn("Looking.", call.replace("#", str(i)).replace("?", PARAPHRASES[i % 3]))

    finding = looped(tmp_path, one_agent(5, lap))
    assert words in finding.message
    assert finding.confidence == confidence


def test_other_words_around_the_same_call_are_told(tmp_path: Path) -> None:
    finding = looped(tmp_path, LOOPS["other words around the same call"][0])
    assert "with the same calls and results, whatever was said in between" in finding.message


def test_passing_the_work_on_is_told(tmp_path: Path) -> None:
    finding = looped(tmp_path, LOOPS["everyone passes the work on"][0])
    assert "in which everyone passes the work on and nobody does it" in finding.message
    assert finding.confidence == "likely"


def test_a_demand_is_only_likely_and_says_how_it_was_put(tmp_path: Path) -> None:
    finding = looped(tmp_path, laps(47, never_satisfied))
    assert (finding.severity, finding.confidence) == ("critical", "likely")
    assert "the same unanswered demand" in finding.message
    assert f'"{DEMANDS[0]}" became "{DEMANDS[46 % 3]}"' in finding.message
    assert finding.wasted_tokens == 46 * 1150


@pytest.mark.parametrize(
    ("call", "words", "cure"),
    [
        pytest.param(
            'tool vans {"due": 4} error="HTTPStatusError: Client error 401 Unauthorized"',
            'vans({"due":4}) failed 6 times: HTTPStatusError: Client error 401 Unauthorized; an error of this kind (auth)'
            " does not go away by itself.",
            "Let the first auth error of vans end the work or go to a person: asking again cannot help.",
            id="without hope",
        ),
        pytest.param(
            'tool vans {"due": 4} error="HTTPError: 503 Service Unavailable"',
            'vans({"due":4}) failed 6 times: HTTPError: 503 Service Unavailable.',
            "Retry vans in code, with pauses that double",
            id="with hope",
        ),
        pytest.param(
            'tool vans {"due": 4} -> []',
            'vans({"due":4}) came back 6 times with [].',
            'Let vans say that there is nothing for {"due":4}, and what to try instead',
            id="nothing",
        ),
        pytest.param(
            'tool vans {"due": 4} -> ["V-22", "V-23"]',
            'vans({"due":4}) came back 6 times with ["V-22","V-23"].',
            'Let vans say that it has answered {"due":4} already',
            id="the same",
        ),
    ],
)
def test_what_it_stands_still_at_and_what_would_have_ended_it(call: str, words: str, cure: str, tmp_path: Path) -> None:
    before = "  llm m -> " + says("First the registry.") + "\n  tool registry {} -> [1, 2, 3]\n"
    sketch = one_agent(6, lambda i: turn("Looking.", call)).replace("agent bot\n", "agent bot\n" + before)
    finding = looped(tmp_path, sketch)
    assert words in finding.message
    assert finding.advice.startswith(cure)
    assert finding.advice.endswith(
        "Set max_turns of bot to 5: of its 7 model calls up to the end of the loop, number 2 was the last that brought"
        " anything new."
    )


def test_of_several_agents_the_demand_and_the_rounds_are_told(tmp_path: Path) -> None:
    assert looped(tmp_path, laps(47, never_satisfied)).advice == (
        f'Nobody meets what analyst asks for ("{DEMANDS[0]}"): say who answers such a demand, and end the work where'
        " nobody can. Stop researcher and analyst after 3 rounds without news: of 47, the first was the last that brought"
        " any."
    )


def test_the_agent_that_is_read_is_at_fault_not_the_one_that_waits(tmp_path: Path) -> None:
    def lap(i: int) -> str:
        demand = DEMANDS[i % 3]
        before = DEMANDS[(i - 1) % 3] if i else "Research Acme."
        document = f"{DOCUMENTS[i % 4]} Part {i}."
        steps = [agent("researcher", before, document), agent("analyst", document, demand)]
        return "".join(steps) + agent("publisher", demand, "The text is not final yet.")

    finding = looped(tmp_path, laps(6, lap))
    assert finding.title.startswith("researcher → analyst → publisher ×6")
    assert finding.agent == "analyst"


@pytest.mark.parametrize(("times", "severity"), [(4, "high"), (9, "high"), (10, "critical")])
def test_ten_laps_are_critical(times: int, severity: str, tmp_path: Path) -> None:
    assert looped(tmp_path, one_agent(times, lambda i: turn("Hm.", 'tool f {"q": 1} -> []'))).severity == severity


@pytest.mark.parametrize(("elsewhere", "severity"), [(100, "critical"), (10_000, "high")])
def test_five_laps_are_critical_where_they_are_most_of_the_cost(elsewhere: int, severity: str, tmp_path: Path) -> None:
    sketch = one_agent(6, lambda i: turn("Hm.", 'tool f {"q": 1} -> []', "in=90 out=10"))
    assert looped(tmp_path, f'agent other\n  llm m "a" -> "b" in={elsewhere} out=1\n{sketch}').severity == severity


def test_what_grows_is_said(tmp_path: Path) -> None:
    sketch = one_agent(6, lambda i: turn("Hm.", 'tool f {"q": 1} -> []', f"in={100 + i * 40} out=10"))
    assert "differ only in the size of the prompt: 100 and 300 tokens" in looped(tmp_path, sketch).message


def test_without_payloads_the_structure_is_judged_and_fails_no_gate_by_default(tmp_path: Path) -> None:
    sketch = laps(12, lambda i: "agent boss\n  llm m in=100 out=17\nagent worker\n  llm m in=170 out=11\n")
    finding = looped(tmp_path, sketch)
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "likely", "worker")
    assert "payloads are not recorded" in finding.message


@pytest.mark.parametrize(
    ("lap", "times", "confidence"),
    [
        ("llm m in={n} out=17\n", 8, "likely"),
        ("llm m in=100 out=17\n", 8, "hint"),
        ("llm m in={n} out=17\ntool search\n", 8, "likely"),
        ("llm m in={n} out=17\ntool list_orders\n", 5, "hint"),  # as likely four pages of a list
    ],
)
def test_of_one_agent_without_payloads_many_laps_and_a_prompt_that_grows_evenly_tell_more(
    lap: str, times: int, confidence: str, tmp_path: Path
) -> None:
    finding = looped(tmp_path, one_agent(times, lambda i: lap.format(n=100 + 40 * i)))
    assert (finding.severity, finding.confidence) == ("medium", confidence)


def test_turns_are_judged_where_only_they_record_payloads(tmp_path: Path) -> None:
    def lap(i: int) -> str:
        return f'agent boss "go" -> "worker"\n  llm m\nagent worker "go" -> "{DEMANDS[i % 3]}"\n  llm m\n'

    finding = looped(tmp_path, laps(6, lap))
    assert (finding.agent, finding.confidence) == ("worker", "likely")


def test_tools_without_model_or_payload_are_a_hint(tmp_path: Path) -> None:
    assert grades(found(tmp_path, Cycle(), "agent bot\n" + "  tool fetch\n" * 8)) == [("medium", "hint")]


@pytest.mark.parametrize("result", ['["a"]', '{"hits": ["a"]}', "[]", '"Acme sells batteries in 40 countries."'])
def test_a_tool_that_alone_repeats_in_a_turn_is_likely_and_never_critical(result: str, tmp_path: Path) -> None:
    call = f'tool search {{"q": "x"}} -> {result}\n'
    finding = looped(tmp_path, one_agent(20, lambda i: call))
    assert (finding.severity, finding.confidence) == ("high", "likely")
    assert finding.title == "bot ↻ search ×20: nothing new in any lap"
    assert "no model call is recorded that asked again" in finding.message
    assert found(tmp_path, Cycle(), one_agent(3, lambda i: call)) == []


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    (one,) = skipped(tmp_path, Cycle(), one_agent(9, lambda i: "llm m\ntool fetch\n"))
    assert one.reason == "no payloads recorded: judged by structure and token counts alone"
    assert skipped(tmp_path, Cycle(), NO_LOOPS["pages"]) == []


def test_a_poll_that_a_model_made_is_told_but_is_no_alarm(tmp_path: Path) -> None:
    sketch = one_agent(8, lambda i: turn("Wait.", f'tool job {{"id": 1}} -> "{"done" if i == 7 else "running"}"'))
    finding = looped(tmp_path, sketch)
    assert (finding.severity, finding.title) == ("info", "bot ↻ job ×8: polled by a model until the outcome changed")


@pytest.mark.parametrize(("last", "severity"), [("done", "info"), ("running", "high")])
def test_a_poll_with_pauses_that_ends_without_one(last: str, severity: str, tmp_path: Path) -> None:
    job = 'tool job {{"id": 1}} -> "{0}"'.format
    sketch = one_agent(6, lambda i: turn("Still running, I wait.", f'tool sleep {{"s": 30}} -> "ok"\n{job("running")}'))
    sketch += indent(f'{turn("Once more.", job(last))}llm m -> "So it is."\n', "  ")
    assert looped(tmp_path, sketch).severity == severity


def test_a_poll_whose_end_only_the_next_prompt_tells(tmp_path: Path) -> None:
    def prompt(i: int) -> str:
        turns = [
            {"role": "assistant", "tool_calls": [_call()]},
            {"role": "tool", "tool_call_id": "c", "content": "running"},
        ]
        last = [{"role": "tool", "tool_call_id": "c", "content": "done"}] if i == 7 else turns[1:]
        return json.dumps([{"role": "user", "content": "wait"}, *(turns * i)[:-1], *(last if i else [])])

    asks = json.dumps([{"role": "assistant", "tool_calls": [_call()]}])
    sketch = one_agent(7, lambda i: f"llm m {prompt(i)} -> {asks}\n")
    assert looped(tmp_path, sketch).severity == "high"
    ended = sketch + f'  llm m {prompt(7)} -> "It is done."\n'
    assert looped(tmp_path, ended).severity == "info"


def _call() -> dict[str, object]:
    return {"id": "c", "type": "function", "function": {"name": "job", "arguments": '{"id": 1}'}}


def test_a_loop_inside_a_loop_is_one_finding(tmp_path: Path) -> None:
    inner = indent(turn("Hm.", 'tool search {"q": "x"} -> []') * 4, "  ")
    sketch = laps(5, lambda i: agent("boss", "go", "worker") + f"agent worker\n{inner}")
    assert "×5" in looped(tmp_path, sketch).title


def test_a_loop_that_is_taken_up_again_is_one_finding(tmp_path: Path) -> None:
    lap = turn("Hm.", 'tool search {"q": "x"} -> []')
    sketch = "agent bot\n" + indent(lap * 4 + turn("Other.", 'tool read {"p": 1} -> "text"') * 2 + lap * 5, "  ")
    assert "×9" in looped(tmp_path, sketch).title


def test_the_same_steps_about_something_else_are_one_finding(tmp_path: Path) -> None:
    short, long = (turn("Hm.", f'tool search {{"q": "{q}"}} -> []') * n for q, n in (("x", 4), ("y", 6)))
    finding = looped(tmp_path, "agent bot\n" + indent(short + long, "  "))
    assert "×6" in finding.title
    assert "in 1 other place of this run" in finding.message


def test_two_loops_are_two_findings(tmp_path: Path) -> None:
    one, other = (indent(turn("Hm.", f'tool {name} {{"q": 1}} -> []') * 4, "  ") for name in ("search", "fetch"))
    titles = [f.title for f in found(tmp_path, Cycle(), f"agent a\n{one}agent b\n{other}")]
    assert [title.split(" ×")[0] for title in titles] == ["a ↻ search", "b ↻ fetch"]


def test_each_of_several_branches_at_the_same_time_may_loop(tmp_path: Path) -> None:
    lap = indent(turn("Hm.", 'tool search {"q": "x"} -> []') * 5, "  ")
    sketch = "workflow w\n" + indent(f'agent a\n{lap}agent b parallel\n  llm m "x" -> "y" dur=1s\n', "  ")
    assert looped(tmp_path, sketch).agent == "a"


def test_options(tmp_path: Path) -> None:
    sketch = one_agent(6, lambda i: turn("Hm.", 'tool f {"q": 1} -> []'))
    assert found(tmp_path, Cycle(least_laps=7), sketch) == []
    assert looped(tmp_path, sketch, Cycle(critical_laps=6)).severity == "critical"
    assert "A ceiling of 3 turns" in looped(tmp_path, sketch, Cycle(ceiling=3)).message


def test_traces_are_judged_one_by_one_and_in_order(tmp_path: Path) -> None:
    loop = one_agent(4, lambda i: turn("Hm.", 'tool f {"q": 1} -> []'))
    findings = found(tmp_path, Cycle(), f"trace one\n{loop}trace two\n{NO_LOOPS['pages']}trace three\n{loop}")
    assert len(findings) == 2
    assert [f.trace_id for f in findings] == sorted(f.trace_id for f in findings)
    assert len({f.key for f in findings}) == 1


def test_laps_below_roots_of_their_own_may_be_runs_that_share_a_trace_id(tmp_path: Path) -> None:
    lap = '  agent helper\n    llm gpt-4o "Where is order 77?" -> "I look."\n    tool get_order {"id": 77} -> {"state": "sent"}'
    (apart,) = found(tmp_path, Cycle(), "trace t\n" + "\n".join(f"workflow chat\n{lap}" for _ in range(6)))
    (together,) = found(tmp_path, Cycle(), "workflow chat\n" + "\n".join(lap for _ in range(6)))
    assert grades([apart, together]) == [("medium", "likely"), ("high", "certain")]
    assert apart.message.endswith("each lap is below a root of its own, and runs that share a trace id look alike.")
