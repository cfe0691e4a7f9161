<<<<<<< HEAD
"""Runs and calls that took too long."""
=======
"""Time: who took longer than is usual."""
>>>>>>> b-metrics
