"""Calls that were made again."""
