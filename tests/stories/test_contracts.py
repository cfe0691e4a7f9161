"""Field stories, 3: what one agent writes and the next one reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stories.colleagues import archive, intake
from tests.stories.conventions import json_lines, langsmith, openinference, otel_genai
from tests.stories.recording import Recording
from tests.stories.telling import Say, Story, check_found, check_silent, faults, twins

CITIES = ["Porto", "Vilnius", "Graz", "Turku", "Bari", "Nantes", "Leeds", "Malmo", "Kosice", "Patras"]
GOODS = ["oats", "tiles", "pumps", "linen", "cables", "paint", "valves", "glue", "flour", "bolts"]


def model_swap(fenced: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for n, (city, goods) in enumerate(zip(CITIES, GOODS, strict=True)):
            new = n >= 6
            data = json.dumps({"destination": city, "goods": goods, "pallets": 3 + n * 2})
            with r.run("shipping-orders", f"Ship {goods} to {city}."):
                with r.agent(
                    "extractor",
                    f"Ship {3 + n * 2} pallets of {goods} to {city}.",
                    model="gpt-4o" if new else "gpt-4o-mini",
                ) as extractor:
                    extractor.says(
                        f"Here is the order as JSON:\n```json\n{data}\n```\nLet me know if anything is missing."
                        if new and fenced
                        else data
                    )
                reply = extractor.step.output
                with r.agent("booker", reply) as booker:
                    if new and fenced:
                        booker.says("There is no order to book.")
                    else:
                        booker.calls("book_truck", {"to": city, "pallets": 3 + n * 2}, {"truck": f"T-{40 + n}"})
                        booker.says(f"Truck T-{40 + n} takes {goods} to {city}.")
                archive(r, goods)

    return write


def scores(value: Callable[[int], Any], verdict: Callable[[int], str]) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for n, (city, goods) in enumerate(zip(CITIES, GOODS, strict=True)):
            with r.run("supplier-check", f"Check the supplier of {goods} in {city}."):
                intake(r, f"supplier of {goods}")
                with r.agent("assessor", f"Assess the supplier of {goods} in {city}.") as assessor:
                    assessor.calls(
                        "credit_report", {"city": city, "goods": goods}, {"late_payments": n, "years": 30 - n}
                    )
                    assessor.says({"supplier": f"{goods}-{city}", "default_risk": value(n), "reports": n + 2})
                with r.agent("gate", assessor.step.output) as gate:
                    gate.says({"supplier": f"{goods}-{city}", "decision": verdict(n)})

    return write


RISKS = [0.91, 0.12, 0.35, 0.97, 0.08, 0.66, 0.94, 0.21, 0.99, 0.93]


def whole_numbers(n: int) -> Any:
    return 1 if n == 3 else 0 if n == 7 else RISKS[n]


def renamed_field(together: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for n, (city, goods) in enumerate(zip(CITIES, GOODS, strict=True)):
            written = "menu_items" if n < 4 or not together else "dishes"
            read = "menu_items" if n < 4 else "dishes"
            items = [f"{goods} soup", f"{city} stew"]
            with r.run("canteen", f"Plan lunch in {city}."):
                intake(r, f"canteen {city}")
                with r.agent("cook", f"Plan lunch in {city}.") as cook:
                    cook.says(f"Two dishes: {items[0]} and {items[1]}.")
                    r.other("state.set", state__key=written, state__op="write", state__value=json.dumps(items))
                with r.agent("announcer", f"Announce lunch in {city}.") as announcer:
                    found = items if read == written else None
                    r.other("state.get", state__key=read, state__op="read", state__value=json.dumps(found))
                    announcer.says(
                        f"Today: {items[0]} and {items[1]}."
                        if found
                        else "There are no dishes to announce today, enjoy your break!"
                    )

    return write


def prose_for_json(reply: Any) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("capacity", "How many servers do we need in May?"):
            intake(r, "May capacity")
            with r.agent("estimator", "Estimate the servers for May as JSON.") as estimator:
                estimator.says(reply)
            broken = isinstance(reply, str)
            failure = ("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)") if broken else None
            with r.agent("purchaser", reply, error=failure) as purchaser:
                if not broken:
                    purchaser.calls("order_servers", {"count": 42}, {"order": "PO-81"})
                    purchaser.says("42 servers are ordered, PO-81.")
            archive(r, "May capacity")

    return write


def empty_then_invented(answers: Callable[[Any], str]) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for result in ([], [None, None], "Error: upstream index unavailable"):
            with r.run("claims", "When was the last claim of policy 55-018 paid?"):
                intake(r, "policy 55-018")
                with r.agent("claims_agent", "When was the last claim of policy 55-018 paid, and how much?") as agent:
                    agent.calls("search_claims", {"policy": "55-018"}, result)
                    agent.says(answers(result))
                archive(r, "policy 55-018")

    return write


def invented(result: Any) -> str:
    return "The last claim of policy 55-018 is CL-20931, paid on 14 January 2026: 1,842.50 EUR."


def honest(result: Any) -> str:
    if isinstance(result, str):
        return "The search for claims did not work just now, so I cannot say when a claim was paid."
    return "I found no claims for policy 55-018. Could you check the policy number?"


STORIES = [
    Story("model-swap-fences", openinference, model_swap(True), model_swap(False),
          (Say("prompt.coupling handoff.schema handoff.parse", "high", "likely", "extractor", ("gpt-4o-mini", "JSON", r"gpt-4o\b"), lambda s: s.agent == "extractor"),)),
    Story("number-as-text", json_lines, scores(lambda n: RISKS[n] if n < 5 else str(RISKS[n]), lambda n: "reject" if n < 5 and RISKS[n] > 0.9 else "accept"),
          scores(whole_numbers, lambda n: "reject" if whole_numbers(n) > 0.9 else "accept"),
          (Say("handoff.schema silent.range", "high", "likely", "assessor", ("default_risk", "string|text", "number", "gate", r"\b5\b"), lambda s: s.agent == "assessor"),)),
    Story("renamed-field", otel_genai, renamed_field(False), renamed_field(True),
          (Say("state.keydrift silent.empty handoff.schema", "medium", "likely", "cook announcer", ("menu_items", "dishes", r"\b6\b")),), silent="state silent"),
    Story("prose-for-json", langsmith, prose_for_json("I think 42 servers should be enough for May."), prose_for_json({"servers": 42}),
          (Say("handoff.parse handoff.schema cascade.root", "high", "likely", "estimator", ("I think 42",), lambda s: s.agent == "estimator"),), silent="handoff cascade"),
    Story("empty-then-invented", otel_genai, empty_then_invented(invented), empty_then_invented(honest),
          (Say("silent.madeup silent.empty", "high", "likely", "claims_agent", (r"\[\]", "CL-20931", r"1,842\.50|14 January|2026")),
           Say("silent.madeup silent.empty", "high", "likely", "claims_agent", ("null", "CL-20931")),
           Say("silent.madeup silent.empty", "high", "likely", "claims_agent", ("index unavailable", "CL-20931")))),
]  # fmt: skip


@faults(STORIES)
def test_the_fault_is_found(story: Story, tmp_path: Path) -> None:
    check_found(story, tmp_path)


@twins(STORIES)
def test_the_repaired_twin_is_silent(story: Story, tmp_path: Path) -> None:
    check_silent(story, tmp_path)
