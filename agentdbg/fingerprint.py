"""What makes two findings of different runs the same finding."""

from __future__ import annotations

import hashlib

from agentdbg.model import Finding


def fingerprint(finding: Finding) -> str:
    """16 hex digits of the SHA-256 of detector, agent and key: the same in every run, whatever its ids, times and
    counts."""
    told = "\0".join((finding.detector, finding.agent or "", finding.key))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
