"""Runs and calls that took too long."""
