"""Spans with secrets in, a store without them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("detect_secrets", reason="the extra `redact` is not installed")

from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store
from tests.stores import otlp

SECRETS = ("ann@x.org", "bob@x.org", "hunter2-x9", "4111", "abcdef123456789")


def span(number: int, text: str, **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "parts": [{"type": "text", "content": text}]}]
    return {
        "id": f"{number:016x}",
        "name": "chat gpt-4o",
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.input.messages": json.dumps(said),
            "http.request.header.authorization": "Bearer abcdef123456789",
            "user.id": "ann@x.org",
            **more,
        },
        "events": [
            {"name": "password is hunter2-x9"},
            {"name": "exception", "attributes": {"exception.message": "no such card 4111111111111111"}},
        ],
        "status": {"code": 2, "message": "password=hunter2-x9 is wrong"},
    }


def taken(store: Store, *files: Path, redact: bool = True) -> None:
    reports = store.ingest([Input(str(file)) for file in files], ImportOptions(redact=redact))
    assert not any(report.error for report in reports), reports


def stored(store: Store) -> str:
    return "\n".join(str(row) for row in store.reader().rows("SELECT * FROM spans ORDER BY ALL"))


def test_nothing_secret_gets_into_the_store(tmp_path: Path) -> None:
    with Store.create(tmp_path / "t.duckdb") as store:
        taken(
            store,
            otlp(tmp_path, [span(1, "mail ann@x.org and bob@x.org"), span(2, "log in with hunter2-x9, ann@x.org")]),
        )
        told = stored(store)
        ((said,),) = store.reader().rows("SELECT input FROM spans WHERE ends_with(span_id, '1')")
    assert [secret for secret in SECRETS if secret in told] == []
    assert "mail <email:1> and <email:2>" in said
    assert "log in with <secret:1>, <email:1>" in told
    assert "Bearer <secret:2>" in told
    assert [secret.encode() in (tmp_path / "t.duckdb").read_bytes() for secret in SECRETS] == [False] * 5


def test_a_note_that_quotes_a_value_has_it_not(tmp_path: Path) -> None:
    told = {
        "schema_version": 1,
        "spans": [{"trace_id": "t", "id": "s", "name": "x", "start": "hunter2-x9 of ann@x.org"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(told))
    with Store.create(tmp_path / "t.duckdb") as store:
        taken(store, tmp_path / "a.json")
        notes = str(store.reader().rows("SELECT message FROM raw.notes"))
    assert "values that are no time" in notes
    assert "ann@x.org" not in notes


def test_what_is_read_later_is_numbered_apart_and_the_same_file_anew(tmp_path: Path) -> None:
    first = otlp(tmp_path, [span(1, "mail ann@x.org")], "a.jsonl")
    second = otlp(tmp_path, [span(2, "mail bob@x.org", **{"user.id": "u"})], "b.jsonl")
    with Store.create(tmp_path / "t.duckdb") as store:
        taken(store, first, redact=False)
        assert "ann@x.org" in stored(store)
        taken(store, first)
        taken(store, second)
        told = stored(store)
    assert [secret for secret in SECRETS if secret in told] == []
    ours = sorted({word for word in told.replace("\\", " ").replace('"', " ").split() if word.startswith("<email")})
    assert len(ours) == 2
