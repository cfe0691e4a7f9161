"""Profiles of very many messages in little memory: what is written alike has the same profile."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from hashlib import blake2b

from agentdbg.contracts.paths import Form, form, string_format
from agentdbg.contracts.profile import Profile, profile_of

_KEPT = 20
_TEXT = re.compile(r'"([^"\\{\[]*)"(\s*:)?')
_NUMBER = re.compile(r'(?<![\w".])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?')
_STAND_INS = {"number-text": '"0"', "bool-text": '"yes"', "blank": '""'}


class Exemplars:
    """Profiles of one message each, for the messages of one edge.

    The first 20 messages of a form have a profile of their own; later ones take turns with these, whose values and
    examples may then be another message's. What is graded as breaking follows from the form.
    """

    def __init__(self) -> None:
        self._forms: dict[bytes, Form] = {}
        self._kept: dict[Form, list[Profile]] = defaultdict(list)
        self._seen: Counter[Form] = Counter()

    def profile(self, payload: object, span_id: str = "", order: int = 0) -> Profile:
        found = self.form(payload)
        kept = self._kept[found]
        self._seen[found] += 1
        if len(kept) < _KEPT:
            kept.append(profile_of(payload, span_id, order))
            return kept[-1]
        return kept[self._seen[found] % _KEPT]

    def form(self, payload: object) -> Form:
        """`paths.form`, looked up where a payload with the same skeleton was seen."""
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, default=str)
        if not text.lstrip().startswith(("{", "[")):
            return form(payload)
        key = blake2b(_skeleton(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key not in self._forms:
            self._forms[key] = form(payload)
        return self._forms[key]


def _skeleton(text: str) -> str:
    """JSON text with a stand-in for every value that does not matter to its form. Text with brackets or escapes stays
    as it is: it may hold JSON itself."""
    return _NUMBER.sub("0", _TEXT.sub(_stand_in, text))


def _stand_in(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[0]
    return _STAND_INS.get(string_format(found[1]), '"s"')
