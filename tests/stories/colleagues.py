"""Agents whose work is in order, before and after whatever a story is about."""

from __future__ import annotations

from tests.stories.recording import Recording


def intake(run: Recording, subject: str) -> None:
    with run.agent("intake", f"Open a file on {subject}.") as clerk:
        clerk.calls("crm_lookup", {"customer": subject}, {"customer": subject, "tier": "gold", "since": 2019})
        clerk.says(f"The file on {subject} is open: gold tier, a customer since 2019.")


def archive(run: Recording, subject: str) -> None:
    with run.agent("archivist", f"File what was done for {subject}.") as archivist:
        archivist.calls(
            "store_document", {"subject": subject, "kind": "summary"}, {"stored": True, "document": "D-5512"}
        )
        archivist.says(f"The summary for {subject} is stored as D-5512.")
