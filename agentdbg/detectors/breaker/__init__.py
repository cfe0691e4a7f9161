"""Safety nets that fired."""
