"""How often agentdbg is right, on labelled runs of real agent systems: `python -m benchmarks.accuracy`."""
