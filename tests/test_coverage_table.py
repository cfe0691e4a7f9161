"""docs/coverage.md says what the captures say, and a field's source is what the field follows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agentdbg.rows import RawEvent, RawSpan
from tests.commandline import CORPUS
from tests.coverage_sources import sources
from tests.coverage_table import FILE, anchor, document


def told(name: str = "chat", logs: tuple[RawEvent, ...] = (), **attributes: Any) -> dict[str, tuple[str, ...]]:
    keys = {key.replace("__", "."): value for key, value in attributes.items()}
    return sources((RawSpan("t", "s", None, name, 0, 1, attributes=keys), logs))


def test_of_two_names_the_one_that_is_read_is_the_source() -> None:
    found = told(
        gen_ai__operation__name="chat",
        gen_ai__request__model="gpt-4o",
        gen_ai__response__model="gpt-4o-2024",
        gen_ai__usage__input_tokens=9,
        gen_ai__usage__prompt_tokens=9,
    )
    assert (found["model"], found["input_tokens"]) == (("`gen_ai.response.model`",), ("`gen_ai.usage.input_tokens`",))


def test_what_says_what_a_span_is_is_no_source_of_its_fields() -> None:
    assert "`openinference.span.kind`" not in str(told(openinference__span__kind="LLM", llm__model_name="gpt-4o"))


def test_a_source_inside_a_json_attribute_is_told_with_its_path() -> None:
    metadata = '{"langgraph_node": "agent", "langgraph_checkpoint_ns": "writer:1|agent:2"}'
    found = told(openinference__span__kind="LLM", metadata=metadata)
    assert found["agent_hint"] == ("`metadata` › `langgraph_checkpoint_ns`",)


def test_content_of_log_records_names_the_record() -> None:
    logs = (RawEvent("gen_ai.user.message", body={"content": "hello"}), RawEvent("gen_ai.choice", body={"message": {}}))
    assert told(gen_ai__operation__name="chat", logs=logs)["input"] == ("log record `gen_ai.user.message`",)


def test_an_empty_result_has_a_source_too() -> None:
    found = told(gen_ai__operation__name="execute_tool", gen_ai__tool__call__result="[]")
    assert found["output"] == ("`gen_ai.tool.call.result`",)


def test_every_row_of_the_overview_leads_to_its_section() -> None:
    text = FILE.read_text("utf-8")
    sections = [anchor(heading) for heading in re.findall(r"^## (.+)$", text, re.M)]
    assert len(sections) == len(set(sections))
    links = re.findall(r"\]\((#.+?)\) \|", text)
    assert links == sections[:-1]  # the last is of what was not captured


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/corpus")
def test_the_table_is_what_the_captures_say() -> None:
    assert document() == FILE.read_text("utf-8"), "python -m tests.coverage_table writes it anew"
