"""Agents that wait: for one another, for something that does not come, for nothing."""
