"""Orders that stand in data."""
