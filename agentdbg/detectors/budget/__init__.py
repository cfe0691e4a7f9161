"""Budgets: money and tokens that a run may use."""
