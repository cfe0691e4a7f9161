"""Secrets and personal data out of what is recorded, typed placeholders in: `<email:1>` is the same address wherever it
stands, so that what was equal stays equal.

Formats of keys are found with detect-secrets, and with patterns for those it has none for; telephone numbers with
phonenumbers; account and card numbers are believed when python-stdnum finds their checksum right. Names and addresses
of people have no form that tells them: those stay.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from agentdbg.errors import AgentdbgError

PLACEHOLDER = re.compile(r"<(private_key|secret|jwt|email|phone|card|iban|ssn):(\??(?:[0-9a-f]+\.)?\d+)>")
_NEEDED = ("detect_secrets", "phonenumbers", "stdnum")
_INSTALL = "pip install 'agentdbg-traces[redact]'"
_DEEP = 200
"""Levels of JSON, and of JSON in strings, that are gone through."""
_PLUGINS = {
    "aws": "AWSKeyDetector", "azure_storage_key": "AzureStorageKeyDetector", "basic_auth": "BasicAuthDetector",
    "cloudant": "CloudantDetector", "discord": "DiscordBotTokenDetector", "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector", "ibm_cos_hmac": "IbmCosHmacDetector", "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector", "openai": "OpenAIDetector", "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector", "slack": "SlackDetector", "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector", "stripe": "StripeDetector", "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}  # fmt: skip

_START = r"(?<![\w.+-])"
_ESCAPE = re.compile(r"\\+[nrt]")
"""A line break in JSON text: no letter of the word that follows it."""
_WORDS = (
    r"pass(?:word|wd|phrase|code)|pwd|secret(?:[_-]?(?:access)?[_-]?key)?|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|(?:access|auth|refresh|bearer|session|id|api|client)[_-]?token|client[_-]?secret|credentials?"
)
_NOTHING_SAID = r"none|null|true|false|string|bearer|required|optional|\[?redacted\]?"
_VALUE = r"[^\s\"'\\,;<>{}\[\]()]"
_TELLING = rf"(?={_VALUE}*[\d!@#$%^&*+/=])"
"""What stands where a secret may stand is taken for one when it holds more than letters."""
_LONG = re.compile(r"[\w./+=-]{16}")
_DIGITS = re.compile(r"\d(?:.?.?\d){5}")
_SPEAKS = re.compile(r"pass|pwd|secret|key|token|credential|bearer|basic|authorization", re.I)
_CALLS = re.compile(r"phone|fax|mobile|cell|tel|whatsapp", re.I)
# (what must be there at all, kind, pattern: its group named `it`, else all of it)
_PATTERNS: tuple[tuple[re.Pattern[str], str, re.Pattern[str]], ...] = tuple(
    (sign, kind, re.compile(pattern, re.S))
    for sign, kind, pattern in (
        (
            re.compile("PRIVATE KEY"),
            "private_key",
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.*?"
            r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        ),
        (_LONG, "jwt", r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),
        (_LONG, "secret", rf"{_START}sk-(?=[\w-]*\d)[\w-]{{16,}}"),  # OpenAI, Anthropic, OpenRouter, Langfuse, …
        (_LONG, "secret", rf"{_START}(?:sk|rk|pk|whsec)_(?:live_|test_)?\w{{16,}}"),
        (_LONG, "secret", rf"{_START}(?:AIza|ya29\.|glpat-|xox[a-z]-|xapp-|pypi-|pplx-|tvly-|nvapi-)[\w-]{{16,}}"),
        (_LONG, "secret", rf"{_START}(?:gh[a-z]|github_pat|hf|gsk|r8|npm|dop_v1|shp[a-z]+|lsv2_[a-z]+)_\w{{16,}}"),
        (_LONG, "secret", rf"{_START}(?:xai-\w{{20,}}|dapi[0-9a-f]{{32}}|SG\.[\w-]{{16,}}\.[\w-]{{16,}})"),
        (_LONG, "secret", r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
        (_LONG, "secret", r"(?<=hooks\.slack\.com/services/)[\w/]{16,}"),
        (_SPEAKS, "secret", r"(?i:\bbearer)\s+(?P<it>(?=[\w.~+/-]*\d)[\w.~+/-]{8,}=*|[\w.~+/-]{20,}=*)"),
        (_SPEAKS, "secret", r"(?i:\bbasic)\s+(?P<it>(?=[a-z+/]*[A-Z0-9])[A-Za-z0-9+/]{12,}={1,2}|[A-Za-z0-9+/]{24,})"),
        (
            _SPEAKS,
            "secret",
            r"(?i:authorization)[\"'\\]*\s*[:=]\s*[\"'\\]*(?:(?i:token|apikey) )?(?P<it>[\w.~+/=-]{8,})(?! )",
        ),
        (
            _SPEAKS,
            "secret",
            rf"(?i:{_WORDS})[\"'\\]*\s*(?:[:=]|=>|\bis\b)\s*[\"'\\]*(?P<it>{_TELLING}{_VALUE}{{4,}}(?<![.!?:]))",
        ),
        (
            _SPEAKS,
            "secret",
            r"(?i:pass(?:word|wd|phrase|code)|pwd)\s+(?P<it>(?=\S*\d)(?=\S*[A-Za-z])[^\s\"'\\,;<>()]{6,}(?<![.!?:]))",
        ),
        (  # a member of what is no JSON by itself: Python's own, JSON behind a word, JSON lines
            _SPEAKS,
            "secret",
            rf"[\"'][\w-]*(?i:{_WORDS}|token)\\*[\"']\s*(?:[:=]|=>)\s*(?P<quote>\\*[\"'])"
            rf"(?!(?i:{_NOTHING_SAID})(?P=quote))(?P<it>(?:(?!(?P=quote))[^\n<>]){{4,500}})(?P=quote)",
        ),
        (
            _SPEAKS,
            "secret",
            rf"(?m:^)[ \t]*(?:export )?[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY)="
            rf"[\"']?(?!(?i:{_NOTHING_SAID})\b)(?P<it>[^\s\"'\\<>$()\[\]{{}}]{{4,}})(?![(\[])",
        ),
        (
            _SPEAKS,
            "secret",
            rf"(?<![\w-])--(?:\w+-)*(?:{_WORDS}|token)[ =][\"']?(?P<it>(?=\S*\d)(?=\S*[A-Za-z])[^\s\"'\\<>]{{6,}})",
        ),
        (_SPEAKS, "secret", rf"<(?i:[\w:-]*(?:{_WORDS}|token))>(?P<it>[^<>\s]{{4,}})</"),
        (re.compile("curl"), "secret", r"\bcurl\b[^\n]{0,200}? (?:-u|--user)[ =]?[\"']?[^\s:\"']+:(?P<it>[^\s\"']+)"),
        (
            re.compile("cookie", re.I),
            "secret",
            r"(?i:\bcookie)[\"'\\]*\s*:\s*[\"'\\]*(?P<it>[\w.-]+=[^\s\"'\\;<>]{6,}(?:; ?[\w.-]+=[^\s\"'\\;<>]+)*)",
        ),
        (
            re.compile("[?&]"),
            "secret",
            rf"[?&](?i:[\w.-]*(?:{_WORDS}|token|signature)|sig|auth)="
            r"(?P<it>(?=[^&#]*\d)[^\s&#\"'\\<>]{8,})",
        ),
        (re.compile("://"), "secret", r"(?<=://)[^\s/:@\"']*:(?P<it>[^\s/\"']+)@"),
        (
            re.compile("@|%40"),
            "email",
            r"(?<![\w.+%-])(?!git@)(?:[\w.+'-]|%(?!40)){0,100}\w(?:@|%40)(?:[\w-]+\.)+[^\W\d_]{2,}\b",
        ),
        (_DIGITS, "ssn", r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"),
        (_DIGITS, "ssn", r"(?i:\bssn|social security(?: number| no\.?)?)\W{1,3}(?:is )?(?P<it>\d{9})(?!\w)"),
        (
            _DIGITS,
            "phone",
            r"(?<![\w.+-])(?:\+?1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-. ]))\d{3}(?(1)\1|[-. ])\d{4}(?![\w-]|\.\d)",
        ),
        (
            _CALLS,
            "phone",
            r"\b(?i:(?:tele)?(?:phone|fax|mobile|cell|tel|whatsapp))\b(?: ?(?i:number|no\.?|is))*[\"'\\]*\W{0,3}"
            r"(?P<it>\+?\(?\d[\d\s()./-]{5,}\d)",
        ),
    )
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d\d(?: ?[A-Z0-9]{2,4}){3,9}(?!\w)")
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,22}(?![\w-]|\.\d)")
_ISSUED = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01]|720)\d{12,13}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
)
"""Beginnings and lengths of the numbers of Visa, Mastercard, American Express, Discover, Diners and JCB."""
_NAMED = {
    "secret": re.compile(
        rf"(?:.*[_-])?(?:(?:{_WORDS})s?|token|(?:access|auth|api|refresh)_tokens|authorization|cookie)"
    ),
    "phone": re.compile(r"(?:.*_)?(?:phone|mobile|tel|telephone|fax)(?:_?(?:number|no))?"),
    "ssn": re.compile(r"(?:.*_)?(?:ssn|social_security(?:_number)?)"),
    "card": re.compile(r"(?:.*_)?(?:card_?number|credit_?card|cc_?number|cvv|cvc)"),
    "iban": re.compile(r"(?:.*_)?iban"),
}
"""Names of members whose values are hidden whatever they look like."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_VALUE = re.compile(rf"[\W_]*|{_NOTHING_SAID}|(.)\1*", re.I)


class Redactor:
    """Placeholders by value, numbered by kind in the order in which values are first met. `mark` stands before the
    numbers."""

    def __init__(self, mark: str = "") -> None:
        for name in _NEEDED:
            if find_spec(name) is None:
                raise AgentdbgError(f"hiding secrets and personal data needs {name}, which is not installed", _INSTALL)
        self.known: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self._mark = mark
        self._spelled: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """The text without what is to be hidden. JSON is gone through member by member, and stays JSON."""
        return self._text(text, 0)

    def value(self, value: Any) -> Any:
        """The JSON value without what is to be hidden."""
        return self._value(value, 0)

    def member(self, name: str, value: Any) -> Any:
        """The same for a value whose name may tell that it is secret."""
        return self._member(name, value, 0)

    def name(self, kind: str, value: str) -> str:
        """The placeholder of a value, a new one where it has none."""
        if value not in self.known:
            self.counts[kind] += 1
            self.call(value, f"<{kind}:{self._mark}{self.counts[kind]}>")
        return self.known[value]

    def call(self, value: str, placeholder: str) -> None:
        """Let a placeholder stand for the value from now on."""
        self.known[value] = placeholder
        if _is_telling(value):
            self._spelled = None

    def _value(self, value: Any, depth: int) -> Any:
        if depth > _DEEP:
            return value
        if isinstance(value, str):
            return self._text(value, depth)
        if isinstance(value, list):
            if len(value) == 2 and _is_pair(*value):
                return [value[0], self._member(value[0], value[1], depth + 1)]
            return [self._value(item, depth + 1) for item in value]
        if isinstance(value, dict):
            name = value.get("name", value.get("key"))
            if isinstance(name, str) and isinstance(value.get("value"), str):
                value = {**value, "value": self._member(name, value["value"], depth + 1)}
            return {
                self._text(str(name), _DEEP): self._member(str(name), item, depth + 1) for name, item in value.items()
            }
        if isinstance(value, int) and not isinstance(value, bool) and _is_card(str(value)):
            return self.name("card", str(value))
        return value

    def _member(self, name: str, value: Any, depth: int) -> Any:
        kind = _kind_of_member(name)
        if kind == "secret" and isinstance(value, list):
            return [self._member(name, item, depth + 1) for item in value]
        plain = isinstance(value, str | int) and not isinstance(value, bool)
        if kind is None or not plain or (kind == "secret" and not isinstance(value, str)):
            return self._value(value, depth)
        told = str(value)
        if kind != "secret" and not re.search(r"\d", told):
            return self._value(value, depth)
        if told.strip()[:1] in ("{", "[") or _NO_VALUE.fullmatch(told) or PLACEHOLDER.search(told):
            return self._value(value, depth)
        scheme, blank, rest = told.partition(" ")
        if blank and scheme.lower() in ("bearer", "basic", "token", "apikey"):
            return f"{scheme} {self.name(kind, rest)}"
        return self.name(kind, told)

    def _text(self, text: str, depth: int) -> str:
        if depth < _DEEP and text.lstrip()[:1] in ("{", "[", '"'):
            try:
                value = json.loads(text, parse_float=_Number)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict | list | str):
                hidden = self._value(value, depth + 1)
                return text if hidden == value else _as_before(hidden, text)
        out, last = [], 0
        for start, end, kind in found(text):
            out += [text[last:start], self.name(kind, text[start:end])]
            last = end
        return self._without_known("".join([*out, text[last:]]))

    def _without_known(self, text: str) -> str:
        """Values that were told to be secret elsewhere, spelled out in a text that does not say so."""
        if self._spelled is None:
            words = sorted(filter(_is_telling, self.known), key=len, reverse=True)
            self._spelled = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)") if words else _NOTHING
        return self._spelled.sub(lambda match: self.known[match[0]], text)


_NOTHING = re.compile(r"(?!)")


@lru_cache(maxsize=4096)
def found(text: str) -> tuple[tuple[int, int, str], ...]:
    """(start, end, kind) of everything in a text that is to be hidden, in order, none inside another."""
    text = _ESCAPE.sub(lambda match: " " * len(match[0]), text)
    taken = [match.span() for match in PLACEHOLDER.finditer(text)]
    out: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(_every(text), key=lambda one: one[0]):
        if all(end <= a or b <= start for a, b in taken):
            taken.append((start, end))
            out.append((start, end, kind))
    return tuple(sorted(out))


def _every(text: str) -> Iterator[tuple[int, int, str]]:
    """Of what begins at one place, that of the more certain rule first."""
    for sign, kind, pattern in _PATTERNS:
        if sign.search(text):
            for match in pattern.finditer(text):
                yield (*match.span("it" if "it" in pattern.groupindex else 0), kind)
    if _LONG.search(text):
        for plugin in _plugins():
            for secret in filter(None, plugin(text)):
                yield from ((*match.span(), "secret") for match in re.finditer(re.escape(secret), text))
    if _DIGITS.search(text):
        yield from _checked(text, _IBAN, "iban", import_module("stdnum.iban").is_valid)
        yield from _checked(text, _CARD, "card", _is_card)
        yield from _phones(text)


def _checked(
    text: str, pattern: re.Pattern[str], kind: str, is_valid: Callable[[str], bool]
) -> Iterator[tuple[int, int, str]]:
    """What has a right checksum; behind it may stand more that looks as if it belonged to it."""
    for match in pattern.finditer(text):
        ends = [match.end(), *(match.start() + n for n, sign in enumerate(match[0]) if sign in " -")]
        for end in sorted(ends, reverse=True):
            if end - match.start() > 12 and is_valid(text[match.start() : end]):
                yield match.start(), end, kind
                break


def _is_card(text: str) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    return bool(_ISSUED.fullmatch(digits)) and bool(import_module("stdnum.luhn").is_valid(digits))


def _phones(text: str) -> Iterator[tuple[int, int, str]]:
    """Numbers with their country, as +49 30 901820."""
    if "+" not in text or not re.search(r"\+\(?\d", text):
        return
    phonenumbers = import_module("phonenumbers")
    for match in phonenumbers.PhoneNumberMatcher(text, None, leniency=phonenumbers.Leniency.POSSIBLE):
        number = match.raw_string
        if text[match.end : match.end + 1].isalnum():  # what follows is a word that begins with a digit
            number = re.sub(r"\W*\w+\Z", "", number)
        if number.startswith("+") and not text[match.start - 1 : match.start].isalnum():
            yield match.start, match.start + len(number), "phone"


@cache
def _plugins() -> tuple[Callable[[str], Iterator[str]], ...]:
    return tuple(
        getattr(import_module(f"detect_secrets.plugins.{module}"), name)().analyze_string
        for module, name in _PLUGINS.items()
    )


def _is_pair(name: object, value: object) -> bool:
    """Whether two values are a header with its name, and not two words of a list."""
    named = isinstance(name, str) and _kind_of_member(name) is not None
    return named and isinstance(value, str) and not re.fullmatch(r"[\w-]*[A-Za-z_]", value)


@lru_cache(maxsize=4096)
def _kind_of_member(name: str) -> str | None:
    plain = _HUMP.sub("_", name).lower()
    return next((kind for kind, pattern in _NAMED.items() if pattern.fullmatch(plain)), None)


def _is_telling(value: str) -> bool:
    """Whether a value is no word that may stand anywhere."""
    return len(value) >= 6 and (len(value) >= 16 or not value.isalpha()) and not (value.isdigit() and len(value) < 10)


class _Number(float):
    """A fraction as it was written: 12.50 is to stay that."""

    def __init__(self, text: str) -> None:
        self.text = text


_WRITTEN = re.compile(r'"(?:\\uf8ff|\uf8ff)([-+.\deE]+)"')


def _with_numbers(value: Any, depth: int = 0) -> Any:
    """The value with fractions as texts that _WRITTEN finds."""
    if depth > _DEEP:
        return value
    if isinstance(value, _Number):
        return f"\uf8ff{value.text}"
    if isinstance(value, list):
        return [_with_numbers(item, depth + 1) for item in value]
    return {name: _with_numbers(item, depth + 1) for name, item in value.items()} if isinstance(value, dict) else value


def _as_before(value: Any, text: str) -> str:
    """JSON set as the text was: on one line, tight or not, or indented."""
    lines = re.match(r"\s*[\[{]\n( +)", text)
    tight = (",", ":") if '": ' not in text and '", ' not in text else None
    told = json.dumps(
        _with_numbers(value),
        ensure_ascii=text.isascii(),
        indent=len(lines[1]) if lines else None,
        separators=None if lines else tight,
    )
    return _WRITTEN.sub(r"\1", told)
