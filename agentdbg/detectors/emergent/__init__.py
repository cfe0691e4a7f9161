"""What no single agent did wrong."""
