"""Runs and calls that took too long, or longer than is usual."""
