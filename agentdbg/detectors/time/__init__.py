"""Time: who took longer than is usual."""
