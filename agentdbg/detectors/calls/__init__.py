"""Model calls that nobody sees."""
