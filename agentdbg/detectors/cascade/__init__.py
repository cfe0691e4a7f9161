"""Failures that travel: what one agent got wrong and others built on."""
