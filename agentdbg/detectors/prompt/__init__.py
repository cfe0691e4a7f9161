"""Prompts and the models they were written for."""
