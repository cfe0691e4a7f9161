"""Prices: names and tokens in, US dollars out. The library's own calculation is the reference."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.errors import AgentdbgError
from agentdbg.pricing import OwnPrice, OwnPrices, Usage, cost, read_prices

NOON = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
MILLION = Usage(1_000_000, 1_000_000)


def usd(model: str | None, provider: str | None = None, usage: Usage = MILLION) -> float | None:
    return cost(model, provider, usage, at_ns=NOON)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-mini", "openai"),
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("openai/gpt-4o-mini", None),
        ("openai/gpt-4o-mini", "litellm"),
        ("GPT-4o-mini", "OpenAI"),
        ("gpt-4o-mini", "openai.chat"),
        ("gpt-4o-mini", "azure.ai.openai"),
        ("gpt-4o-mini", None),
    ],
)
def test_every_way_to_write_a_model_has_its_price(model: str, provider: str | None) -> None:
    assert usd(model, provider) == 0.75


@pytest.mark.parametrize(
    "framework", ["langgraph", "Langchain", "crewai", "autogen", "strands-agents", "gcp.vertex.agent"]
)
def test_a_provider_that_names_the_framework_is_seen_through(framework: str) -> None:
    assert usd("openai/gpt-4o-mini", framework) == usd("gpt-4o-mini", framework) == 0.75


@pytest.mark.parametrize(
    ("routed", "host", "plain"),
    [
        ("groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("models/gemini-2.0-flash", "google", "gemini-2.0-flash"),
        ("azure/gpt-4o", "azure", "gpt-4o"),
        ("openrouter/anthropic/claude-sonnet-4", "openrouter", "anthropic/claude-sonnet-4"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("xai/grok-4", "x_ai", "grok-4"),
    ],
)
def test_a_router_prefix_leads_to_the_host_it_names(routed: str, host: str, plain: str) -> None:
    assert usd(routed) == usd(plain, host)
    assert usd(routed) is not None


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("acme-large-1", "acme"),
        ("my-deployment", "azure"),
        ("", "openai"),
        (None, "openai"),
        ("mistral", "ollama"),
        ("ollama/mistral", None),
        ("hosted_vllm/deepseek-chat", None),
        ("whisper-1", "openai"),
    ],
)
def test_what_is_unknown_or_runs_at_home_costs_none_and_not_nothing(model: str | None, provider: str | None) -> None:
    assert usd(model, provider) is None


@pytest.mark.parametrize(
    "usage",
    [
        Usage(None, None),
        Usage(None, 40),
        Usage(900, None),
        Usage(10, 5, cached_tokens=11),
        Usage(10, 5, cached_tokens=6, cache_write_tokens=6),
        Usage(-1, 5),
    ],
)
def test_a_usage_with_holes_or_contradictions_costs_none(usage: Usage) -> None:
    assert usd("gpt-4o-mini", "openai", usage) is None


def test_an_embedding_has_no_output_to_pay_for() -> None:
    assert usd("text-embedding-3-small", "openai", Usage(1_000_000, None)) == 0.02


def test_the_price_is_that_of_the_day() -> None:
    before, after = (int(datetime(2025, month, 20, tzinfo=UTC).timestamp()) * 10**9 for month in (5, 7))
    assert cost("o3", "openai", MILLION, at_ns=before) == 50.0
    assert cost("o3", "openai", MILLION, at_ns=after) == 10.0
    assert cost("o3", "openai", MILLION, at_ns=None) == 10.0


TOKENS = st.integers(0, 600_000)


@given(
    model=st.sampled_from([
        ("gpt-4o-mini", "openai"), ("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-pro", "google"),
        ("deepseek-chat", "deepseek"), ("sonar-pro", "perplexity"), ("qwen3-max", "openrouter"),
    ]),
    counts=st.tuples(TOKENS, TOKENS, TOKENS, TOKENS),
)  # fmt: skip
def test_the_fast_way_gives_what_the_library_gives(model: tuple[str, str], counts: tuple[int, int, int, int]) -> None:
    from genai_prices import Usage as LibraryUsage
    from genai_prices import calc_price

    plain, cached, written, output = counts
    full = plain + cached + written
    reference = calc_price(
        LibraryUsage(input_tokens=full, output_tokens=output, cache_read_tokens=cached, cache_write_tokens=written),
        model[0] if model[1] != "openrouter" else "qwen/qwen3-max",
        provider_id=model[1],
        genai_request_timestamp=datetime(2026, 6, 1, 12, tzinfo=UTC),
    )
    got = usd(
        model[0] if model[1] != "openrouter" else "qwen/qwen3-max", model[1], Usage(full, output, cached, written)
    )
    assert got == pytest.approx(float(reference.total_price), rel=1e-9, abs=1e-11)


PRICE_FILE = """
[[price]]
model = "acme-large*"
input_per_mtok = 2.5
output_per_mtok = 10
cached_per_mtok = 0.5

[[price]]
model = "gpt-4o-mini"
provider = "azure*"
input_per_mtok = 1
output_per_mtok = 1

[[price]]
model = "mistral*"
input_per_mtok = 0
output_per_mtok = 0
"""


def test_the_users_price_file_wins(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PRICE_FILE)
    own = read_prices(path)
    assert own.entries[0] == OwnPrice("acme-large*", 2.5, 10, 0.5)

    def priced(model: str, provider: str | None, usage: Usage = MILLION) -> float | None:
        return cost(model, provider, usage, at_ns=NOON, own=own)

    assert priced("router/Acme-Large-7", None) == 12.5
    assert priced("acme-large-7", None, Usage(1_000_000, 0, cached_tokens=1_000_000)) == 0.5
    assert priced("gpt-4o-mini", "azure.ai.openai") == 2
    assert priced("gpt-4o-mini", "openai") == 0.75
    assert priced("ollama/mistral:7b", None) == 0.0


def test_tokens_without_a_cached_price_of_their_own_cost_as_input() -> None:
    own = OwnPrices((OwnPrice("x", 4, 8),))
    usage = Usage(1_000_000, 0, cached_tokens=400_000, cache_write_tokens=100_000)
    assert cost("x", None, usage, at_ns=None, own=own) == 4.0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("price = 3", "does not consist of [[price]] entries"),
        ("", "does not consist of [[price]] entries"),
        ("[[price]\nmodel", "is not TOML"),
        ('[[price]]\nmodel = "a"\ninput_per_mtok = 1', "entry 1 has no 'output_per_mtok'"),
        ('[[price]]\nmodel = "a"\ninput_mtok = 1', "unknown key 'input_mtok'"),
        ('[[price]]\nmodel = "a"\ninput_per_mtok = "1"', "is no price in US dollars"),
        ('[[price]]\nmodel = "a"\ninput_per_mtok = -1', "is no price in US dollars"),
        ('[[price]]\nmodel = "a"\ninput_per_mtok = nan', "is no price in US dollars"),
        ("[[price]]\nmodel = 3", "is no text"),
    ],
)
def test_a_wrong_price_file_is_told_in_words(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(AgentdbgError, match=complaint.replace("[", "\\[")):
        read_prices(path)


def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('[[price]]\nmodel = "a"\ninput_mtok = 1')
    with pytest.raises(AgentdbgError) as caught:
        read_prices(path)
    assert caught.value.hint == "did you mean 'input_per_mtok'?"


def test_a_missing_price_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgentdbgError, match="cannot be read"):
        read_prices(tmp_path / "none.toml")


def test_importing_prices_does_not_load_the_price_list() -> None:
    code = "import sys, agentdbg.pricing; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
