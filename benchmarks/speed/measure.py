"""One process, measured from outside: wall time, processor time, peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ACCEPTED = (0, 1)  # 1 is what `check` and `show` say of findings


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one case. stored: bytes of its database per byte of its input."""

    seconds: float
    processor_seconds: float
    memory_mb: float
    stored: float | None = None


def measure(command: Sequence[str], log: Path) -> Sample:
    """Runs a command line to its end. Raises RuntimeError, with the last of what it said, where it fails.

    A child's peak memory counts from its parent's, so this must be called from a small process."""
    with log.open("wb") as said:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in ACCEPTED:
        told = log.read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{told}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def load() -> float:
    """The machine's load over the last minute, the measured processes included."""
    return os.getloadavg()[0]
