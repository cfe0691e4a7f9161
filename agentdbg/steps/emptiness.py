"""Does a result hold anything? Empty ones, errors in the body of a success, JSON that ends in the middle.

`0` and `false` are answers, not emptiness. Each function takes a JSON value or text; where it is unsure it says no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from agentdbg.steps.keys import canonical, opened

_DEEP = 32  # levels below which a value counts as filled: bounds the recursion on hostile input
_WRAPPER_WORDS = """
    results result data items documents docs records rows hits matches entries content contents output outputs response
    value values list elements objects organic_results search_results answer answers text body payload
"""
_ABOUT_WORDS = """
    count total total_count total_results total_hits num_results size length page pages per_page page_size limit offset
    cursor next next_page next_cursor next_page_token prev previous has_more has_next status status_code code
    http_status success ok took took_ms elapsed elapsed_ms duration duration_ms latency_ms query q search_query filter
    filters sort order type kind object tool tool_name tool_call_id id request_id trace_id run_id call_id timestamp
    time date version source cached url path method metadata meta jsonrpc
"""
_COUNTS = frozenset(("count", "total", "total_count", "total_results", "total_hits", "num_results"))
_ABOUT_ERROR_WORDS = """
    message msg detail details description reason title hint name error_code error_type error_message retry_after
    retryable trace traceback stack is_error error errors exception
"""
_WRAPPERS = frozenset(_WRAPPER_WORDS.split())
_ABOUT = frozenset(_ABOUT_WORDS.split())  # said about a result: neither its content nor an error
_ABOUT_ERROR = _ABOUT | frozenset(_ABOUT_ERROR_WORDS.split())
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_THINGS = (
    r"(?:results?|match(?:es)?|records?|documents?|items?|rows?|data|entries|entry|hits?|answers?|files?|articles?|pages?"
    r"|information|content|output|response)"
)
_NOTHING = re.compile(
    r"(?:sorry,? |unfortunately,? |there (?:are|were|is|was) |(?:we |i )?found )?"
    rf"(?:(?:no|0|zero)(?: (?!in\b|on\b|with\b|for\b|of\b|the\b)[\w-]+){{0,3}} {_THINGS}"
    r"(?: (?:was|were|is|are|has been|have been))?(?: (?:found|available|returned|match(?:ed)?|exists?|retrieved))?"
    r"|nothing(?: (?:was|could be))?(?: (?:found|returned|to (?:show|display)))?"
    rf"|(?:i |we )?(?:could not|couldn't|did not|didn't) (?:find|return|match|retrieve)(?: any)?(?: \w+)? {_THINGS}"
    r"|not found|empty(?: (?:results?|list|response|set))?|none|null|nil|n/?a|undefined|nan)"
    r"(?: (?:for|matching|in|with|that|from|on|to|at) .{0,120})?[.!]?",
    re.I,
)
_NOTHING_LONGEST = 200

_ERROR_CLASS = r"(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception)"
_ERROR_TEXT = re.compile(
    r"(?:(?i:error|exception|fatal error)(?: \([^)\n]{1,40}\)| \d{3})?: *(?!\s*(?:none|null|no|0|[-+\d.]+ ?%?)\s*$)\S"
    r"|(?i:error) (?:executing|calling|invoking|running|occurred) \S"
    rf"|{_ERROR_CLASS}(?:: *\S|\(.*\)\s*$|\s*$)"
    r"|Traceback \(most recent call last\))",
)
_ERROR_LONGEST_START = 400
_LOG_LINES = 20  # a text of more lines that merely begins with an error is a log that was asked for
_FAULT = re.compile(
    r"not found|invalid|unauthori[sz]ed|forbidden|denied|fail|error|exceed|required|missing|time(?:d )?out|unavailable"
    r"|expired|not allowed|unsupported|does not exist|too many|bad request|conflict",
    re.I,
)
_HTTP_CODES = ("status_code", "http_status", "http_status_code", "status")
_ERRORS = ("error", "errors", "exception", "error_message")
_WORDS = ("message", "msg", "reason", "detail", "details", "description", "title", "error_code", "error_type")
_PAGE_TEXT = frozenset(("body", "html", "content", "contents", "text", "raw", "headers", "response", "data"))
_REASONS = "|".join(status.phrase for status in HTTPStatus if status >= 400)
_ERROR_PAGE = re.compile(
    r"\s*<(?:!doctype html|html|head|title)\b.{0,600}?<(?:title|h1)>"
    rf"\s*([45]\d\d\W{{1,3}}(?:{_REASONS})\b[^<]{{0,80}})<",
    re.I | re.S,
)
_NO_ERROR = frozenset(("", "none", "null", "no", "false", "0", "ok", "n/a"))

_CUT_MARK = re.compile(r"\s*(?:\.\.\.|…|[\[<(]\W{0,3}(?:truncated|cut)[^\]>)]{0,40}[\]>)])\s*$", re.I)
_MARK_LONGEST = 80
_FENCE = re.compile(r"\s*```\w*\s*")
_BEGUN = re.compile(r"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-?I[a-z]*|Na?|-|\.\d*|[eE][-+]?\d*|u[0-9a-fA-F]{0,4}|\\?)$")


def is_empty(value: object) -> bool:
    """Whether a result holds nothing: null, blank text, [] or {}, containers of nothing but such, a wrapper such as
    `{"results": [], "total": 0}`, or a short text that says that nothing was found. An error is not empty."""
    return _holds_nothing(value, 0)


def counts_none(value: object) -> bool:
    """Whether an empty result says itself that there are none: `{"count": 0, "results": []}` is an answer."""
    value = opened(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        return False
    fields = {_HUMP.sub("_", str(name)).lower(): item for name, item in value.items()}
    return any(name in _COUNTS and item == 0 and not isinstance(item, bool) for name, item in fields.items())


def error_in_body(value: object) -> str | None:
    """The error that a result which counts as a success reports instead of a payload; None where there is none.

    Objects: `error`, `errors`, `exception` or `detail` that says something, with no payload beside it; `success: false`
    or `status: error` with words; an HTTP status of 400 or more with no more than a page beside it; `isError`. Text:
    one that begins like `Error: …`, `SomethingError: …` or a traceback; a web server's error page. The one text part of
    a tool protocol's content counts as that text.
    """
    if isinstance(value, str):
        value = opened(value)
    if (text := _only_text(value)) is not None:
        return _error_text(text)
    if not isinstance(value, dict) or not value:
        return None
    fields = {_HUMP.sub("_", str(name)).lower(): item for name, item in value.items()}
    if fields.get("is_error") is True or _http_failure(fields):
        return _said(next((fields[name] for name in (*_ERRORS, "content", *_WORDS) if fields.get(name)), value))
    if any(name not in _ABOUT_ERROR and not is_empty(item) for name, item in fields.items()):
        return None
    for name in _ERRORS:
        if _says_error(fields.get(name)):
            return _said(fields[name] if fields[name] is not True else fields.get("message") or value)
    if _says_fault(fields):
        return _said(fields["detail"])
    if fields.get("success") is False or fields.get("status") == "error":
        return next((_said(fields[name]) for name in _WORDS if _says_error(fields.get(name))), None)
    return None


def cut_off(text: str) -> bool:
    """Whether a text begins as a JSON object or array and does not parse because it ends too early.

    JSON that is wrong in the middle, and JSON followed by other text, is not cut off.
    """
    fence = _FENCE.match(text)
    body = text[fence.end() :].rstrip().removesuffix("```") if fence else text
    body = (body[:-_MARK_LONGEST] + _CUT_MARK.sub("", body[-_MARK_LONGEST:])).strip()
    if body[:1] not in ("{", "["):
        return False
    try:
        json.loads(body, strict=False)
    except RecursionError:
        return False
    except json.JSONDecodeError as error:
        return error.msg.startswith("Unterminated string") or bool(_BEGUN.match(body, error.pos))
    return False


def _holds_nothing(value: object, depth: int) -> bool:
    if isinstance(value, str):
        inner = opened(value)
        if isinstance(inner, str):
            if len(inner) > 2 * _NOTHING_LONGEST:
                return not inner.strip()
            text = " ".join(inner.split())
            return not text or (len(text) <= _NOTHING_LONGEST and bool(_NOTHING.fullmatch(text)))
        value = inner
    if value is None:
        return True
    if depth > _DEEP or not isinstance(value, (dict, list, tuple)):
        return False
    if isinstance(value, dict):
        return _wraps_nothing(value, depth)
    return all(_holds_nothing(item, depth + 1) for item in value)


def _wraps_nothing(value: Mapping[object, object], depth: int) -> bool:
    filled = {_HUMP.sub("_", str(name)).lower() for name, item in value.items() if not _holds_nothing(item, depth + 1)}
    if not filled:
        return True
    return filled <= _ABOUT and any(str(name).lower() in _WRAPPERS for name in value)


def _only_text(value: object) -> str | None:
    """A text, or the one text part of the content that a tool protocol wraps it in."""
    if isinstance(value, dict) and set(value) <= {"content", "isError", "_meta", "type"} and not value.get("isError"):
        value = value.get("content")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and value[0].get("type") == "text":
        value = value[0].get("text")
    return value if isinstance(value, str) else None


def _http_failure(fields: Mapping[str, object]) -> bool:
    codes = [fields[name] for name in _HTTP_CODES if name in fields]
    if not any(isinstance(code, int) and 400 <= code < 600 for code in codes):
        return False
    return all(name in _ABOUT_ERROR | _PAGE_TEXT or is_empty(item) for name, item in fields.items())


def _says_error(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in _NO_ERROR
    return value is True or (isinstance(value, (dict, list)) and not is_empty(value))


def _says_fault(fields: Mapping[str, object]) -> bool:
    """`detail` alone is how web frameworks answer a bad request, and also a good name for a payload."""
    detail, code = fields.get("detail"), fields.get("status_code", fields.get("status", fields.get("code")))
    if isinstance(detail, str):
        return bool(detail.strip()) and (bool(_FAULT.search(detail)) or (isinstance(code, int) and code >= 400))
    return isinstance(detail, list) and any(isinstance(item, dict) and "loc" in item for item in detail)


def _error_text(text: str) -> str | None:
    body = text.strip()
    if page := _ERROR_PAGE.match(body[:1000]):
        return page[1].strip()
    if not _ERROR_TEXT.match(body[:_ERROR_LONGEST_START]):
        return None
    if body.count("\n") >= _LOG_LINES and not body.startswith("Traceback"):
        return None
    return body


def _said(value: object) -> str:
    """The words of an error object."""
    for _ in range(3):
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, dict):
            value = next((value[name] for name in ("message", "msg", "text", "detail") if value.get(name)), value)
    return value if isinstance(value, str) else canonical(value)
