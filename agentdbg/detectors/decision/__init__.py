"""Who decides what is next."""
