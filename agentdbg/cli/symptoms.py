"""From what somebody sees to the command that tells more. Only commands that exist stand here; a test looks."""

from __future__ import annotations

SYMPTOMS: tuple[tuple[str, str], ...] = (
    ("a run failed and nobody knows where", "agentdbg why run.jsonl"),
    ("the answer is wrong although nothing failed", "agentdbg why run.jsonl"),
    ("agents go round in circles, a run does not end", "agentdbg show run.jsonl --findings"),
    ("the bill or the tokens jumped", "agentdbg traces --sort cost"),
    ("which agent is dear, slow, or fails", "agentdbg agents --sort cost"),
    ("every step costs more than the one before", "agentdbg explain context.growth"),
    ("what one agent wrote is gone, a total is too small", "agentdbg explain race.lost_update"),
    ("a run is slow", "agentdbg show run.jsonl --path"),
    ("a call hangs, or a run takes longer than anybody waits", "agentdbg explain time.timeout"),
    ("a customer was charged twice", "agentdbg explain retry.no_idempotency"),
    ("the provider answers 429", "agentdbg explain rate.storm"),
    ("a task or a message is gone", "agentdbg explain task.abandoned"),
    ("something failed last night, among hundreds of runs", "agentdbg traces --failed --since 12h"),
    ("a tool returns nothing, or an error that looks like an answer", "agentdbg explain silent.empty"),
    ("an answer names things that exist nowhere", "agentdbg explain silent.madeup"),
    ("an agent forgot what it was asked", "agentdbg explain context.overflow"),
    ("an agent ignores what it was told", "agentdbg span SPAN_ID"),
    ("is it the prompt, or what the agent was given", "agentdbg replay SPAN_ID"),
    ("an agent got fields it does not know from the one before it", "agentdbg handoffs run.jsonl"),
    ("is it the code, or was it the model's bad luck", "agentdbg replay SPAN_ID run.jsonl -- python app.py"),
    ("spans stand apart, the tree has holes", "agentdbg explain trace.orphan"),
    ("tokens, prompts or agents are missing from the traces", "agentdbg doctor run.jsonl"),
    ("somebody wants all of it on a dashboard", "agentdbg metrics --format prometheus=agentdbg.prom"),
    ("a new version must not cost more or take longer", "agentdbg baseline create traces/"),
    ("the same fault must not come back", "agentdbg check traces/ --fail-on high"),
    ("what this run did is to be a test", "agentdbg case SPAN_ID run.jsonl -o tests/run.case.json --pytest"),
    ("some runs fail and others do not, what is different", "agentdbg suspects traces/"),
    (
        "which agent, tool or model does that most",
        'agentdbg query "select agent, detector, count(*) from findings group by all"',
    ),
    ("a finding is known and accepted", "agentdbg check traces/ --ignore DETECTOR"),
)
