"""Does a text say anything that was not said before?"""

from __future__ import annotations

from agentdbg.steps.interruptions import shingles
from agentdbg.steps.keys import masked

_NEW = 0.5  # share of a text's runs of three words that must not have been there before


class Novelty:
    """What has been said so far. Ids and times that change from call to call are nothing new."""

    def __init__(self) -> None:
        self._said: set[tuple[str, ...]] = set()

    def is_new(self, text: str) -> bool:
        """Whether at least half of a text's runs of three words are new. From then on they are not."""
        own = shingles(masked(text))
        fresh = sum(shingle not in self._said for shingle in own)
        self._said.update(own)
        return fresh >= _NEW * len(own)
