"""Who passed work to whom, each edge with the rule that saw it.

In this order, one observation an edge: a span or tool that says so (`handoff span`, `__handoff_destination`,
`to_agent`, `delegation`, `tool name`), a turn inside another agent's turn (`agent as tool`, `nested agent`) or within
the time of a tool called after it (`agent as tool`), a turn that follows another agent's among siblings (`next
sibling`)."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from itertools import accumulate

from agentdbg.resolve.facts import CallRow, Facts, HandoffRow, TurnRow
from agentdbg.tree import SKEW_NS, Forest

_TOOL_NAME = re.compile(r"^(transfer|hand_?off|delegate|route|escalate)(?:_task|_work)?(?:_back)?_to_(.+)$", re.I)
_UNTOLD = {"agent", "other_agent"}  # in such a tool's name: the agent is told by an argument, which is not recorded
_WAVE = 8  # senders side by side that are told one by one; of more, the last to end stands for all
_FOREVER = 2**63


def plain(name: str) -> str:
    """A name as tools spell it: `Data Analyst` and `data_analyst` are one agent."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def handoffs(forest: Forest[Facts], turns: list[TurnRow], calls: list[CallRow]) -> list[HandoffRow]:
    """Every handoff of a trace, in order of the receiver's start."""
    return _Edges(forest, turns, calls).all()


class _Edges:
    def __init__(self, forest: Forest[Facts], turns: list[TurnRow], calls: list[CallRow]) -> None:
        self.forest = forest
        self.turns = turns
        self.turn_by_id = {turn.span_id: turn for turn in turns}
        self.names = {plain(turn.agent): turn.agent for turn in turns}
        self.said: dict[str, list[CallRow]] = defaultdict(list)  # a turn's own calls, in order
        for call in calls:
            if turn_id := forest.by_id[call.span_id].span.turn_id:
                self.said[turn_id].append(call)
        self.given: set[str] = set()  # turns whose sender is known
        self.inside: set[str] = set()  # turns that stand beside the tool that they are the inside of
        self.rows: list[HandoffRow] = []

    def all(self) -> list[HandoffRow]:
        self._told()
        self._nested()
        self._beside_tools()
        self._siblings()
        self.rows.sort(key=lambda row: (row.start_ns or 0, row.receiver_span_id or "", row.sender_span_id))
        for seq, row in enumerate(self.rows):
            row.seq = seq
        return self.rows

    def _add(self, sender: Facts | TurnRow, to: str, rule: str, receiver: TurnRow | None, via: Facts | None) -> None:
        turn_id = sender.turn_id if isinstance(sender, Facts) else sender.span_id
        before = via.start_ns if via is not None else receiver.start_ns if receiver else None
        spoken = self._last_said(turn_id, before)
        self.rows.append(
            HandoffRow(
                trace_id=sender.trace_id,
                seq=0,
                from_agent=sender.agent or "",
                to_agent=to,
                rule=rule,
                sender_span_id=spoken or (turn_id or sender.span_id),
                receiver_span_id=receiver.span_id if receiver else None,
                via_span_id=via.span_id if via else None,
                start_ns=receiver.start_ns if receiver else via.start_ns if via else None,
            )
        )
        if receiver:
            self.given.add(receiver.span_id)

    def _last_said(self, turn_id: str | None, before: int | None) -> str | None:
        """The last model call of a turn that had ended when the work was passed on."""
        said = self.said.get(turn_id or "", [])
        limit = _FOREVER if before is None else before
        done = [call for call in said if (call.start_ns or 0) + (call.duration_ns or 0) <= limit]
        return (done or said)[-1].span_id if said else None

    def _told(self) -> None:
        """Spans and tools that name the next agent. Both sides are walked in order of time, so that each turn is met
        once."""
        waiting: dict[str, deque[TurnRow]] = defaultdict(deque)
        for turn in self.turns:
            waiting[plain(turn.agent)].append(turn)
        latest: dict[str, Facts] = {}  # the top span of each agent's latest turn so far
        for span in sorted((node.span for node in self.forest.walk()), key=_start):
            if span.span_id in self.turn_by_id and span.agent:
                latest[plain(span.agent)] = span
            if (told := self._destination(span)) is None:
                continue
            to, rule = told
            sender = span
            if span.handoff_from and span.handoff_from != span.agent:
                sender = latest.get(plain(span.handoff_from), span)
            if sender.agent is None or plain(sender.agent) == plain(to):
                continue
            turns = waiting[plain(to)]
            while turns and (turns[0].start_ns or 0) < (span.start_ns or 0) - SKEW_NS:
                turns.popleft()
            self._add(sender, self.names.get(plain(to), to), rule, turns.popleft() if turns else None, span)

    def _destination(self, span: Facts) -> tuple[str, str] | None:
        if span.handoff_to:
            return span.handoff_to, span.handoff_rule or "handoff span"
        found = _TOOL_NAME.match(span.tool) if span.kind == "tool" and span.tool else None
        if found and plain(found[2]) in _UNTOLD - self.names.keys():
            return None
        # one routes to a warehouse and escalates to a person as well: those verbs mean an agent where there is one
        if found and (found[1].lower().startswith(("transfer", "hand")) or plain(found[2]) in self.names):
            return found[2], "tool name"
        return None

    def _nested(self) -> None:
        for turn in self.turns:
            outer = self.turn_by_id.get(turn.parent_turn_id or "")
            if outer is None or turn.span_id in self.given or outer.agent == turn.agent:
                continue
            tool = self._tool_between(turn)
            self._add(outer, turn.agent, "agent as tool" if tool else "nested agent", turn, tool)

    def _tool_between(self, turn: TurnRow) -> Facts | None:
        above = self.forest.by_id[turn.span_id].parent
        while above is not None and above.span.span_id != turn.parent_turn_id:
            if above.span.kind == "tool":
                return above.span
            above = above.parent
        return None

    def _beside_tools(self) -> None:
        """Agents used as tools whose spans are not below the tool's (OpenLLMetry puts them under the root): the tool is
        called after the agent, and the turn lies within its time."""
        called: dict[str, list[Facts]] = defaultdict(list)
        for span in sorted((node.span for node in self.forest.walk() if not node.children), key=_start):
            if span.kind == "tool" and span.tool and span.agent:
                called[f"_{plain(span.tool)}_"].append(span)
        for turn in self.turns if called else []:
            for name, tools in called.items():
                if turn.span_id in self.given or f"_{plain(turn.agent)}_" not in name:
                    continue
                before = bisect_right(tools, (turn.start_ns or 0, "\uffff"), key=_start)
                if before and _within(turn, tool := tools[before - 1]) and tool.agent != turn.agent:
                    self._add(tool, turn.agent, "agent as tool", turn, tool)
                    self.inside.add(turn.span_id)

    def _siblings(self) -> None:
        """Immediate predecessors in time: turns that ended before this one began with no whole turn between."""
        beside: dict[str | None, list[TurnRow]] = defaultdict(list)
        for turn in self.turns:
            if turn.start_ns is not None:
                beside[turn.parent_turn_id].append(turn)
        for group in beside.values():
            ended = sorted(
                (_end(turn), turn.start_ns or 0, turn.span_id, turn)
                for turn in group
                if turn.end_ns is not None and turn.span_id not in self.inside
            )
            latest_start = [0, *accumulate((start for _, start, _, _ in ended), max)]
            for turn in group:
                if turn.span_id not in self.given:
                    start = turn.start_ns or 0
                    count = bisect_left(ended, (start, start))
                    self._follow(turn, _tail(ended, count, latest_start[count]))

    def _follow(self, turn: TurnRow, before: list[TurnRow]) -> None:
        for sender in before:
            if sender.span_id != turn.span_id and sender.agent != turn.agent:
                self._add(sender, turn.agent, "next sibling", turn, None)


def _start(span: Facts) -> tuple[int, str]:
    return span.start_ns or 0, span.span_id


def _end(turn: TurnRow) -> int:
    """When a turn had ended, for what comes after it. Some clocks round starts down to the millisecond and ends not."""
    return max(turn.start_ns or 0, (turn.end_ns or 0) - SKEW_NS)


def _within(turn: TurnRow, tool: Facts) -> bool:
    if turn.start_ns is None or turn.end_ns is None or tool.start_ns is None or tool.end_ns is None:
        return False
    return tool.start_ns <= turn.start_ns and turn.end_ns <= tool.end_ns


def _tail(ended: list[tuple[int, int, str, TurnRow]], count: int, latest_start: int) -> list[TurnRow]:
    """The last of the first `count` ended turns, with those beside it: what ended before another one even started is no
    neighbour."""
    out: list[TurnRow] = []
    for index in range(count - 1, -1, -1):
        if ended[index][0] <= latest_start and out:
            break
        out.append(ended[index][-1])
    return out[::-1] if len(out) <= _WAVE else out[:1]
