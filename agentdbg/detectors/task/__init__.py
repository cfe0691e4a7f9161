"""Tasks: work that was begun."""
