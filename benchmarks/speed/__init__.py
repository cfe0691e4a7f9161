"""How fast agentdbg is, beside what the same file costs elsewhere: `python -m benchmarks.speed`."""
