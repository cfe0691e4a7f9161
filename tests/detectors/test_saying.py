"""Texts that say that something is missing, and texts that do not."""

from __future__ import annotations

import pytest

from agentdbg.detectors.saying import admits, says_nothing_came


@pytest.mark.parametrize(
    "text",
    [
        "No matching records were found for this customer.",
        "I could not find any flights on that day.",
        "I wasn't able to retrieve the price; the service is unavailable.",
        "The database is unreachable at the moment.",
        "The search returned nothing, so I cannot confirm the date.",
        "There is insufficient data to answer.",
        "Could you provide the order number?",
        "Please check the spelling of the region.",
        "Did you mean Europe?",
        "needs_more_context",
        '{"status": "not_found"}',
        '{"rows": [], "error": "warehouse offline"}',
        '{"found": false}',
        "Unfortunately the ledger for May is closed.",
        "The register reported an error, so the fee is left out.",
        "Nothing matched the query.",
        "I would need the order number to go on.",
        "None were listed; I came back empty-handed.",
        "Es wurden keine Ergebnisse gefunden.",
        "No se encontraron vuelos.",
    ],
)
def test_admits(text: str) -> None:
    assert admits(text)


@pytest.mark.parametrize(
    "text",
    [
        "Your order 4711 was shipped on 2 May. Let me know if you need anything else.",
        "Sales stood still, we advise closing the office.",
        "There were no sales in the north this year; the team can be dissolved.",
        "The flight leaves at 9:40. Would you like me to book it?",
        "All 3 invoices are paid, nothing else is due.",
        '{"growth": 0.0}',
        '{"rows": []}',
        '{"growth": null}',
        "",
    ],
)
def test_does_not_admit(text: str) -> None:
    assert not admits(text)


def test_denying_the_very_things_the_tool_is_named_after() -> None:
    text = "There are no overdue invoices for C-17."
    assert says_nothing_came(text, "search_invoices")
    assert says_nothing_came(text, "searchInvoices")
    assert not says_nothing_came(text, "fetch_weather")
    assert not says_nothing_came("There are 3 invoices.", "search_invoices")


def test_a_question_at_the_end_asks_back_unless_it_is_a_courtesy() -> None:
    assert says_nothing_came("I looked at the register.\nWhich of the two towns is meant?", None)
    assert not says_nothing_came("It is paid. Is there anything else I can help you with?", None)
    assert not says_nothing_came("It is paid. Shall I mail you the receipt?", None)
