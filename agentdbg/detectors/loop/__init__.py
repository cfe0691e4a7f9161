"""Failures without a mark: answers that look good and hold nothing, or nothing true."""
