"""agentdbg: a debugger for multi-agent LLM systems that works on exported traces, offline."""

__version__ = "0.1.0"
