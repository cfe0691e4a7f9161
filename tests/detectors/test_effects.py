"""What a tool does, by its name."""

from __future__ import annotations

import pytest

from agentdbg.detectors.effects import gives_answer, has_effect, looks_for_trouble, looks_up


@pytest.mark.parametrize(
    ("tool", "effect", "look"),
    [
        ("send_mail", True, False),
        ("createOrder", True, False),
        ("orders.delete", True, False),
        ("search_orders", False, True),
        ("getOrder", False, True),
        ("crm-lookup", False, True),
        ("weather", False, False),
        (None, False, False),
    ],
)
def test_effect_or_look_up(tool: str | None, effect: bool, look: bool) -> None:
    assert has_effect(tool) is effect
    assert looks_up(tool) is look


def test_tools_that_give_the_answer() -> None:
    assert all(map(gives_answer, ["final_answer", "final_result", "FinalAnswer", "attempt_completion", "finish"]))
    assert not any(map(gives_answer, ["answer_question_from_docs", "get_final_price", "reporting", None]))


@pytest.mark.parametrize(
    ("tool", "glad"),
    [
        ("find_duplicates", True), ("screenSanctions", True), ("validate_schema", True), ("list_vulnerabilities", True),
        ("check_calendar_conflicts", True), ("search_issues", False), ("scan", True),
        ("check_inventory", False), ("fetch_sales", False), ("search_docs", False), ("get_validated_address", False), (None, False),
    ],
)  # fmt: skip
def test_tools_that_are_glad_to_find_nothing(tool: str | None, glad: bool) -> None:
    assert looks_for_trouble(tool) is glad
