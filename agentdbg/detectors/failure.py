"""What kind of failure an error is, where a chain of errors starts, and how far it went up."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentdbg.model import Span
from agentdbg.tree import Forest, Node


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """name: the word for the reader. advice: what to do about errors of this class."""

    name: str
    advice: str


_CODE = (
    r"(?:^|(?<![a-z])(?:status|code|https?|error|http/\d(?:\.\d)?)\W{{0,12}}){0}\b|\b{0}\s+(?:client|server)\s+error"
)
"""An HTTP status as messages write it; {0} is the number. A bare number somewhere in a message is none."""
_OVER = r"(?:exceed\w*|reached|hit|exhausted)"
_TURNS = r"(?:recursion limit|max(?:imum)?(?: number of)? (?:turns|iterations|steps))"
_BROKEN = r"(?:errors?|exceptions?|fail(?:ed|ure|s)?)\b"
# Matched against a text and against its words (`_words`). A bare subject (network, schema, quota) is no failure: what
# broke must be said, as "the neural network", "the websocket file" and "the quota table" may be what the work is about.
_CLASSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "recursion limit",
        "Find what never ends before raising the limit: give the agents a condition that stops them.",
        (
            r"\bgraph recursion error\b|\busage limit exceeded\b",
            rf"\b{_TURNS}\b.{{0,20}}\b(?:{_OVER}|error)\b|\b(?:{_OVER}|due to|after)\b.{{0,20}}\b{_TURNS}\b",
        ),
    ),
    (
        "cancelled",
        "The caller gave up: look at what it was waiting for, not at this call.",
        (
            r"^\W*(?:[\w.]+\.)?(?:operation |task |request )?cancel+ed(?: exception)?\b(?=\W*$|:)|\bcancel+ed error\b",
            r"\b(?:request|task|operation|run|call|stream|context|job|future)s? (?:\w+ ){0,2}(?:cancel+ed|aborted)\b",
            r"\bcancel+ed (?:by|via) (?:the )?(?:user|client|caller|cancel scope)\b|\babort(?:ed)? error\b",
            r"\bkeyboard ?interrupt\b|\bclient disconnect(?:ed)?\b",
            _CODE.format("499"),
        ),
    ),
    (
        "content filter",
        "Read what was refused, then change the input; the same text is refused again.",
        (
            r"\bcontent filter(?:ed|ing)?\b|\bcontent (?:management )?policy\b|\bresponsible ?ai policy\b",
            r"\b(?:blocked|rejected|refused|flagged|violat\w+)\b.{0,60}\bsafety\b",
            r"\bsafety\b.{0,40}\b(?:blocked|rejected|refused|flagged|violat\w+)\b",
        ),
    ),
    (
        "rate limit",
        "Wait as long as `retry-after` says, back off exponentially, and let the agents share one limiter.",
        (
            r"\brate[ -]?limit(?:s|ed|ing)?\b|\btoo many requests\b|\bthrottl(?:ed|ing)\b|\bresource ?exhausted\b",
            rf"\bquotas?\b.{{0,30}}\b(?:{_OVER}|{_BROKEN})",
            rf"\b(?:{_OVER}|insufficient|over|out of)\b.{{0,30}}\bquotas?\b",
            r"\boverloaded\b(?! (?:function|method|operator|constructor|signature)s?\b)",
            _CODE.format("(?:429|529)"),
        ),
    ),
    (
        "timeout",
        "Set a time limit at this call, retry it once or twice, and tell the caller when it stays away.",
        (
            r"\be?timed[ -]?out\b|\bdeadline ?exceeded\b|\btime limit (?:was )?(?:exceeded|reached)",
            r"\btime-?out (?:error|exception|expired|exceeded|occurred|reached|after|of \d|in \d|while|waiting|during)",
            r"^(?!.*\b(?:missing|unknown|invalid|unexpected|bad|no)\b)(?:\S+ ){0,3}time-?out\W*(?:$|:)",
            r"\b(?:gateway|read|connect|connection|request) time-?out\b(?! (?:is|must|should|setting|value|param))",
            _CODE.format("(?:408|504)"),
        ),
    ),
    (
        "auth",
        "Check key, role and expiry; a retry cannot help.",
        (
            rf"\bauth(?:entication|ori[sz]ation)? (?:{_BROKEN}|required|denied|is (?:required|missing))",
            r"\bun(?:authori[sz]ed|authenticated)\b|\bnot authori[sz]ed\b|\b(?:permission|access) ?denied\b",
            r"\b(?<!extra )forbidden\b(?! (?:char|word|value|field|key|name)\w*)|\binvalid credentials\b",
            r"\b(?:invalid|incorrect|missing|no|expired|wrong|bad|revoked)\b(?: \w+){0,2} api key\b",
            r"\bapi key\b(?: \w+){0,3} (?:invalid|valid|expired|missing|revoked|required|found|set|provided)\b",
            _CODE.format("(?:401|403)"),
        ),
    ),
    (
        "decode",
        "Ask for structured output, validate it where it is made, and pass the error back to the model that wrote it.",
        (
            rf"\bdecode (?:{_BROKEN})|\b(?:json|output) ?pars(?:e|er|ing) (?:{_BROKEN})|\bunterminated string\b",
            r"\bexpecting (?:value|property name)\b|\bunexpected end of (?:json|input|data)\b",
            r"\bunexpected token\b(?! (?:count|usage|limit|budget))|\b(?:failed to|could not) parse\b",
            r"\b(?:not valid|invalid) json\b(?! schema)",
        ),
    ),
    (
        "validation",
        "Compare what was sent with what the schema wants, and validate before handing on.",
        (
            rf"\bvalidation (?:{_BROKEN})|\bfailed (?:\w+ )?validation\b|\binvalid json schema\b",
            r"\bschema (?:validation|mismatch|violation|errors?)\b",
            r"\b(?:match|matches|conform to|conforms to|violates?|satisfy|against)(?: \w+){0,2} schema\b",
            r"\binvalid (?:argument|parameter|input|type)s?\b|\bmissing (?:\d+ )?required\b",
        ),
    ),
    (
        "network",
        "Retry with a growing pause, then tell the caller that the service is away.",
        (
            r"\bconnect(?:ion)?(?: (?:was|has been))? (?:errors?|refused|reset|aborted|closed|lost|failed|failure)\b",
            r"\be(?:conn[a-z]+|hostunreach|netunreach|ai again)\b|\benotfound\b|\bgetaddrinfo\b",
            r"\bname resolution\b",
            rf"\bsocket (?:{_BROKEN}|hang ?up|closed|disconnected)|\bnetwork (?:{_BROKEN}|(?:is )?down\b)",
            r"\bunreachable\b(?! (?:code|statement|branch|block|state|node|line)s?\b)",
            rf"\bdns (?:\w+ )?(?:{_BROKEN})|\b(?:ssl|tls)\b.{{0,40}}(?:\b{_BROKEN}|\bhandshake\b|\balert\b)",
            r"\bremote (?:protocol error|disconnected|end closed)\b|\bserver disconnected\b|\bbroken ?pipe\b",
            r"\bfetch failed\b",
        ),
    ),
    (
        "bad request",
        "Read the message: the request itself is wrong, and a retry sends the same one.",
        (
            r"\bbad ?request\b|\bnotfounderror\b|\bunprocessable\b|\bprompt is too long\b|\bmaximum context length\b",
            rf"\bcontext (?:length|window)\b.{{0,30}}\b{_OVER}\b|\b{_OVER}\b.{{0,30}}\bcontext (?:length|window)\b",
            _CODE.format("4(?!08|29|99)\\d\\d"),
        ),
    ),
    (
        "server",
        "Retry with a growing pause; where it stays, use another provider or say that the answer is missing.",
        (
            r"\binternal ?server\b|\bserver error\b|\bservice (?:is )?(?:temporarily |currently )?unavailable\b",
            r"\bbad ?gateway\b|\binternal error\b",
            _CODE.format("5\\d\\d"),
        ),
    ),
    (
        "code",
        "Fix the code at this span: an exception of the language itself is a bug, or an input nobody checked.",
        (
            r"(?:^|(?<=\s))(?:type|attribute|key|index|value|name|assertion|zerodivision|unboundlocal|reference|range"
            r"|syntax|notimplemented|import|modulenotfound|indentation|lookup|recursion)error\b",
        ),
    ),
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONG_ENOUGH = 12
_OTHER = ErrorClass("error", "Look at the span: its attributes and events hold what the failing call said.")
_PATTERNS = tuple((ErrorClass(name, advice), re.compile("|".join(parts), re.I)) for name, advice, parts in _CLASSES)
_VOLATILE = re.compile(
    r"\b0x[0-9a-f]+\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=\w*\d)[\w-]{12,}\b|\d+(?:[.,:]\d+)*", re.I
)

LASTING = frozenset(("auth", "bad request", "validation", "content filter"))
"""Classes of errors that do not go away by themselves: the same request fails again."""
CALLS = frozenset(("llm", "tool", "retriever"))
"""Kinds of spans in which something outside the program is asked: what fails inside one is the call's own affair."""


def failed(span: Span) -> bool:
    """Whether this span failed. Exceptions that only steer the flow are no failures."""
    return span.status == "error" and span.control_flow is None


def classify(error_type: str | None, message: str | None) -> ErrorClass:
    """The class of an error by its type, else by its message."""
    for text in filter(None, (error_type, message)):
        words = _words(text)
        for found, pattern in _PATTERNS:
            if pattern.search(text) or pattern.search(words):
                return found
    return _OTHER


def _words(text: str) -> str:
    """A text with its compound names as words: `APITimeoutError` is `API Timeout Error`."""
    return _HUMP.sub(" ", text.replace("_", " "))


def masked(message: str | None) -> str:
    """A message without what differs from call to call: numbers, addresses, ids. Cut at 200 characters."""
    return " ".join(_VOLATILE.sub("#", message or "").split())[:200]


def named(span: Span) -> str:
    """`TimeoutError: no answer in 30 s`, or as much of it as is recorded."""
    said = " ".join((span.error_message or "").split())
    if not span.error_type:
        return said or "an error without a message"
    return f"{span.error_type}: {said}" if said and not said.startswith(span.error_type) else said or span.error_type


def continues(upper: Span, lower: Node[Span]) -> bool:
    """Whether an error of the upper span is that of the failed span below it, passed on or wrapped.

    It is when one names the other, or when nothing else was done between them: an exception that travels up leaves no
    time for work. After later work below the upper span its error is another one.
    """
    below = lower.span
    told, inner = named(upper), named(below)
    if (below.error_message and below.error_message in told) or (upper.error_message and upper.error_message in inner):
        return True
    if below.end_ns is None or lower.parent is None:
        return True
    return not any(
        node.start_ns >= below.end_ns and node.span.kind in ("agent", "llm", "tool", "retriever")
        for sibling in lower.parent.children
        if sibling is not lower
        for node in sibling.walk()
    )


def carrier(node: Node[Span]) -> Node[Span] | None:
    """The next failed span above that the error of this one reached; None where somebody caught it.

    That is the parent where its error continues this one, else the nearest failed span above that tells the same:
    instrumentations leave out the status of spans between.
    """
    parent = node.parent
    if parent is not None and failed(parent.span) and continues(parent.span, node):
        return parent
    while parent is not None and not failed(parent.span):
        parent = parent.parent
    return parent if parent is not None and _tell_the_same(parent.span, node.span) else None


def _tell_the_same(one: Span, other: Span) -> bool:
    """Whether two messages are equal, whatever each calls the error: `while running: X` and `while asking: X`."""
    first, second = one.error_message or "", other.error_message or ""
    return bool(first and second) and (first == second or bool(_cores(first) & _cores(second)))


def _cores(message: str) -> set[str]:
    """A message, and what follows its first colon where that is long enough to be told from chance."""
    rest = message.partition(": ")[2]
    return {message, rest} if len(rest) >= _LONG_ENOUGH else {message}


def origins(forest: Forest[Span]) -> list[Span]:
    """The failed spans where a chain of errors starts: no span below passed its error up to them. By start, then id.

    A wrapper that stands beside the call it wraps, and not above it, only echoes the call's error and is left out.
    """
    every = [node for node in forest.walk() if failed(node.span)]
    reached = {id(carrier(node)) for node in every}
    found = [node for node in every if id(node) not in reached]
    calls: dict[str | None, list[Node[Span]]] = {}
    for node in every:
        if node.span.kind in CALLS:
            calls.setdefault(node.span.error_message, []).append(node)
    found = [node for node in found if not any(_echoes(node, call) for call in calls.get(node.span.error_message, ()))]
    return [node.span for node in sorted(found, key=lambda node: (node.start_ns, node.span.span_id))]


def _echoes(wrapper: Node[Span], call: Node[Span]) -> bool:
    """Whether a failed span is no call itself and ran while the call ended whose error it tells."""
    if wrapper.span.kind in CALLS or not wrapper.span.error_message:
        return False
    if wrapper.span.end_ns is None or call.span.end_ns is None:
        return False
    return wrapper.start_ns <= call.span.end_ns <= wrapper.span.end_ns


def top(forest: Forest[Span], origin: Span) -> Span:
    """The highest span that the error of this one reached."""
    node = forest.by_id[origin.span_id]
    while above := carrier(node):
        node = above
    return node.span
