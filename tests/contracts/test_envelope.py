"""Text in, envelope out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from agentdbg.contracts.envelope import is_cut, open_payload
from tests.contracts.payloads import MESSAGES, OBJECTS

VALUE = {"a": 1}


@pytest.mark.parametrize(
    ("payload", "envelope"),
    [
        (VALUE, "json"),
        ('{"a": 1}', "json"),
        (json.dumps(json.dumps(VALUE)), "json"),
        ('```json\n{"a": 1}\n```', "fenced-json"),
        ('```\n{"a": 1}\n```\n', "fenced-json"),
        ('Sure:\n```json\n{"a": 1}\n```\nBye', "json-in-prose"),
        ('The answer is {"a": 1}, as asked.', "json-in-prose"),
        ('{"a": 1} is the answer', "json-in-prose"),
        ("Use {braces} and then " + '{"a": 1}', "json-in-prose"),
    ],
)
def test_json_in_its_envelopes(payload: object, envelope: str) -> None:
    opened = open_payload(payload)
    assert (opened.envelope, opened.value) == (envelope, VALUE)


@pytest.mark.parametrize(
    ("payload", "envelope"),
    [
        ("I think the answer is 42.", "prose"),
        ("See [1] and [2].", "prose"),
        ("42", "prose"),
        (42, "prose"),
        ("```python\nprint({})\n```", "prose"),
        ("{'a': 1}", "malformed"),
        ('{"a": 1, "b": [{"c": 2}', "malformed"),
        ("", "empty"),
        (" \n", "empty"),
        (None, "empty"),
        ({}, "empty"),
        ("[]", "empty"),
    ],
)
def test_what_holds_no_json(payload: object, envelope: str) -> None:
    opened = open_payload(payload)
    assert (opened.envelope, opened.value) == (envelope, None)


@given(MESSAGES)
def test_any_payload_can_be_opened(payload: object) -> None:
    opened = open_payload(payload)
    assert (opened.value is not None) == (opened.envelope in ("json", "fenced-json", "json-in-prose"))


@given(OBJECTS)
def test_an_object_is_found_again_in_every_envelope(value: dict[str, object]) -> None:
    text = json.dumps(value)
    fenced = open_payload(f"```json\n{text}\n```")
    inside = open_payload(f"Here it is: {text} Good luck!")
    assert (fenced.envelope, inside.envelope) == ("fenced-json", "json-in-prose")
    assert json.dumps(fenced.value) == json.dumps(inside.value) == json.dumps(json.loads(text))


def test_what_a_recorder_cut_is_told_from_what_a_model_broke() -> None:
    long = json.dumps({"text": "word " * 100})
    assert is_cut(long[:200])
    assert is_cut('{"a": [1, 2, …')
    assert is_cut('{"a": 1, [truncated]')
    assert not is_cut(long)
    assert not is_cut('{"a": 1, "b"')
    assert not is_cut("{'a': 1}")
    assert not is_cut("Prose may be as long as it likes. " * 20)
