"""Tokens: who used more than is usual."""
