"""Does a text say anything that was not said before?"""

from __future__ import annotations

from agentdbg.steps.interruptions import shingles
from agentdbg.steps.keys import masked, opened, things

_NEW = 0.5  # share of a text's runs of three words that must not have been there before


class Novelty:
    """What has been said so far. Ids and times that change from call to call are nothing new."""

    def __init__(self) -> None:
        self._said: set[tuple[str, ...]] = set()
        self._named: set[frozenset[str]] = {frozenset()}

    def is_new(self, text: str) -> bool:
        """Whether at least half of a text's runs of three words are new. From then on they are not."""
        own = shingles(masked(text))
        fresh = sum(shingle not in self._said for shingle in own)
        self._said.update(own)
        return fresh >= _NEW * len(own)

    def tells(self, text: str, asked: str = "") -> bool:
        """Whether a text is new, or names things (numbers, names, ids) beside those that it was asked with that were
        not named together before: records of one form are mostly the same words."""
        named = things(opened(masked(text))) - things(opened(asked))
        fresh = named not in self._named
        self._named.add(named)
        return self.is_new(text) or fresh
