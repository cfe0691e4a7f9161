"""Whether a recording by itself, as it was before agentdbg read it, proves what a finding says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentdbg.model import Finding

_GROWN = 3
_AGAIN = 3


def proven(finding: Finding, recorded: Mapping[str, Any]) -> bool:
    """Of an error: its span was recorded as failed. Of prompts that grow: the recorded counts of tokens do. Of a loop:
    the very same call was recorded three times. Of hidden calls: model calls were recorded that begin with another
    prompt than the rest."""
    spans = {span["span_id"]: span for span in _all(recorded)}
    told = [spans[evidence.span_id] for evidence in finding.evidence if evidence.span_id in spans]
    if finding.detector == "error.origin":
        return any(span["status_code"] == "Error" for span in told)
    attributes = [span.get("span_attributes") or {} for span in (told or spans.values())]
    if finding.detector == "context.growth":
        tokens = [int(one["llm.token_count.prompt"]) for one in attributes if one.get("llm.token_count.prompt")]
        return len(tokens) > 1 and max(tokens) >= _GROWN * min(tokens)
    if finding.detector == "loop.cycle":
        given = Counter(
            (span["span_name"], str((span.get("span_attributes") or {}).get("input.value")))
            for span in spans.values()
            if (span.get("span_attributes") or {}).get("openinference.span.kind") == "TOOL"
        )
        return any(count >= _AGAIN for count in given.values())
    if finding.detector == "calls.hidden":
        first = "llm.input_messages.0.message.content"
        every = [(span.get("span_attributes") or {}).get(first) for span in spans.values()]
        return sum(one.get(first) not in (None, _commonest(every)) for one in attributes) > 0
    return False


def _commonest(prompts: Iterable[object]) -> object:
    return next(iter(Counter(prompt for prompt in prompts if prompt is not None).most_common(1)), (None,))[0]


def _all(recorded: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    todo = list(recorded["spans"])
    while todo:
        span = todo.pop()
        todo += span.get("child_spans") or []
        yield span
