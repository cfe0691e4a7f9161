"""A model that is asked for real: where it is, which API it speaks, and one question sent there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from agentdbg.errors import AgentdbgError
from agentdbg.replay.call import Call, Part, first_choice
from agentdbg.replay.wires import Wire, wires
from agentdbg.vocabulary.responses import answers, figures

if TYPE_CHECKING:
    import httpx2

Api = Literal["chat", "responses", "messages", "gemini"]

TIMEOUT_S = 120.0
_SAID = 200
_HIDDEN = "(key)"
_ANSWERS = {"choices": 1, "candidates": 1, "output": 0, "content": 0}
"""Lists that an answer stands in, and how much must be in them: a choice may be empty, and there must be one."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What an API is called by us, where its key comes from and goes to, and where it takes a seed."""

    name: str
    key: str
    header: str
    prefix: str = ""
    more: tuple[tuple[str, str], ...] = ()
    seed: tuple[str, ...] = ()


SPEECHES: dict[Api, Speech] = {
    "chat": Speech("OpenAI Chat Completions", "OPENAI_API_KEY", "authorization", "Bearer ", seed=("seed",)),
    "responses": Speech("OpenAI Responses", "OPENAI_API_KEY", "authorization", "Bearer "),
    "messages": Speech(
        "Anthropic Messages", "ANTHROPIC_API_KEY", "x-api-key", more=(("anthropic-version", "2023-06-01"),)
    ),
    "gemini": Speech("Gemini generateContent", "GEMINI_API_KEY", "x-goog-api-key", seed=("generationConfig", "seed")),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`shown` is the address as it may be printed: without what stands before an @ or behind a question mark."""

    wire: Wire
    speech: Speech
    url: str
    shown: str
    headers: Mapping[str, str]
    secrets: tuple[str, ...]

    def hidden(self, text: str) -> str:
        """A text of the other side without our key in it."""
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        return text


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of a model that was asked for real."""

    parts: tuple[Part, ...]
    model: str | None
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer. again: it may be asked again, after so many seconds; None where that is no use."""

    reason: str
    again: float | None = None


def api_of(response_id: str | None, provider: str | None) -> Api:
    """The API that a call was made over: by the form of the id that its answer had, else by its provider."""
    for start, api in (("resp_", "responses"), ("msg_", "messages"), ("chatcmpl", "chat")):
        if (response_id or "").startswith(start):
            return api  # type: ignore[return-value]  # of the three above
    told = (provider or "").lower()
    return "messages" if "anthropic" in told else "gemini" if "gemini" in told or "google" in told else "chat"


def endpoint(base: str, api: Api | None, usual: Api, call: Call, key_name: str | None) -> Endpoint:
    """Where `call` is asked; the API is what the address says that ends in one, else `api`, else the usual one.
    AgentdbgError for an address that is none, a key that is not there, or the missing extra."""
    if find_spec("httpx2") is None:
        raise AgentdbgError("--live needs httpx2, which is not installed", "pip install 'agentdbg-traces[replay]'")
    parts = _address(base)
    own = parts.path.rstrip("/")
    said = next((name for name, one in SPEECHES.items() if _wire(one).claims(own)), None)
    speech = SPEECHES[said or api or usual]
    wire = _wire(speech)
    path = own if said else own + _behind(own, wire.request(call)[0], speech)
    url = urlunsplit(parts._replace(path=path))
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))
    key = _key(key_name or speech.key)
    if key_name and not key:
        raise AgentdbgError(f"the environment has no {key_name}", f"export {key_name}=…")
    headers = dict(speech.more) | ({speech.header: speech.prefix + key} if key else {})
    return Endpoint(wire, speech, url, bare, headers, tuple(filter(None, (key, parts.password))))


def _address(base: str) -> SplitResult:
    """AgentdbgError for what is none; it is not printed, since a password may stand in it."""
    try:
        parts = urlsplit(base)
        if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port):
            return parts
    except ValueError:  # of a port or brackets that are none
        pass
    told = base.rpartition("@")[2]
    raise AgentdbgError(f"--base-url {told} is no address", "--base-url https://api.openai.com/v1")


def _key(name: str) -> str | None:
    """The key without the line break that a file leaves at its end: HTTP libraries print a header that they refuse."""
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise AgentdbgError(f"the key in {name} has a character that no key has", f"export {name}=…")
    return key or None


def _wire(speech: Speech) -> Wire:
    return next(wire for wire in wires() if wire.api == speech.name)


def _behind(own: str, path: str, speech: Speech) -> str:
    """What is to stand behind a base URL: those of OpenAI's APIs have the version in them wherever they have a path."""
    version = "/" + path.split("/")[1]
    has = own.endswith(version) or (own and speech.key == "OPENAI_API_KEY")
    return path.removeprefix(version) if has else path


async def ask(client: httpx2.AsyncClient, there: Endpoint, body: Mapping[str, Any]) -> Answered | Failed:
    """Send one question; whatever goes wrong is the result."""
    import httpx2

    try:
        reply = await client.post(there.url, json=body, headers=dict(there.headers))
    except httpx2.TimeoutException:
        return Failed(f"no answer within {TIMEOUT_S:g} s")
    except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
        return Failed(there.hidden(f"{type(problem).__name__}: {problem}")[:_SAID])
    if reply.status_code != 200:
        return _refused(there, reply)
    try:
        told = reply.json()
    except ValueError:
        return Failed(f"the answer is no JSON: {_in_short(there, reply.text)}".rstrip(": "))
    found = answers(told) if isinstance(told, dict) and _has_answer(told) else None
    if found is None:
        return Failed(f"the answer is none of {there.speech.name}: {_in_short(there, reply.text)}")
    seen = figures(told)
    return Answered(first_choice(found), seen.get("model"), seen.get("input_tokens"), seen.get("output_tokens"))


def _has_answer(told: Mapping[str, Any]) -> bool:
    return any(isinstance(told.get(name), list) and len(told[name]) >= least for name, least in _ANSWERS.items())


def _refused(there: Endpoint, reply: httpx2.Response) -> Failed:
    try:
        error = reply.json()["error"]
        words = error if isinstance(error, str) else error["message"]
    except (ValueError, KeyError, TypeError):
        words = reply.text
    reason = f"HTTP {reply.status_code}: {_in_short(there, str(words))}".rstrip(": ")
    return Failed(reason, _wait(reply) if reply.status_code in (408, 429, 500, 502, 503, 504, 529) else None)


def _in_short(there: Endpoint, text: str) -> str:
    return " ".join(there.hidden(text).split())[:_SAID]


def _wait(reply: httpx2.Response) -> float:
    """The seconds that a server asks for, one where it does not say, never more than half a minute."""
    told = reply.headers.get("retry-after", "")
    return min(30.0, float(told)) if told.replace(".", "", 1).isdecimal() else 1.0
