"""People who were asked."""
