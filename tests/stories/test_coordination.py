"""Field stories, 1: agents that keep one another busy, or waiting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.stories.colleagues import archive, intake
from tests.stories.conventions import json_lines, langsmith, openinference, otel_genai
from tests.stories.recording import Recording
from tests.stories.telling import Say, Story, check_found, check_silent, faults, twins

CLAUSES = [
    "limits liability to the fees of twelve months", "allows termination with ninety days' notice", "assigns all inventions to the client",
    "names the courts of Rotterdam", "caps price rises at the consumer index", "obliges both sides to keep secrets for five years",
    "puts the burden of proof on the supplier", "excludes consequential loss", "requires written form for changes",
    "forbids hiring each other's staff", "sets interest on late payment at eight percent", "makes the annexes part of the contract",
    "grants an audit once a year", "demands insurance of two million",
]  # fmt: skip
COMPLAINTS = [
    "I need more context before I can assess the clause.", "I still need more context to assess this clause.",
    "More context is needed before the clause can be assessed.",
]  # fmt: skip


def need_more_context(r: Recording) -> None:
    complaint = "Find what counsel needs to assess clause 7."
    with r.run("contract-review", "Assess clause 7 of the Verhoeven contract."):
        intake(r, "Verhoeven")
        for lap, clause in enumerate(CLAUSES):
            with r.agent("paralegal", complaint) as paralegal:
                paralegal.calls(
                    "search_contracts",
                    {"query": f"clause 7 {clause.split()[0]}", "page": lap + 1},
                    [{"id": f"C-{300 + lap}", "text": f"It {clause}."}],
                )
                document = f"Document C-{300 + lap}: a contract with the same party that {clause}."
                paralegal.says(document)
            with r.agent("counsel", document) as counsel:
                complaint = COMPLAINTS[lap % 3]
                counsel.says(complaint)
        with r.agent("paralegal", complaint) as paralegal:
            paralegal.fails("TimeoutError", "the review took longer than 60 s")
        archive(r, "Verhoeven")


def context_given(r: Recording) -> None:
    wants = [
        ("the text of annex B", "Annex B lists four data centres and their service levels."),
        ("the date of signature", "The contract was signed on 4 May 2021 in Delft."),
        ("the liability insurer", "The insurer is Nordlicht, policy 88-1273."),
    ]
    with r.run("contract-review", "Assess clause 7 of the Verhoeven contract."):
        intake(r, "Verhoeven")
        given = "The contract with Verhoeven, clause 7."
        for wanted, found in wants:
            with r.agent("counsel", given) as counsel:
                counsel.says(f"To assess clause 7 I need {wanted}.")
            with r.agent("paralegal", f"Counsel needs {wanted}.") as paralegal:
                paralegal.calls("search_contracts", {"query": wanted}, [{"text": found}])
                given = found
                paralegal.says(found)
        with r.agent("counsel", given) as counsel:
            counsel.says("Clause 7 holds: insured, signed before the reform, and annex B bounds the duty.")
        archive(r, "Verhoeven")


MALFORMED = "reconcile inv ## 20-77 / ?? with PO"


def supervisor_trap(laps: int) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("invoice-desk", MALFORMED):
            intake(r, "Oakline")
            task = MALFORMED
            for _ in range(laps):
                with r.agent("dispatcher", task, model="gpt-4o") as dispatcher:
                    dispatcher.says({"next": "matcher", "reason": "matching invoices is the matcher's work"}, cost=0.11)
                with r.agent("matcher", MALFORMED, model="gpt-4o") as matcher:
                    matcher.says(
                        {"status": "needs_more_context", "detail": "the purchase order number is not readable"},
                        cost=0.09,
                    )
                    task = '{"status": "needs_more_context", "detail": "the purchase order number is not readable"}'
            archive(r, "Oakline")

    return write


def context_fetched(r: Recording) -> None:
    with r.run("invoice-desk", MALFORMED):
        intake(r, "Oakline")
        with r.agent("dispatcher", MALFORMED, model="gpt-4o") as dispatcher:
            dispatcher.says({"next": "matcher"}, cost=0.11)
        with r.agent("matcher", MALFORMED, model="gpt-4o") as matcher:
            matcher.says(
                {"status": "needs_more_context", "detail": "the purchase order number is not readable"}, cost=0.09
            )
        with r.agent(
            "dispatcher", "matcher: needs_more_context, the purchase order number is not readable", model="gpt-4o"
        ) as dispatcher:
            dispatcher.says({"next": "mail_reader", "task": "find the purchase order of invoice 20-77"}, cost=0.11)
        with r.agent("mail_reader", "find the purchase order of invoice 20-77") as reader:
            reader.calls(
                "search_mail", {"query": "invoice 20-77"}, [{"subject": "Your order PO-4410", "invoice": "20-77"}]
            )
            reader.says("Invoice 20-77 belongs to PO-4410.")
        with r.agent("dispatcher", "Invoice 20-77 belongs to PO-4410.", model="gpt-4o") as dispatcher:
            dispatcher.says({"next": "matcher", "context": "PO-4410"}, cost=0.11)
        with r.agent("matcher", MALFORMED + "\nContext: Invoice 20-77 belongs to PO-4410.", model="gpt-4o") as matcher:
            matcher.says({"status": "complete", "matched": "PO-4410"}, cost=0.09)
        archive(r, "Oakline")


ASK = "Extract number, total and currency of the receipt as JSON."


def unparsable_reply(r: Recording) -> None:
    replies = [
        "Sure! Here is the receipt: {'number': 'R-19', 'total': 48.2, 'currency': 'EUR'} Let me know if you need more.",
        "Of course, this is what I read: {'number': 'R-19', 'total': 48.2, 'currency': 'EUR'}. Anything else?",
    ]
    with r.run("expenses", "Book receipt R-19."):
        intake(r, "travel R-19")
        with r.agent("bookkeeper", "Book receipt R-19.") as bookkeeper:
            for lap in range(6):
                bookkeeper.says(ASK)
                with r.agent("reader", ASK) as reader:
                    reader.says(replies[lap % 2])
                r.other(
                    "parse_reply", error=("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)")
                )
                bookkeeper.hears("The reply was not valid JSON.")
            bookkeeper.says("I could not book the receipt.")
        archive(r, "travel R-19")


def parsable_replies(r: Recording) -> None:
    with r.run("expenses", "Book receipts R-19 to R-24."):
        intake(r, "travel R-19 to R-24")
        with r.agent("bookkeeper", "Book receipts R-19 to R-24.") as bookkeeper:
            for number, total in enumerate([48.2, 12.0, 99.9, 7.35, 230.0, 61.5], 19):
                ask = f"Extract total and currency of receipt R-{number} as JSON."
                bookkeeper.says(ask)
                with r.agent("reader", ask) as reader:
                    reader.says({"number": f"R-{number}", "total": total, "currency": "EUR"})
                r.other("parse_reply")
                bookkeeper.hears(f"R-{number}: {total} EUR")
            bookkeeper.says("All six receipts are booked, 458.95 EUR in total.")
        archive(r, "travel R-19 to R-24")


WAITS = {"pricing": "stock", "stock": "shipping", "shipping": "pricing"}


def circular_wait(r: Recording) -> None:
    with r.run("quote", "Quote 40 pallets to Gdansk."):
        intake(r, "Baltic Foods")
        begin = r.now
        for number, (name, other) in enumerate(WAITS.items()):
            with r.agent(
                name, f"Do the {name} part of the quote for 40 pallets to Gdansk.", at=begin + number * 0.2
            ) as agent:
                agent.says(f"I am waiting for {other} to finish before I can do {name}.")
                r.other(
                    "await_result",
                    seconds=90 - number * 0.2 - 1.2,
                    error=("asyncio.CancelledError", "shutdown"),
                    wait__for=other,
                )
        archive(r, "Baltic Foods")


def chain_of_waits(r: Recording) -> None:
    with r.run("quote", "Quote 40 pallets to Gdansk."):
        intake(r, "Baltic Foods")
        begin = r.now
        for name, seconds in (("shipping", 0.0), ("stock", 4.0), ("pricing", 8.0)):
            with r.agent(name, f"Do the {name} part of the quote for 40 pallets to Gdansk.", at=begin) as agent:
                if seconds:
                    other = WAITS[name]
                    agent.says(f"I am waiting for {other} to finish before I can do {name}.")
                    r.other("await_result", seconds=seconds - 1.2, wait__for=other)
                agent.says(f"The {name} part is done: 40 pallets, lot {len(name) * 7}.", seconds=3.5)
        archive(r, "Baltic Foods")


def next_steps(first: str, second: str) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("complaints", "Handle complaint CP-311."):
            intake(r, "Rivera")
            begin = r.now
            with r.agent("retention", "Decide the next step for complaint CP-311.", at=begin) as retention:
                retention.says({"task": "CP-311", "next_step": first})
            with r.agent("compliance", "Decide the next step for complaint CP-311.", at=begin) as compliance:
                compliance.says({"task": "CP-311", "next_step": second}, seconds=1.6)
            with r.agent("clerk", "Carry out the next step for complaint CP-311.") as clerk:
                clerk.calls(first, {"task": "CP-311"}, {"done": True})
                clerk.says(f"{first} is done for CP-311.")
            archive(r, "Rivera")

    return write


def forwarded(r: Recording) -> None:
    task = "Explain to customer 7741 why the meter reading of March was estimated."

    def level(names: list[str]) -> None:
        with r.agent(names[0], task) as agent:
            if names[1:]:
                agent.calls(f"transfer_to_{names[1]}", {"task": task}, f"Transferred to {names[1]}.")
                level(names[1:])
                agent.step.output = "Forwarded."
            else:
                agent.says("This should be handled by another colleague.")

    with r.run("utility-desk", task):
        intake(r, "customer 7741")
        level(["metering", "billing", "field_ops", "metering", "billing", "field_ops", "metering", "billing"])
        archive(r, "customer 7741")


def delegated(r: Recording) -> None:
    with r.run("utility-desk", "Explain to customer 7741 why the meter reading of March was estimated."):
        intake(r, "customer 7741")
        with r.agent("metering", "Explain to customer 7741 why the meter reading of March was estimated.") as metering:
            metering.calls(
                "transfer_to_field_ops",
                {"task": "Was meter 7741 read in March? If not, why?"},
                "Transferred to field_ops.",
            )
            with r.agent("field_ops", "Was meter 7741 read in March? If not, why?") as field_ops:
                field_ops.calls(
                    "transfer_to_planner", {"task": "Visits to meter 7741 in March"}, "Transferred to planner."
                )
                with r.agent("planner", "Visits to meter 7741 in March") as planner:
                    planner.calls(
                        "visits", {"meter": 7741, "month": "2026-03"}, [{"day": "2026-03-11", "result": "no access"}]
                    )
                    planner.says("One visit on 11 March, no access.")
                field_ops.hears("One visit on 11 March, no access.")
                field_ops.says("It was not read: on 11 March nobody opened.")
            metering.hears("It was not read: on 11 March nobody opened.")
            metering.says("The March reading was estimated since our colleague had no access on 11 March.")
        archive(r, "customer 7741")


BODY = (
    "Our new panels bring daylight into rooms without windows. A prism on the roof gathers the sun, a bundle of glass fibres leads it down "
    "through the walls, and a flat lamp spreads it evenly. Offices in Utrecht have used them for two winters and report less fatigue. "
    "The {} pays for itself in {} years, and the {} of the parts lasts for twenty."
)
WORDS = ["system", "set", "kit", "unit", "device", "product"]


def improve_until_perfect(r: Recording) -> None:
    with r.run("press-release", "Write a press release. Improve it until it is perfect."):
        intake(r, "Lumen BV")
        verdict = "Write the first draft of the press release."
        for number in range(12):
            draft = BODY.format(WORDS[number % 6], 4 + number % 2, ["warranty", "guarantee"][number % 2])
            with r.agent("stylist", verdict, system="Improve the text until it is perfect.") as stylist:
                if number:
                    stylist.hears(
                        BODY.format(
                            WORDS[(number - 1) % 6], 4 + (number - 1) % 2, ["warranty", "guarantee"][(number - 1) % 2]
                        )
                    )
                stylist.says(draft)
            with r.agent("grader", draft, system="Score every new text.") as grader:
                verdict = f"Score {82 + number % 3} of 100. Good, but not perfect yet: please improve the wording."
                grader.says(verdict)
            with r.agent("publisher", verdict, system="Publish what is final.") as publisher:
                publisher.says("Not final yet, I am waiting for the final text.")
        archive(r, "Lumen BV")


def final_after_two(r: Recording) -> None:
    second = "Daylight for the basement: from May on, Lumen sells a lamp that is fed by a prism on the roof. It costs 900 euros and needs no power."
    with r.run("press-release", "Write a press release."):
        intake(r, "Lumen BV")
        for number, draft in enumerate([BODY.format("system", 4, "warranty"), second]):
            with r.agent(
                "stylist", "Write a press release." if not number else "Shorter, and with the price."
            ) as stylist:
                stylist.says(draft)
            with r.agent("grader", draft) as grader:
                grader.says("Score 60: shorter, and with the price." if not number else "Score 91: final.")
        with r.agent("publisher", "final: " + second) as publisher:
            publisher.calls("publish", {"text": second}, {"url": "/news/88"})
            publisher.says("Published as /news/88.")
        archive(r, "Lumen BV")


def hopeless_retry(r: Recording) -> None:
    with r.run("fleet", "Which vans are due for inspection?"):
        intake(r, "Van fleet")
        with r.agent("fleet_agent", "Which vans are due for inspection?") as agent:
            for _ in range(9):
                agent.calls(
                    "list_vehicles",
                    {"type": "van", "due": "2026-04"},
                    error=("HTTPStatusError", "Client error '401 Unauthorized' for url '/vehicles'"),
                    seconds=0.1,
                )
            agent.says("I could not find out.")
        archive(r, "Van fleet")


def recovered_retry(r: Recording) -> None:
    with r.run("fleet", "Which vans are due for inspection?"):
        intake(r, "Van fleet")
        with r.agent("fleet_agent", "Which vans are due for inspection?") as agent:
            for pause in (2.0, 4.0):
                agent.runs(
                    "list_vehicles",
                    {"type": "van", "due": "2026-04"},
                    error=("HTTPStatusError", "Server error '503 Service Unavailable' for url '/vehicles'"),
                    seconds=0.1,
                )
                r.now += pause
            agent.calls("list_vehicles", {"type": "van", "due": "2026-04"}, [{"plate": "V-22-XB", "due": "2026-04-17"}])
            agent.says("One van is due: V-22-XB on 17 April.")
        archive(r, "Van fleet")


def polling(r: Recording) -> None:
    with r.run("fleet", "Export the list of inspections."):
        intake(r, "Van fleet")
        with r.agent("export_agent", "Export the list of inspections.") as agent:
            agent.calls("start_export", {"list": "inspections"}, {"job": "J-9", "status": "running"})
            for status in ["running"] * 4 + ["done"]:
                r.now += 5
                agent.calls("export_status", {"job": "J-9"}, {"job": "J-9", "status": status})
            agent.says("The export J-9 is done.")
        archive(r, "Van fleet")


STREETS = ["Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper"]


def no_ceiling(r: Recording) -> None:
    with r.run("leads", "Find a site for the new depot."):
        intake(r, "Depot North")
        with r.agent(
            "scout",
            "Find a site for the new depot.",
            error=("GraphRecursionError", "Recursion limit of 50 reached without hitting a stop condition."),
        ) as scout:
            for number in range(50):
                street = f"{STREETS[number % 10]} Road {3 + 7 * number}"
                scout.calls(
                    "site_info",
                    {"address": street, "radius": 100 + number},
                    {"address": street, "area": 400 + 13 * number, "free": number % 3 == 0},
                )
        archive(r, "Depot North")


def five_turns(r: Recording) -> None:
    with r.run("leads", "Find a site for the new depot."):
        intake(r, "Depot North")
        with r.agent("scout", "Find a site for the new depot.") as scout:
            for number in range(4):
                street = f"{STREETS[number]} Road {3 + 7 * number}"
                scout.calls(
                    "site_info",
                    {"address": street},
                    {"address": street, "area": 400 + 13 * number, "free": number == 3},
                )
            scout.says("Dogwood Road 24 is free and has 439 square metres.")
        with r.agent("geocoder", "Geocode all thirty sites.") as geocoder:
            for number in range(30):
                geocoder.runs(
                    "geocode",
                    {"address": f"{STREETS[number % 10]} Road {number}"},
                    {"lat": 52 + number / 100, "lon": 4.3 + number / 70},
                )
            geocoder.says("Thirty sites are on the map.")
        archive(r, "Depot North")


STORIES = [
    Story("need-more-context", langsmith, need_more_context, context_given,
          (Say("loop.cycle loop.pingpong", "critical", "likely", "paralegal counsel", ("×14", r"[\d,]+ tokens", r"\d s\b", "ceiling of 5"), lambda s: s.agent in ("paralegal", "counsel")),)),
    Story("supervisor-trap", langsmith, supervisor_trap(9), context_fetched,
          (Say("handoff.ambiguous loop.cycle loop.pingpong", "high", "likely", "dispatcher matcher", (r"\b9\b", r"\$1\.[68]"),),)),
    Story("supervisor-trap-at-the-second", langsmith, supervisor_trap(2), context_fetched,
          (Say("handoff.ambiguous loop.cycle loop.pingpong", "high", "likely", "dispatcher matcher", (r"\b2\b", r"\$0\.\d")),)),
    Story("unparsable-reply", otel_genai, unparsable_reply, parsable_replies,
          (Say("handoff.parse loop.cycle handoff.schema", "high", "likely", "reader bookkeeper", (r"\b6\b",), lambda s: s.agent == "reader"),), most=1),
    Story("circular-wait", otel_genai, circular_wait, chain_of_waits,
          (Say("wait.deadlock wait.stall", "critical", "likely", "pricing stock shipping", ("pricing.*stock.*shipping.*pricing|stock.*shipping.*pricing.*stock|shipping.*pricing.*stock.*shipping", r"\b(8[789]|9[01])(\.\d)? s")),)),
    Story("two-next-steps", openinference, next_steps("offer_refund", "send_replacement"), next_steps("offer_refund", "offer_refund"),
          (Say("decision.conflict", "medium", "likely", "retention compliance", ("offer_refund", "send_replacement", "CP-311", "clerk|won|carried")),)),
    Story("forwarded", otel_genai, forwarded, delegated,
          (Say("deleg.cycle deleg.depth loop.cycle", "high", "likely", "metering billing field_ops", (r"\b[78]\b", "no work|none|nobody|nothing"), lambda s: s.agent in ("metering", "billing", "field_ops")),)),
    Story("improve-until-perfect", json_lines, improve_until_perfect, final_after_two,
          (Say("loop.refine loop.cycle loop.pingpong loop.turns token.spike", "medium", "likely", "stylist grader", (r"\b1[12]\b", r"[\d,]+ tokens")),)),
    Story("hopeless-retry", openinference, hopeless_retry, recovered_retry,
          (Say("loop.retry loop.cycle", "high", "likely", "fleet_agent", (r"\b9\b", "401|HTTPStatusError", r"\d ms|\d s"), lambda s: s.name == "list_vehicles"),)),
    Story("hopeless-retry-polling", openinference, None, polling, (Say("loop.retry loop.cycle", "high", "likely"),), silent="loop retry wait"),
    Story("no-ceiling", langsmith, no_ceiling, five_turns,
          (Say("loop.turns loop.cycle", "high", "likely", "scout", (r"\b50\b", "[Rr]ecursion")),)),
]  # fmt: skip


@faults(STORIES)
def test_the_fault_is_found(story: Story, tmp_path: Path) -> None:
    check_found(story, tmp_path)


@twins(STORIES)
def test_the_repaired_twin_is_silent(story: Story, tmp_path: Path) -> None:
    check_silent(story, tmp_path)
