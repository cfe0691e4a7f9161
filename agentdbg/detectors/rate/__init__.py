"""Limits on calls in a time, and who ran into them."""
