"""Field stories, 4: shared state, and what cannot be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stories.colleagues import archive, intake
from tests.stories.conventions import json_lines, langsmith, openinference, otel_genai
from tests.stories.recording import Recording, Step
from tests.stories.telling import Say, Story, check_found, check_silent, faults, twins


def write_state(r: Recording, key: str, version: int, value: Any, **more: Any) -> Step:
    return r.other(
        "state.write", state__key=key, state__op="write", state__version=version, state__value=json.dumps(value), **more
    )


def read_state(r: Recording, key: str, version: int, value: Any) -> Step:
    return r.other(
        "state.read", state__key=key, state__op="read", state__version=version, state__value=json.dumps(value)
    )


def lost_update(reads_again: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        profile = {"step": 6, "interests": ["ski"]}
        with r.run("newsletter", "Refresh the profile of reader 90."):
            intake(r, "reader 90")
            begin = r.now
            with r.agent("click_miner", "Add what reader 90 clicked.", at=begin) as miner:
                read_state(r, "profile:90", 6, profile)
                miner.says("Reader 90 clicked on sailing.", seconds=1.0)
                mined = {"step": 7, "interests": ["ski", "sailing"]}
                write_state(r, "profile:90", 7, mined)
            with r.agent(
                "survey_reader", "Add what reader 90 answered.", at=r.now if reads_again else begin + 0.1
            ) as reader:
                seen = mined if reads_again else profile
                read_state(r, "profile:90", seen["step"], seen)
                reader.says("Reader 90 likes cooking.", seconds=2.0)
                write_state(
                    r,
                    "profile:90",
                    seen["step"] + 1,
                    {"step": seen["step"] + 1, "interests": [*seen["interests"], "cooking"]},
                )
            with r.agent("mailer", "Write to reader 90.") as mailer:
                mailer.says("Dear reader, here is something new for you.")
            archive(r, "reader 90")

    return write


def redis(r: Recording, operation: str, query: str, **more: Any) -> Step:
    return r.other(
        operation, seconds=0.004, db__system__name="redis", db__operation__name=operation, db__query__text=query, **more
    )


def stale_list(appends: bool) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        found = [{"lot": 11}, {"lot": 12}]
        with r.run("auction-watch", "Watch the auction of Thursday."):
            intake(r, "auction")
            begin = r.now
            with r.agent("bidder", "Note the lots worth a bid.", at=begin) as bidder:
                if not appends:
                    redis(r, "GET", "GET lots:thursday", state__value=json.dumps(found))
                bidder.says("Lot 31 is worth a bid.", seconds=3.0)
                if appends:
                    redis(r, "RPUSH", f"RPUSH lots:thursday {json.dumps({'lot': 31})}")
                else:
                    redis(r, "SET", f"SET lots:thursday {json.dumps([*found, {'lot': 31}])}")
            end = r.now
            with r.agent("appraiser", "Note the lots that are underpriced.", at=begin + 1.0) as appraiser:
                appraiser.says("Lot 27 is underpriced.", seconds=0.7)
                redis(r, "RPUSH", f"RPUSH lots:thursday {json.dumps({'lot': 27})}")
            r.now = end
            with r.agent("caller", "Call in the bids.") as caller:
                noted = [{"lot": 27}] * appends + [{"lot": 31}]
                redis(
                    r,
                    "LRANGE" if appends else "GET",
                    "LRANGE lots:thursday 0 -1" if appends else "GET lots:thursday",
                    state__value=json.dumps(found + noted),
                )
                caller.says(f"I bid on {len(found + noted)} lots.")
            archive(r, "auction")

    return write


def conflicts(refused: tuple[int, ...]) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        with r.run("stock-sync", "Bring all shelves up to date."):
            intake(r, "shelves")
            stored: dict[str, tuple[int, int]] = {}
            for n in range(30):
                with r.agent("counter" if n % 2 else "restocker", f"Shelf {n}: bring it up to date.") as agent:
                    agent.calls("scan", {"shelf": n}, {"shelf": n, "count": 31 * n % 47})
                    for part in range(4):
                        key = "totals" if part == 3 else f"shelf:{n}:{part}"
                        version, count = stored.get(key, (1, 0))
                        read_state(r, key, version, {"count": count})
                        if n * 4 + part in refused:
                            write_state(
                                r,
                                key,
                                version + 1,
                                {"count": count + n},
                                error=("VersionConflictError", f"{key} has changed since it was read"),
                            )
                            version, count = version + 1, count + 5
                            read_state(r, key, version, {"count": count})
                        stored[key] = (version + 1, count + n)
                        write_state(r, key, version + 1, {"count": count + n})
                    agent.says(f"Shelf {n} is up to date: {31 * n % 47} pieces.")
            archive(r, "shelves")

    return write


def state_growth(keeps: int | None) -> Callable[[Recording], None]:
    def write(r: Recording) -> None:
        notes: list[str] = []
        with r.run("research", "Collect what is known about basalt fibre."):
            for n in range(24):
                name = "collector" if n % 2 else "checker"
                with r.agent(
                    name, {"topic": "basalt fibre", "notes": list(notes)}, attributes={"langgraph_step": n + 1}
                ) as agent:
                    agent.messages[1:] = [
                        {"role": "user", "content": f"Note {n}: find something new about basalt fibre."}
                    ]
                    agent.says(f"Note {n}: plant {n * 7} spins {n * 13} tons a year.")
                    notes.append(f"Note {n}: " + f"plant {n * 7} spins {n * 13} tons of basalt a year; " * 116)
                    notes = notes[-keeps:] if keeps else notes
                    agent.step.output = {"notes": list(notes)}

    return write


def payment(r: Recording, key: str | None) -> None:
    charge = {"customer": "K-31", "amount": 129.9, "currency": "EUR"} | ({"idempotency_key": key} if key else {})
    with r.run("subscription", "Renew the subscription of K-31."):
        intake(r, "K-31")
        with r.agent("cashier", "Charge K-31 129.90 EUR.") as cashier:
            cashier.calls("charge_card", charge, error=("ReadTimeout", "no answer within 10 s"), seconds=10.0)
            cashier.calls("charge_card", charge, {"status": "succeeded", "charge": "ch_82"}, seconds=1.0)
            cashier.calls(
                "list_charges",
                {"customer": "K-31"},
                [{"charge": "ch_81", "amount": 129.9}, {"charge": "ch_82", "amount": 129.9}]
                if not key
                else [{"charge": "ch_81", "amount": 129.9}],
            )
            cashier.says("K-31 is charged 129.90 EUR.")
        archive(r, "K-31")


STORIES = [
    Story("lost-update", otel_genai, lost_update(False), lost_update(True),
          (Say("race.lost_update race.stale_read", "high", "certain", "click_miner survey_reader", ("click_miner", "survey_reader", "sailing"), lambda s: s.name == "state.write"),)),
    Story("stale-list", openinference, stale_list(False), stale_list(True),
          (Say("race.lost_update race.stale_read", "high", "likely", "bidder appraiser", ("bidder", "appraiser", "27"), lambda s: s.name in ("SET", "RPUSH")),)),
    Story("conflicts", json_lines, conflicts((7, 31, 63, 95)), conflicts((63,)),
          (Say("race.conflicts", "medium", "certain", "counter restocker", (r"\b4\b", r"\b12[04]\b", "totals"), lambda s: s.error is not None),)),
    Story("state-growth", langsmith, state_growth(None), state_growth(4),
          (Say("state.growth", "medium", "certain", "collector checker", ("notes", r"\d ?[kK]i?B")),), slow=True),
    Story("retry-without-key", openinference, lambda r: payment(r, None), lambda r: payment(r, "renew-K-31-2026-03"),
          (Say("retry.no_idempotency", "high", "likely", "cashier", ("charge_card", "129.9", "key"), lambda s: s.name == "charge_card"),)),
]  # fmt: skip


@faults(STORIES)
def test_the_fault_is_found(story: Story, tmp_path: Path) -> None:
    check_found(story, tmp_path)


@twins(STORIES)
def test_the_repaired_twin_is_silent(story: Story, tmp_path: Path) -> None:
    check_silent(story, tmp_path)
