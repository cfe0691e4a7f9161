"""The gate: which traces need judging, which findings count, and what follows for the exit code."""
