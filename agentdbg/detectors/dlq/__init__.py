"""Queues: messages that nobody worked on."""
