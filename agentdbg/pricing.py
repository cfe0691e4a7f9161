"""Tokens to money, by the user's own price file and then by the price list bundled with the library `genai-prices`,
which nothing here updates over the network. What has no price costs None, never 0. The list knows windows as well.

A call is priced at every ingest, so the way from names to rates is walked once a (model, provider); after that a call
costs a few look-ups and multiplications.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
_MILLION = 1_000_000
# A price list changes over time; a call without a start is priced by its newest entry, not by today's clock.
_NEWEST = datetime(9998, 1, 1, 12, tzinfo=UTC)
# What these serve runs on the user's own machines: the price that an API asks for a model of that name is not theirs.
_SELF_HOSTED = frozenset({
    "hosted-vllm", "llama-cpp", "llama.cpp", "llamacpp", "llamafile", "lm-studio", "lmstudio", "localai", "ollama",
    "ollama-chat", "sglang", "tgi", "vllm", "xinference",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None is unknown. Input includes cached and cache-write tokens, output includes reasoning."""

    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """One `[[price]]` of a price file, in US dollars a million tokens. `model` and `provider` are globs, whatever the
    case. Cached tokens cost as much as other input where they have no price of their own; cache writes always do."""

    model: str
    input_per_mtok: float
    output_per_mtok: float
    cached_per_mtok: float | None = None
    provider: str = "*"

    def fits(self, model: str, provider: str | None) -> bool:
        """Whether the name as recorded, or what follows a router's prefix in it, is one that this price is for."""
        names = (model.lower(), model.lower().rpartition("/")[2])
        return any(fnmatchcase(name, self.model.lower()) for name in names) and fnmatchcase(
            (provider or "").lower(), self.provider.lower()
        )


@dataclass(frozen=True, eq=False)
class OwnPrices:
    """A price file: the first entry that fits a call is its price and wins over the library's. Compared by identity."""

    entries: tuple[OwnPrice, ...]


@dataclass(frozen=True, slots=True)
class _Rates:
    """US dollars a token, and a call. None: no such price, so that tokens of that kind cannot be paid for."""

    input: float | None
    cached: float
    cache_write: float
    output: float | None
    call: float = 0.0


def cost(
    model: str | None, provider: str | None, usage: Usage, *, at_ns: int | None, own: OwnPrices | None = None
) -> float | None:
    """US dollars of one call, or None where the model has no known price or the usage does not allow a price.

    model and provider are as recorded: router prefixes (`openai/gpt-4o-mini`), dated response models and providers that
    name a framework are seen through. at_ns is the start of the call, since prices change; None takes the newest price.
    """
    if not model or not _consistent(usage):
        return None
    way = _way(model, provider, own)
    if way is None or isinstance(way, _Rates):
        return _linear(way, usage)
    bands = _bands(way.get_prices(_when(at_ns)))
    return _linear(bands.rates[bisect_left(bands.starts, usage.input_tokens or 0)], usage)


@lru_cache(maxsize=4096)
def window(model: str, provider: str | None) -> int | None:
    """Tokens that prompt and answer of a model may have together, as the library knows it; None where it does not."""
    found = _find(model.strip().lower(), (provider or "").strip().lower())
    return found.context_window if found is not None else None


def read_prices(path: Path) -> OwnPrices:
    """The user's price file: TOML, a `[[price]]` an entry, keys as in OwnPrice. AgentdbgError where it is not one."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AgentdbgError(f"price file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise AgentdbgError(f"price file {path} is not TOML: {error}") from error
    entries = document.pop("price", [])
    if document or not isinstance(entries, list) or not entries:
        raise AgentdbgError(
            f"price file {path} does not consist of [[price]] entries",
            '[[price]]\nmodel = "acme-large*"\ninput_per_mtok = 2.5\noutput_per_mtok = 10',
        )
    return OwnPrices(tuple(_entry(entry, f"price file {path}, entry {n}") for n, entry in enumerate(entries, 1)))


def _entry(entry: Any, where: str) -> OwnPrice:
    if not isinstance(entry, dict):
        raise AgentdbgError(f"{where} is no table")
    known = [field.name for field in fields(OwnPrice)]
    for key, value in entry.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise AgentdbgError(f"{where}: unknown key {key!r}", hint)
        if key.endswith("_per_mtok"):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
                raise AgentdbgError(f"{where}: {key} = {value!r} is no price in US dollars")
        elif not isinstance(value, str):
            raise AgentdbgError(f"{where}: {key} = {value!r} is no text")
    for key in ("model", "input_per_mtok", "output_per_mtok"):
        if key not in entry:
            raise AgentdbgError(f"{where} has no {key!r}")
    return OwnPrice(**entry)


def _consistent(usage: Usage) -> bool:
    """No negative counts, and no more cached tokens than there are input tokens (then the source counts them apart)."""
    parts = (usage.cached_tokens or 0, usage.cache_write_tokens or 0, usage.input_tokens or 0, usage.output_tokens or 0)
    return min(parts) >= 0 and (usage.input_tokens is None or parts[0] + parts[1] <= parts[2])


def _linear(rates: _Rates | None, usage: Usage) -> float | None:
    if rates is None:
        return None
    total = rates.call
    for tokens, rate in ((usage.input_tokens, rates.input), (usage.output_tokens, rates.output)):
        if tokens is None and rate is None:
            continue  # an embedding has no output, and no price for it
        if tokens is None or (rate is None and tokens):
            return None
        total += tokens * (rate or 0.0)
    cached, written, plain = usage.cached_tokens or 0, usage.cache_write_tokens or 0, rates.input or 0.0
    return round(total + cached * (rates.cached - plain) + written * (rates.cache_write - plain), 12)


def _when(at_ns: int | None) -> datetime:
    return _NEWEST if at_ns is None else datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)


@lru_cache(maxsize=4096)
def _way(model: str, provider: str | None, own: OwnPrices | None) -> _Rates | ModelInfo | None:
    """Where the rates of a model come from: the user's file, the library's entry, or nowhere."""
    for price in own.entries if own else ():
        if price.fits(model, provider):
            cached = price.input_per_mtok if price.cached_per_mtok is None else price.cached_per_mtok
            rates = (price.input_per_mtok, cached, price.input_per_mtok, price.output_per_mtok)
            return _Rates(*(rate / _MILLION for rate in rates))
    return _find(model.strip().lower(), (provider or "").strip().lower())


@dataclass(frozen=True, slots=True)
class _Bands:
    """The rates of a price by size of the input: rates[n] is for inputs above n of the starts. No tiers, one band."""

    starts: tuple[int, ...]
    rates: tuple[_Rates | None, ...]


_known_bands: dict[int, _Bands] = {}


def _bands(price: ModelPrice) -> _Bands:
    """Kept by identity: a ModelPrice lives as long as the library and cannot be hashed."""
    bands = _known_bands.get(id(price))
    if bands is None:
        from genai_prices.types import TieredPrices

        tiered = [value for value in vars(price).values() if isinstance(value, TieredPrices)]
        starts = sorted({tier.start for value in tiered for tier in value.tiers})
        sizes = [*(max(1, start) for start in starts), (starts or [0])[-1] + _MILLION]
        bands = _known_bands[id(price)] = _Bands(tuple(starts), tuple(_probe(price, size) for size in sizes))
    return bands


def _probe(price: ModelPrice, size: int) -> _Rates | None:
    """The rates for inputs like one of `size` tokens: what the library itself asks, so that its rules for tiers and for
    kinds of tokens without a price of their own hold."""
    has_input, has_output = price.input_mtok is not None, price.output_mtok is not None
    if not has_input and not has_output:
        return None  # priced by the second, the image or the page
    call, plain = _library_usd(price), _library_usd(price, size)
    cached, written = _library_usd(price, size, cached=size), _library_usd(price, size, written=size)
    return _Rates(
        input=float((plain - call) / size) if has_input else None,
        cached=float((cached - call) / size),
        cache_write=float((written - call) / size),
        output=float((_library_usd(price, size, _MILLION) - plain) / _MILLION) if has_output else None,
        call=float(call),
    )


def _library_usd(price: ModelPrice, size: int = 0, output: int = 0, *, cached: int = 0, written: int = 0) -> Decimal:
    from genai_prices import Usage as LibraryUsage

    usage = LibraryUsage(input_tokens=size, output_tokens=output, cache_read_tokens=cached, cache_write_tokens=written)
    return price.calc_price(usage)["total_price"]


def _find(model: str, provider: str) -> ModelInfo | None:
    """The library's entry for a model: at the provider named, at the one its router prefix names, or at the one whose
    own models are called so. A provider that is a framework's name is none the library knows, and is passed over."""
    find_provider_by_id, get_snapshot = _library()
    providers = get_snapshot().providers
    if _is_self_hosted(model, provider):
        return None
    names = [model[i:] for i in range(len(model)) if i == 0 or model[i - 1] == "/"]
    for hint in _spellings(provider):
        host = find_provider_by_id(providers, hint)
        if host and (found := _first(host, names, providers)):
            return found
    prefixes = model.split("/")[:-1]
    for n, prefix in enumerate(prefixes):
        for hint in _spellings(prefix):
            host = find_provider_by_id(providers, hint)
            if host and (found := _first(host, names[n + 1 :], providers)):
                return found
    owners = [(host, host.model_match) for host in providers if host.model_match is not None]
    for name in names:
        for host, owns in owners:
            if owns.is_match(name) and (found := _first(host, [name], providers)):
                return found
    bedrock = find_provider_by_id(providers, "aws")
    if bedrock and "." in names[-1].partition("-")[0]:  # `us.anthropic.claude-…`: a form only Bedrock writes
        return _first(bedrock, names[-1:], providers)
    return None


@cache
def _library() -> tuple[Any, Any]:
    """What finds a provider and what gives all that are known. pydantic's plugins are kept out while it is imported:
    one that traces models, as Logfire's does, takes longer than all the rest."""
    before = os.environ.get(_PLUGINS)
    os.environ[_PLUGINS] = "true"
    try:
        from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
    finally:
        if before is None:
            del os.environ[_PLUGINS]
        else:
            os.environ[_PLUGINS] = before
    return find_provider_by_id, get_snapshot


def _first(host: Provider, names: list[str], providers: list[Provider]) -> ModelInfo | None:
    return next((found for name in names if (found := host.find_model(name, all_providers=providers))), None)


def _spellings(hint: str) -> Iterator[str]:
    """`x_ai`, `azure.ai.openai`, `groq.chat`: as written, with hyphens, and its first word."""
    if hint:
        yield from dict.fromkeys((hint, hint.replace("_", "-"), hint.partition(".")[0]))


def _is_self_hosted(model: str, provider: str) -> bool:
    prefix = model.partition("/")[0] if "/" in model else ""
    return any(hint in _SELF_HOSTED for name in (provider, prefix) for hint in _spellings(name))
