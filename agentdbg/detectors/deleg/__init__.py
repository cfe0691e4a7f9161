"""Detectors of work that is delegated too far, or in a circle."""
