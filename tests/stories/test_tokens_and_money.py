"""Field stories, 2: tokens and money."""

from __future__ import annotations

from collections.abc import Callable
from math import sin
from pathlib import Path
from random import Random

from tests.stories.colleagues import archive, intake
from tests.stories.conventions import json_lines, langsmith, openinference, otel_genai
from tests.stories.recording import Recording, size
from tests.stories.telling import Say, Story, check_found, check_silent, faults, twins

PLACES = [
    "Aarhus",
    "Bergen",
    "Cork",
    "Dresden",
    "Evora",
    "Ferrara",
    "Ghent",
    "Hamar",
    "Izmir",
    "Jena",
    "Kotor",
    "Lugano",
]
TRADES = [
    "printing",
    "tanning",
    "milling",
    "dyeing",
    "casting",
    "weaving",
    "brewing",
    "baking",
    "glazing",
    "turning",
    "roofing",
]


VERBS = ["rose", "fell", "halved", "doubled", "stalled", "recovered", "peaked"]
CAUSES = [
    "strikes",
    "a mild winter",
    "new looms",
    "cheap grain",
    "the canal",
    "a fire",
    "higher tolls",
    "good roads",
    "a fair",
    "peace",
    "the plague",
    "coal",
    "migration",
]


def prose(topic: str, sentences: int) -> str:
    """Sentences of some seventy characters; other topics have others."""
    chance = Random(topic)
    return " ".join(
        f"In {chance.choice(PLACES)} the {topic.split()[0]} of {chance.choice(TRADES)} {chance.choice(VERBS)} to {chance.randrange(9000)} after {chance.choice(CAUSES)} and {chance.choice(CAUSES)}."
        for _ in range(sentences)
    )


OPENINGS = ["Please tell me", "Could you say", "I would like to know", "Do we know", "Find out", "Check once more"]
SUBJECTS = [
    "whether order 88-12 has left the warehouse",
    "if order 88-12 was shipped from the warehouse",
    "whether the warehouse has sent order 88-12",
]
ENDINGS = ["today", "by now", "already", "so far", "yet", "at this point", "this morning"]


def weekend_fanout(r: Recording) -> None:
    with r.run("order-status", "Where is order 88-12?"):
        intake(r, "order 88-12")
        with r.agent("coordinator", "Where is order 88-12?") as coordinator:
            coordinator.says("I ask the warehouse agents.")
            begin = r.now
            for n in range(126):
                question = f"{OPENINGS[n % 6]} {SUBJECTS[n % 3]} {ENDINGS[n % 7]}."
                with r.agent("warehouse_agent", question, model="gpt-4o", at=begin + n * 0.02) as asked:
                    for _ in range(2):
                        asked.says(
                            "I have to ask the coordinator about this order.",
                            seconds=6,
                            tokens=(10_400, 400),
                            cost=0.03,
                        )
        archive(r, "order 88-12")


def dozen_questions(r: Recording) -> None:
    with r.run("order-status", "Make the weekly report."):
        intake(r, "weekly report")
        with r.agent("coordinator", "Make the weekly report.") as coordinator:
            coordinator.says("I ask for each region.")
            for third in range(4):
                begin = r.now
                for place, trade in list(zip(PLACES, [*TRADES, "painting"], strict=True))[third * 3 : third * 3 + 3]:
                    with r.agent("region_agent", f"How did {trade} do in {place}?", model="gpt-4o", at=begin) as asked:
                        asked.calls(
                            "sales", {"region": place, "trade": trade}, {"units": len(place) * 37, "trade": trade}
                        )
                        asked.says(f"{trade} in {place}: {len(place) * 37} units.", cost=0.03)
        archive(r, "weekly report")


def history(carried: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("market-scan", "Scan the market of twenty trades."):
            intake(r, "market scan")
            with r.agent("scanner", "Scan the market of twenty trades, one after the other.") as scanner:
                for n in range(20):
                    scanner.calls("market_report", {"trade": f"{TRADES[n % 11]} {n}"}, prose(f"output {n}", 28))
                    if not carried:
                        scanner.messages[2:] = scanner.messages[-2:]
                scanner.says("Eleven trades grew, nine shrank.")
            archive(r, "market scan")

    return write


TASK = (
    "Plan a study trip for 18 people. The budget is 9,400 EUR. Nobody may travel by plane. Every hotel must be free of steps. "
    "Answer in Danish. Leave out Cork."
)


def forgot_the_task(r: Recording) -> None:
    with r.run("study-trip", TASK):
        intake(r, "study trip")
        with r.agent("planner", TASK, model="gpt-4") as planner:
            for n in range(14):
                planner.calls("guide", {"place": PLACES[n % 12], "season": n // 12}, prose(f"visitors {n}", 38))
                while sum(map(size, planner.messages)) > 7900:
                    del planner.messages[0]
            planner.says("The mills of Ferrara have grown without a break since 1950, and roofing has followed them.")
        archive(r, "study trip")


def remembered_the_task(r: Recording) -> None:
    with r.run("study-trip", TASK):
        intake(r, "study trip")
        with r.agent("planner", TASK, model="gpt-4") as planner:
            for n in range(10):
                planner.calls("guide", {"place": PLACES[n]}, prose(f"visitors {n}", 38))
                for message in planner.messages[:-2]:
                    if message["role"] == "tool" and len(message["content"]) > 200:
                        message["content"] = message["content"][:60]
            planner.says("Rejsen går med tog til Aarhus og Bergen, 18 personer, 9.150 EUR, hoteller uden trin.")
        archive(r, "study trip")


def summary(whole: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("annual-report", "Write the chapter on trades."):
            intake(r, "annual report")
            with r.agent("summariser", "Sum up the year.") as summariser:
                text = prose("turnover", 110)
                summariser.says(text)
            given = (
                text
                if whole
                else "Gist: turnover grew in eleven trades of twelve towns. Full text: doc://summaries/2026-03"
            )
            with r.agent("author", f"Write the chapter from this:\n{given}") as author:
                author.says("The year was good for weavers and hard for tanners.")
            with r.agent(
                "critic", f"Review the chapter against this:\n{given}\nChapter: The year was good for weavers."
            ) as critic:
                critic.says("Tanners recovered in autumn, which is missing.")
            with r.agent("copy_editor", f"Give it the last polish, with this at hand:\n{given}") as copy_editor:
                copy_editor.says("A good year for weavers; tanners recovered in autumn.")
            archive(r, "annual report")

    return write


def once_more_to_be_sure(r: Recording) -> None:
    row = {"sku": "BX-7", "stock": 412, "supplier": "Holm", "note": prose("stock", 8)}
    with r.run("restock", "Prepare the order for BX-7."):
        intake(r, "BX-7")
        with r.agent("buyer", "Prepare the order for BX-7.") as buyer:
            buyer.calls("stock_level", {"sku": "BX-7"}, row)
            buyer.calls("price_list", {"supplier": "Holm"}, {"BX-7": 3.2})
            buyer.calls("stock_level", {"sku": "BX-7"}, row)
            buyer.calls("lead_time", {"supplier": "Holm"}, {"days": 12})
            buyer.calls("stock_level", {"sku": "BX-7"}, row)
            buyer.calls("forecast", {"sku": "BX-7", "weeks": 6}, {"units": 900})
            buyer.calls("stock_level", {"sku": "BX-7"}, row)
            buyer.says("Order 500 of BX-7 from Holm at 3.20.")
        archive(r, "BX-7")


def page_by_page(r: Recording) -> None:
    with r.run("restock", "Prepare the order for BX-7."):
        intake(r, "BX-7")
        with r.agent("buyer", "Prepare the order for BX-7.") as buyer:
            for page in range(1, 6):
                rows = [{"sku": f"BX-{page * 10 + n}", "stock": 31 * page + n} for n in range(5)]
                buyer.calls("stock_levels", {"prefix": "BX", "page": page}, rows)
            buyer.says("Order 500 of BX-7 from Holm at 3.20.")
        archive(r, "BX-7")


VISIBLE = [
    "Where is my parcel?",
    "Change the address to Kirkegade 4.",
    "And bill my company.",
    "Send the bill by mail.",
    "Thank you!",
]


def hidden_calls(r: Recording) -> None:
    with r.run("parcel-chat", session="c-88"):
        intake(r, "parcel 5-512")
        for n, text in enumerate(VISIBLE):
            with r.agent("parcel_agent", text) as agent:
                for system, answer in (
                    (
                        "Classify the intent of the message and route it: status, address, billing or other.",
                        ["status", "address", "billing", "billing", "other"][n],
                    ),
                    (
                        "Summarise the conversation so far for the memory.",
                        f"The customer has written {n + 1} messages about parcel 5-512.",
                    ),
                    ("Extract the fields of the message as JSON.", '{"parcel": "5-512", "message": ' + str(n + 1)),
                    ("Repair the JSON. Return valid JSON only.", '{"parcel": "5-512", "message": ' + str(n + 1) + "}"),
                ):
                    agent.messages[:] = [{"role": "system", "content": system}, {"role": "user", "content": text}]
                    agent.says(answer, seconds=0.5)
                agent.messages[:] = [
                    {"role": "system", "content": "Answer the customer."},
                    {"role": "user", "content": text},
                ]
                agent.says(
                    [
                        "It arrives on Monday.",
                        "The address is changed.",
                        "Billed to Holm ApS.",
                        "It is in your mail.",
                        "You are welcome.",
                    ][n]
                )
        archive(r, "parcel 5-512")


def plain_calls(r: Recording) -> None:
    with r.run("parcel-chat", session="c-88"):
        intake(r, "parcel 5-512")
        for n, text in enumerate(VISIBLE):
            with r.agent("parcel_agent", text) as agent:
                if n < 3:
                    agent.calls("parcel", {"id": "5-512", "step": n}, {"arrives": "Monday", "step": n})
                agent.says(
                    [
                        "It arrives on Monday.",
                        "The address is changed.",
                        "Billed to Holm ApS.",
                        "It is in your mail.",
                        "You are welcome.",
                    ][n]
                )
        archive(r, "parcel 5-512")


def triage(sorter: str, writer: str) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for n in range(24):
            with r.run("letters", f"Letter {n}"):
                letter = f"Letter {n}: {prose(f'letters {n}', 6)}"
                with r.agent(
                    "sorter", letter, model=sorter, system="Answer with one word: refund, complaint or question."
                ) as agent:
                    agent.says(["refund", "complaint", "question"][n * 7 % 3])
                with r.agent("letter_writer", letter, model=writer) as agent:
                    agent.says(f"Dear reader, thank you for letter {n}. " + prose(f"answers {n}", 4))

    return write


def spending(calls: int, each: float) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("due-diligence", "Look into Holm ApS."):
            intake(r, "Holm ApS")
            with r.agent("analyst", "Look into Holm ApS.", model="gpt-4o") as analyst:
                for n in range(calls):
                    analyst.messages[2:] = []
                    analyst.calls(
                        "filings",
                        {"company": "Holm ApS", "year": 2001 + n},
                        {"year": 2001 + n, "profit": 310 + 17 * n * n},
                        cost=each,
                    )
            with r.agent("reporter", "Report on Holm ApS.", model="gpt-4o") as reporter:
                reporter.says("Holm ApS has grown in most years.", cost=each)
            archive(r, "Holm ApS")

    return write


def month(factor: Callable[[int], float]) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        for day in range(28):
            with r.run("daily-brief", f"Brief of day {day + 1}", at=day * 86_400.0):
                with r.agent("gatherer", f"Gather the news of day {day + 1}.", model="gpt-4o") as gatherer:
                    prompt = round(6000 * factor(day))
                    gatherer.says(
                        f"Day {day + 1}: {prose(f'news {day}', 3)}", tokens=(prompt, 200), cost=prompt * 2.5e-6 + 0.002
                    )
                with r.agent("briefer", f"Write the brief of day {day + 1}.", model="gpt-4o") as briefer:
                    briefer.says(
                        f"The brief of day {day + 1}. {prose(f'brief {day}', 2)}", tokens=(800, 300), cost=0.005
                    )

    return write


STORIES = [
    Story("weekend-fanout", otel_genai, weekend_fanout, dozen_questions,
          (Say("cost.fanout", "high", "likely", "coordinator warehouse_agent", (r"\b126\b", r"\$7\.5", "cop(y|ies)|alike|same question|the same")),), silent="cost redundant"),
    Story("weekend-fanout-in-langsmith", langsmith, weekend_fanout, dozen_questions,
          (Say("cost.fanout", "high", "likely", "coordinator warehouse_agent", (r"\b126\b", r"\$7\.5", "cop(y|ies)|alike|same")),), silent="cost redundant"),
    Story("history-carried", openinference, history(True), history(False),
          (Say("context.growth context.overflow", "medium", "certain", "scanner", (r"[\d,]+ tokens", r"\d+ ?%"), lambda s: s.agent == "scanner"),)),
    Story("forgot-the-task", otel_genai, forgot_the_task, remembered_the_task,
          (Say("context.overflow", "high", "likely", "planner", (r"8,192", r"\d+ ?%", "9,400|Danish|plane|Cork"), lambda s: s.agent == "planner"),)),
    Story("same-summary-thrice", langsmith, summary(True), summary(False),
          (Say("redundant.reading", "low", "certain", "summariser author critic copy_editor", (r"\b3\b|three", r"\d,\d\d\d tokens")),)),
    Story("once-more-to-be-sure", openinference, once_more_to_be_sure, page_by_page,
          (Say("redundant.calls loop.cycle", "medium", "likely", "buyer", (r"\b[34]\b", "tokens", r"\d (s|ms)\b|\.\d s"), lambda s: s.name == "stock_level"),)),
    Story("hidden-calls", json_lines, hidden_calls, plain_calls,
          (Say("calls.hidden", "low", "certain", "parcel_agent", ("5 model calls", "rout|classif", "memory|summar", "repair")),)),
    Story("dear-triage", otel_genai, triage("gpt-4", "gpt-4o-mini"), triage("gpt-4o-mini", "gpt-4"),
          (Say("model.routing", "low", "likely", "sorter", (r"\b24\b", r"\b3\b|three", r"×|times", r"\$")),)),
    Story("budget", otel_genai, spending(40, 0.2), spending(7, 0.2),
          (Say("budget.breach", "critical", "certain", "analyst", (r"\$5", r"\$(3\.[024]|8\.)"), lambda s: s.agent == "analyst"),)),
    Story("budget-warned", langsmith, spending(20, 0.2), spending(3, 0.2),
          (Say("budget.breach", "medium", "certain", "analyst", (r"\$5", r"75|84|80"), lambda s: s.agent == "analyst"),)),
    Story("cost-drift", langsmith, month(lambda day: 1 + day * 1.25 / 27), month(lambda day: 1 + 0.06 * sin(day * 2.1)),
          (Say("cost.drift cost.baseline token.spike", "medium", "likely", "gatherer", (r"[12]\.\d×",)),)),
]  # fmt: skip


@faults(STORIES)
def test_the_fault_is_found(story: Story, tmp_path: Path) -> None:
    check_found(story, tmp_path)


@twins(STORIES)
def test_the_repaired_twin_is_silent(story: Story, tmp_path: Path) -> None:
    check_silent(story, tmp_path)
