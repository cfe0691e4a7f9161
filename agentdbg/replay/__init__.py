"""Replay: what an agent was given, whether the recording holds together, and the agent run again with recorded
answers."""

from agentdbg.replay.decorator import tool as tool
