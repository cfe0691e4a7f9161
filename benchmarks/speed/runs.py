"""A seeded model of multi-agent runs: which spans a run has, what its agents say and do, how long it takes.

Everything follows from the seed. Runs are made one after the other and told in batches that mix a handful of them, as a
collector's do, so that a million spans need no more memory than a thousand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

START_NS = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
LIVE = 8  # runs that are under way at the same time
AGENTS = ("researcher", "writer", "critic", "analyst", "archivist", "translator", "reviewer")
MODELS = (
    ("openai", "gpt-5-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-5"),
    ("aws.bedrock", "nova-pro"),
)
TOOLS = ("web_search", "read_file", "run_sql", "send_email", "calculator", "fetch_url", "grep_repo", "create_ticket")
ERRORS = ("TimeoutError", "ConnectionError", "ValueError", "RateLimitError")
# words are made of two to four of these
_SYLLABLES = "ta re mo lin ver con pro st ing al en da ki ous per tra sol im ber not win ca fe gu hy or pla"
_COMMON = """
    the of and to in is for that with on as are from this by or be an it at which was have has not but they report
    data result source market price table order customer figure answer question agent tool search file error time
    year value review draft section number city country study paper model team budget plan risk policy contract ticket
    should could would must may there here when where because therefore however between under over after before
"""
_RARE = ("é", "naïve", "日本", "—", "“quoted”", "\n", "\n\n- ", '{"k": 1}', "https://example.org/a?b=1", "10.4 %")


@dataclass(slots=True)
class Span:
    """One step of a run. kind: workflow, agent, llm, tool or http. messages are those of a model call; arguments and
    result those of a tool."""

    trace: str
    id: str
    parent: str | None
    kind: str
    name: str
    agent: str
    start_ns: int
    end_ns: int = 0
    error: str | None = None
    session: str = ""
    provider: str = ""
    model: str = ""
    response: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    given: list[dict[str, Any]] = field(default_factory=list)
    answered: list[dict[str, Any]] = field(default_factory=list)
    tool: str = ""
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    result: str = ""


class Model:
    """The source of runs of one seed."""

    def __init__(self, seed: int = 7) -> None:
        self.random = Random(seed)
        self._prose = _prose(self.random)

    def batches(self, spans: int) -> Iterator[list[Span]]:
        """At least this many spans, all of whole runs, in batches of 20 to 200 that mix several runs."""
        random, made, now = self.random, 0, START_NS
        live: list[Iterator[Span]] = []
        batch: list[Span] = []
        size = random.randint(20, 200)
        while made < spans or live:
            while len(live) < LIVE and made < spans:
                now += random.randrange(SECOND)
                run = self.run(max(6, int(random.lognormvariate(0, 0.5) * 22)), now)
                made += len(run)
                live.append(iter(run))
            chosen = random.choice(live)
            some = list(islice(chosen, random.randint(1, 6)))
            batch += some
            if not some:
                live.remove(chosen)
            if len(batch) >= size:
                yield batch
                batch, size = [], random.randint(20, 200)
        if batch:
            yield batch

    def run(self, target: int, start_ns: int) -> list[Span]:
        """One run of about `target` spans, in the order in which they end: a coordinator hands a question to agents,
        each calls its model and tools until it answers."""
        return _Run(self, start_ns).spans(target)

    def text(self, mean: int, longest: int = 20_000) -> str:
        """Prose of a log-normal length."""
        length = min(longest, max(12, int(self.random.lognormvariate(0, 1.1) * mean)))
        at = self.random.randrange(len(self._prose) - length)
        return self._prose[at : at + length]

    def hex(self, size: int) -> str:
        """An id of so many bytes, never all zero."""
        return f"{self.random.getrandbits(8 * size) | 1:0{2 * size}x}"


class _Run:
    def __init__(self, model: Model, start_ns: int) -> None:
        self.model, self.random, self.now = model, model.random, start_ns
        self.trace, self.session = model.hex(16), model.hex(8)
        self.loops = self.random.random() < 0.06  # this run asks the same again and again
        self.out: list[Span] = []

    def spans(self, target: int) -> list[Span]:
        root = self._open("workflow", "answer_question", "coordinator", None)
        task = self.model.text(160, 4_000)
        while len(self.out) < target - 1:
            agent = self.random.choice(AGENTS)
            turn = self._open("agent", f"invoke_agent {agent}", agent, root.id)
            task = self._turn(turn, task, min(target - 2, len(self.out) + self.random.randint(4, 14)))
            self._close(turn, "AgentError" if self.random.random() < 0.01 else None)
        self._close(root, "WorkflowError" if self.random.random() < 0.02 else None)
        return self.out

    def _turn(self, turn: Span, task: str, until: int) -> str:
        provider, name = self.random.choice(MODELS)
        told = [_said("system", self.model.text(900, 4_000)), _said("user", task)]
        query = self.model.text(60, 300)
        while True:
            answer = self.model.text(280)
            calls = self._calls(query) if len(self.out) < until else []
            self._ask(turn, provider, name, told[:2] + told[2:][-6:], answer, calls)
            told.append(_said("assistant", answer, [_call(*call) for call in calls]))
            for tool, call, arguments in calls:
                result = self._use(turn, tool, call, arguments)
                told.append({"role": "tool", "parts": [{"type": "tool_call_response", "id": call, "response": result}]})
            if not calls:
                return answer

    def _calls(self, query: str) -> list[tuple[str, str, dict[str, Any]]]:
        if self.loops:
            return [(TOOLS[0], "call_" + self.model.hex(12), {"query": query, "limit": 10})]
        return [
            (self.random.choice(TOOLS), "call_" + self.model.hex(12),
             {"query": self.model.text(60, 400), "limit": self.random.randint(1, 50)})
            for _ in range(self.random.choice((1, 1, 1, 2, 0)))
        ]  # fmt: skip

    def _ask(
        self,
        turn: Span,
        provider: str,
        name: str,
        told: list[dict[str, Any]],
        answer: str,
        calls: list[tuple[str, str, dict[str, Any]]],
    ) -> None:
        chat = self._open("llm", f"chat {name}", turn.agent, turn.id)
        post = self._open("http", "POST", turn.agent, chat.id)
        failed = "RateLimitError" if self.random.random() < 0.012 else None
        self.now += int(self.random.lognormvariate(0, 0.6) * 0.9 * SECOND)
        post.provider = chat.provider = provider
        self._close(post, failed)
        chat.model, chat.response, chat.given = name, "resp_" + self.model.hex(12), list(told)
        chat.answered = [_said("assistant", answer, [_call(*call) for call in calls])]
        chat.answered[0]["finish_reason"] = "tool_call" if calls else "stop"
        spike = 30 if self.random.random() < 0.004 else 1
        chat.input_tokens = spike * (300 + sum(map(_length, told)) // 4)
        chat.output_tokens = 5 + len(answer) // 4
        self._close(chat, failed)

    def _use(self, turn: Span, tool: str, call: str, arguments: dict[str, Any]) -> str:
        span = self._open("tool", f"execute_tool {tool}", turn.agent, turn.id)
        self.now += int(self.random.lognormvariate(0, 1) * 0.2 * SECOND)
        span.tool, span.call, span.arguments = tool, call, arguments
        span.result = self.model.text(350) if self.random.random() > 0.01 else self.model.text(22_000, 100_000)
        self._close(span, self.random.choice(ERRORS) if self.random.random() < 0.03 else None)
        return span.result[:1500]

    def _open(self, kind: str, name: str, agent: str, parent: str | None) -> Span:
        self.now += self.random.randint(100_000, 900_000)
        return Span(self.trace, self.model.hex(8), parent, kind, name, agent, self.now, session=self.session)

    def _close(self, span: Span, error: str | None) -> None:
        self.now += self.random.randint(100_000, 900_000)
        span.end_ns, span.error = self.now, error
        self.out.append(span)


def _said(role: str, text: str, calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}, *(calls or [])]}


def _call(tool: str, call: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_call", "id": call, "name": tool, "arguments": arguments}


def _length(message: dict[str, Any]) -> int:
    return sum(len(part.get("content") or part.get("response") or "") for part in message["parts"])


def _prose(random: Random, words: int = 1_000_000) -> str:
    """Text in which some words are frequent and most are rare, with the signs of other scripts here and there."""
    syllables, common = _SYLLABLES.split(), _COMMON.split()
    made = ["".join(random.choices(syllables, k=random.randint(2, 4))) for _ in range(12_000)]
    vocabulary = [*common, *made, *_RARE]
    weights = [1 / (rank + 3) for rank in range(len(common) + len(made))] + [1 / 700] * len(_RARE)
    return " ".join(random.choices(vocabulary, weights=weights, k=words))
