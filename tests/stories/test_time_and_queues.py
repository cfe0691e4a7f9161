"""Field stories, 5: time, queues, infrastructure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.stories.colleagues import archive, intake
from tests.stories.conventions import json_lines, langsmith, openinference, otel_genai
from tests.stories.recording import Recording
from tests.stories.telling import Say, Story, check_found, check_silent, faults, twins

TOO_MANY = (
    "HTTPStatusError",
    "Client error '429 Too Many Requests' for url 'https://geo.example/v1/locate', retry-after: 30",
)


def burst_429(r: Recording) -> None:
    with r.run("address-cleaning", "Clean 100 addresses."):
        intake(r, "addresses")
        with r.agent("cleaner", "Clean 100 addresses.") as cleaner:
            cleaner.says("I locate all of them at once.")
            begin = r.now
            for n in range(100):
                r.now = begin + n * 0.09
                refused = n >= 60
                cleaner.runs(
                    "locate",
                    {"address": f"Kongevej {n}"},
                    None if refused else {"lat": 55 + n / 100},
                    TOO_MANY if refused else None,
                    seconds=0.2,
                )
            cleaner.says("I cleaned 60 addresses.")
        archive(r, "addresses")


def throttled(r: Recording) -> None:
    with r.run("address-cleaning", "Clean 20 addresses."):
        intake(r, "addresses")
        with r.agent("cleaner", "Clean 20 addresses.") as cleaner:
            cleaner.says("I locate one after the other.")
            for n in range(20):
                if n in (7, 15):
                    cleaner.runs(
                        "locate",
                        {"address": f"Kongevej {n}"},
                        error=("HTTPStatusError", "Client error '429 Too Many Requests', retry-after: 2"),
                        seconds=0.2,
                    )
                    r.now += 2.1
                cleaner.runs("locate", {"address": f"Kongevej {n}"}, {"lat": 55 + n / 100}, seconds=0.2)
            cleaner.says("I cleaned 20 addresses.")
        archive(r, "addresses")


def attempts(succeeds: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("order-intake", "Take the orders of Monday."):
            intake(r, "Monday's orders")
            with r.agent("order_desk", "Take the orders of Monday.") as desk:
                desk.says("Three orders go to the packer.")
                for number in ("ord-701", "ord-702", "ord-703"):
                    r.other(
                        "orders send",
                        messaging__operation__type="send",
                        messaging__destination__name="orders",
                        messaging__message__id=number,
                    )
            with r.agent("packer", "Pack what is in the queue.") as packer:
                for number in ("ord-701", "ord-702", "ord-703"):
                    fails = number != "ord-702"
                    for attempt in range(3 if fails else 1):
                        error = (
                            ("PackingError", f"no box fits {number}")
                            if fails and not (succeeds and attempt == 2)
                            else None
                        )
                        r.other(
                            "orders process",
                            seconds=0.4,
                            error=error,
                            messaging__operation__type="process",
                            messaging__destination__name="orders",
                            messaging__message__id=number,
                        )
                        r.now += 2.0**attempt
                    if fails and not succeeds:
                        r.other(
                            "dead_letter:packer send",
                            messaging__operation__type="send",
                            messaging__destination__name="dead_letter:packer",
                            messaging__message__id=number,
                        )
                packer.says("The queue is empty.")
            archive(r, "Monday's orders")

    return write


def left_processing(r: Recording) -> None:
    with r.run("translations", "Translate the manual."):
        intake(r, "manual")
        with r.agent("planner", "Translate the manual.") as planner:
            planner.says({"task": "chapter-4", "status": "pending"})
        begin = r.now
        with r.agent("translator", "Translate chapter-4.", ends=False) as translator:
            r.other(
                "state.set",
                state__key="task:chapter-4",
                state__op="write",
                state__value='{"task": "chapter-4", "status": "processing"}',
            )
            translator.calls("glossary", {"chapter": 4}, {"terms": 31})
        r.now = begin + 5
        with r.agent("layouter", "Lay out chapters 1 to 3.", at=begin + 5) as layouter:
            for chapter in (1, 2, 3):
                layouter.calls("typeset", {"chapter": chapter}, {"pages": 12 + chapter}, seconds=80)
            layouter.says("Chapters 1 to 3 are laid out.")
        archive(r, "manual")


def taken_over(r: Recording) -> None:
    with r.run("translations", "Translate the manual."):
        intake(r, "manual")
        with r.agent("planner", "Translate the manual.") as planner:
            planner.says({"task": "chapter-4", "status": "pending"})
        with r.agent("translator", "Translate chapter-4.", error=("ConnectionError", "worker lost")) as translator:
            r.other(
                "state.set",
                state__key="task:chapter-4",
                state__op="write",
                state__value='{"task": "chapter-4", "status": "processing"}',
            )
            translator.calls("glossary", {"chapter": 4}, {"terms": 31})
        with r.agent("watchdog", "Look for lost tasks.") as watchdog:
            r.other(
                "state.set",
                state__key="task:chapter-4",
                state__op="write",
                state__value='{"task": "chapter-4", "status": "pending"}',
            )
            watchdog.says("chapter-4 was lost and is pending again.")
        with r.agent("translator_2", "Translate chapter-4.") as second:
            r.other(
                "state.set",
                state__key="task:chapter-4",
                state__op="write",
                state__value='{"task": "chapter-4", "status": "processing"}',
            )
            second.calls("glossary", {"chapter": 4}, {"terms": 31})
            second.says("Kapitel 4 ist übersetzt.")
            r.other(
                "state.set",
                state__key="task:chapter-4",
                state__op="write",
                state__value='{"task": "chapter-4", "status": "completed"}',
            )
        archive(r, "manual")


def research(r: Recording, links: list[tuple[int, str]] | None = None) -> None:
    with r.agent("fact_finder", "Find three facts on tides.", links=links or []) as finder:
        finder.calls("library", {"q": "tides"}, [{"fact": "The highest tide is 16 m."}], seconds=2)
        finder.says("The highest tide is 16 m, in the Bay of Fundy.")


def host(r: Recording, session: str, start: Callable[[], None]) -> None:
    with r.run("podcast", "Prepare the episode on tides.", session=session):
        intake(r, "episode on tides")
        with r.agent("host_agent", "Prepare the episode on tides.") as agent:
            agent.says("I let the facts be found meanwhile.")
            begin = r.now
            start()
            r.now = begin + 0.05
            agent.calls("calendar", {"show": "tides"}, {"slot": "Friday"}, seconds=3)
            agent.says("The episode on tides is on Friday.", seconds=6)
        archive(r, "episode on tides")


def background_outside(r: Recording) -> None:
    def start() -> None:
        with r.detached("show-12"):
            research(r)

    host(r, "show-12", start)


def background_outside_in_a_chain(r: Recording) -> None:
    def start() -> None:
        with r.run("background_research", session="show-12", at=r.now):
            research(r)

    host(r, "show-12", start)


def background_inside(r: Recording) -> None:
    def linked() -> None:
        starter = next(one for one in reversed(r.steps) if one.kind == "agent")
        with r.detached("show-13"):
            research(r, [(starter.trace, starter.id)])

    host(r, "show-12", lambda: research(r))
    host(r, "show-13", linked)
    beside = r.now + 60
    host(r, "show-14", lambda: research(r))
    r.now = beside - 58
    host(r, "show-15", lambda: research(r))


def gap(between: Callable[[Recording], None]) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for n in range(8):
            with r.run("loan-file", f"Decide loan {n}."):
                intake(r, f"loan {n}")
                with r.agent("underwriter", f"Rate loan {n}.") as underwriter:
                    underwriter.calls("score", {"loan": n}, {"score": 600 + 7 * n})
                    underwriter.says(f"Loan {n} is rated {600 + 7 * n}.")
                if n == 5:
                    between(r)
                with r.agent("notary", f"Seal loan {n}.") as notary:
                    notary.says(f"Loan {n} is sealed.")

    return write


def nothing_for_a_minute(r: Recording) -> None:
    r.now += 66


def approval(r: Recording) -> None:
    with r.agent("underwriter", "Get the approval.") as underwriter:
        underwriter.runs("request_approval", {"loan": 5}, {"approved": True, "by": "M. Juhl"}, seconds=66)


def slow_call(hangs: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for n in range(9):
            with r.run("travel-desk", f"Rebook trip {n}."):
                intake(r, f"trip {n}")
                with r.agent("rebooker", f"Rebook trip {n}.") as rebooker:
                    if n % 3 == 2 and not hangs:
                        rebooker.runs("seat_map", {"trip": n}, error=("ReadTimeout", "no answer within 4 s"), seconds=4)
                    rebooker.calls(
                        "seat_map", {"trip": n}, {"seat": f"{n + 3}A"}, seconds=310 if n % 3 == 2 and hangs else 0.6
                    )
                    rebooker.says(f"Trip {n} is rebooked, seat {n + 3}A.")
                archive(r, f"trip {n}")

    return write


def breaker(trips: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("credit-line", "Raise the credit line of B-44."):
            intake(r, "B-44")
            failure = ("CircuitBreakerOpen", "5 failures within 60 s reached the limit of 5") if trips else None
            with r.agent("credit_agent", "Raise the credit line of B-44.", error=failure) as agent:
                for n in range(5 if trips else 1):
                    agent.runs(
                        "bureau",
                        {"customer": "B-44", "bureau": n},
                        None if trips else {"score": 712},
                        ("ServiceUnavailable", f"bureau {n} is down") if trips else None,
                    )
                if not trips:
                    agent.says("The credit line of B-44 is raised to 20,000.")
            if trips:
                with r.agent("router", "credit_agent was stopped for B-44.") as router:
                    router.calls(
                        "escalate_to_human",
                        {"case": "B-44", "reason": "bureaus are down"},
                        {"ticket": "H-3", "queue": "credit desk"},
                    )
                    router.says("A colleague takes over case B-44.")
            archive(r, "B-44")

    return write


STORIES = [
    Story("burst-429", openinference, burst_429, throttled,
          (Say("rate.storm", "high", "certain", "cleaner", (r"\b100\b", r"\b40\b", "retry-after"), lambda s: s.name == "locate"),)),
    Story("dead-letters", json_lines, attempts(False), attempts(True),
          (Say("dlq.loss task.abandoned", "high", "certain", "packer", ("ord-701", "ord-703", r"\b2\b"),),)),
    Story("left-processing", otel_genai, left_processing, taken_over,
          (Say("task.abandoned trace.orphan", "high", "certain", "translator", ("chapter-4", r"2[45]\d(\.\d)? s|4 ?m"), lambda s: s.name == "translator"),), silent="task"),
    Story("background-outside", otel_genai, background_outside, background_inside,
          (Say("trace.split trace.orphan trace.blind", "medium", "likely", "fact_finder host_agent", ("show-12",), lambda s: s.name == "fact_finder"),)),
    Story("background-under-a-root-of-its-own", openinference, background_outside_in_a_chain, background_inside,
          (Say("trace.split trace.orphan trace.blind", "medium", "likely", "fact_finder host_agent", ("show-12",)),)),
    Story("latency-without-culprit", langsmith, gap(nothing_for_a_minute), gap(approval),
          (Say("wait.stall time.wall time.p95", "high", "likely", "underwriter notary", (r"66(\.\d)? s", r"\d+ ?%")),), silent="wait"),
    Story("no-timeout", openinference, slow_call(True), slow_call(False),
          (Say("time.timeout time.wall wait.stall", "high", "likely", "rebooker", (r"310(\.\d)? s|5m ?10|5\.2 min|5 min 10", r"45|30 s", r"\d+ ?%"), lambda s: s.name == "seat_map"),), silent="time"),
    Story("breaker-and-person", json_lines, breaker(True), breaker(False),
          (Say("breaker.trip", "high", "certain", "credit_agent", ("limit of 5", "5 failures")), Say("human.escalation", "info", "likely", "router"))),
]  # fmt: skip


@faults(STORIES)
def test_the_fault_is_found(story: Story, tmp_path: Path) -> None:
    check_found(story, tmp_path)


@twins(STORIES)
def test_the_repaired_twin_is_silent(story: Story, tmp_path: Path) -> None:
    check_silent(story, tmp_path)
