"""Calls that failed: hard failures, and those that were hidden."""
