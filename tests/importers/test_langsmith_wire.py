"""Bodies as LangSmith's SDKs post them: a run is put together from its parts and updates."""

import io
import json
from typing import Any

import pytest

from agentdbg.importers.contract import Source
from agentdbg.importers.langsmith import LangSmith
from agentdbg.importers.langsmith_wire import LangSmithWire
from agentdbg.rows import NoteRow, RawSpan
from tests.importers.test_multipart import body

ROOT, CALL = "01a1f7d1-d43d-74bd-a16e-8dfbb063a374", "01a1f7d1-d6b8-72fc-8791-75a6377c949b"
START_NS, END_NS = 1_767_225_600_000_000_000, 1_767_225_601_000_000_000
POST = {
    "id": CALL, "trace_id": ROOT, "parent_run_id": ROOT, "name": "ChatOpenAI", "run_type": "llm", "tags": ["t"], "session_name": "p",
    "dotted_order": f"20260101T000000000000Z{ROOT}.20260101T000000000000Z{CALL}", "start_time": "2026-01-01T00:00:00+00:00",
}  # fmt: skip
PATCH = {
    "id": CALL,
    "trace_id": ROOT,
    "parent_run_id": ROOT,
    "end_time": "2026-01-01T00:00:01+00:00",
    "session_id": None,
    "name": None,
}
INPUTS, OUTPUTS = {"messages": [["user", "hi"]]}, {"generations": [[{"text": "hello"}]]}
WHOLE = RawSpan(
    ROOT, CALL, ROOT, "ChatOpenAI", START_NS, END_NS, status="ok", scope="langsmith", line=2,
    attributes={
        "langsmith.run_type": "llm", "langsmith.tags": ["t"], "langsmith.session_name": "p", "langsmith.dotted_order": POST["dotted_order"],
        "langsmith.inputs": INPUTS, "langsmith.serialized": {"lc": 1}, "langsmith.outputs": OUTPUTS,
    },
)  # fmt: skip


def form(*fields: tuple[str, Any]) -> bytes:
    return body(*((name, json.dumps(value).encode()) for name, value in fields))


def rows(data: bytes) -> list[Any]:
    return list(LangSmithWire().read(io.BytesIO(data), Source("t")))


def spans(data: bytes) -> list[RawSpan]:
    return [row for row in rows(data) if isinstance(row, RawSpan)]


def messages(data: bytes) -> list[str]:
    return [row.message for row in rows(data) if isinstance(row, NoteRow)]


POSTED = [
    (f"post.{CALL}", POST),
    (f"post.{CALL}.inputs", INPUTS),
    (f"post.{CALL}.outputs", {}),
    (f"post.{CALL}.serialized", {"lc": 1}),
]
PATCHED = [(f"patch.{CALL}", PATCH), (f"patch.{CALL}.outputs", OUTPUTS)]


def test_a_post_and_its_patch_are_one_span():
    assert rows(form(*POSTED, *PATCHED)) == [WHOLE]


def test_a_post_without_its_patch_is_an_open_span():
    [span] = spans(form(*POSTED))
    assert (span.end_ns, span.status) == (None, "unset")
    assert span.attributes["langsmith.outputs"] == {}


def test_a_patch_without_its_post_is_a_copy_of_the_span_as_far_as_it_tells():
    order = POST["dotted_order"]
    [span] = spans(form((f"patch.{CALL}", {**PATCH, "dotted_order": order}), *PATCHED[1:]))
    assert (span.trace_id, span.span_id, span.parent_id, span.start_ns, span.end_ns) == (
        ROOT,
        CALL,
        ROOT,
        START_NS,
        END_NS,
    )
    assert span.attributes == {"langsmith.dotted_order": order, "langsmith.outputs": OUTPUTS}


def test_a_body_that_was_posted_twice():
    assert rows(form(*POSTED, *PATCHED) * 2) == [WHOLE]


def test_null_and_empty_values_of_an_update_take_nothing_away():
    update = {"name": None, "tags": [], "inputs": {}, "outputs": None, "session_name": ""}
    [span] = spans(form(*POSTED, (f"patch.{CALL}", update)))
    assert span.name == "ChatOpenAI"
    assert span.attributes["langsmith.inputs"] == INPUTS
    assert span.attributes["langsmith.tags"] == ["t"]


def test_an_error_comes_as_a_part():
    [span] = spans(form(*POSTED, *PATCHED[:1], (f"patch.{CALL}.error", "ValueError('x')Traceback …")))
    assert (span.status, span.status_message) == ("error", "ValueError('x')Traceback …")


@pytest.mark.parametrize("dress", ["{0}", "{0}\n{0}", "[{0}]", " \n{0}"])
def test_batch_bodies(dress):
    post = {**POST, "inputs": INPUTS, "serialized": {"lc": 1}}
    text = dress.replace("{0}", json.dumps({"post": [post], "patch": [{**PATCH, "outputs": OUTPUTS}]})).encode()
    assert LangSmithWire().sniff(text, "x")
    [span] = rows(text)
    assert (span.attributes, span.end_ns) == (WHOLE.attributes, END_NS)


def test_the_bytes_of_attachments_are_told_and_left_out():
    [note, span] = rows(form(*POSTED, *PATCHED)[:-9] + b'\r\n--b1\r\nContent-Disposition: form-data; name="attachment.'
                        + CALL.encode() + b'.a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x00\r\n--b1--\r\n')  # fmt: skip
    assert note.message == "the content of attachments is not kept: a.png, image/png, 7 bytes"
    assert span.attributes["langsmith.attachments"] == {"a.png": {"mime_type": "image/png", "bytes": 7}}


def test_feedback_joins_its_run():
    given = {"id": "f", "run_id": CALL, "key": "score", "score": 1}
    assert spans(form(*POSTED, ("feedback.f", given)))[0].attributes["langsmith.feedback"] == [given]
    assert "feedback on a run that is not here" in messages(form(("feedback.f", given)))[0]


def test_fields_of_a_run_that_is_not_here():
    [note] = rows(form((f"patch.{CALL}.outputs", OUTPUTS)))
    assert (note.severity, note.message) == (
        "data_loss",
        f"fields of a run that is not here were left out: outputs of run {CALL}",
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (form(*POSTED, ("odd", 1)), "a part was left out: a field named odd, 1 bytes"),
        (form(*POSTED, (f"post.{ROOT}", 1)), "a record was left out: expected a run, found a number"),
        (form(*POSTED) + b"stray", "a part was left out: bytes of no field, 5 bytes"),
        (body((f"post.{CALL}", json.dumps(POST).encode()), (f"post.{CALL}.inputs", b'{"a":')), "a record could not be read"),
        (json.dumps({"post": [POST, 7]}).encode(), "a record was left out: expected a run with an id, found a number"),
    ],
)  # fmt: skip
def test_what_is_lost_is_told_and_the_rest_is_read(data, told):
    assert [span.span_id for span in spans(data)] == [CALL]
    assert messages(data)[0].startswith(told)


def test_a_body_cut_in_a_part():
    data = form(*POSTED, *PATCHED)
    cut = data[: data.rindex(b"hello")]
    assert spans(cut) == spans(form(*POSTED, PATCHED[0]))
    assert "the input is cut off here" in messages(cut)[0]


def test_a_body_cut_after_a_whole_part():
    data = form(*POSTED)[: -len(b"\r\n--b1--\r\n")]
    assert spans(data) == spans(form(*POSTED))
    assert messages(data) == ["the body is not closed: its last part was read whole"]


def test_a_cut_batch_keeps_the_runs_before_the_cut():
    text = json.dumps({"post": [POST, {**POST, "id": "b"}, {**POST, "id": "c"}]})[:-30].encode()
    assert [span.span_id for span in spans(text)] == [CALL, "b"]
    assert "the input is cut off here" in messages(text)[0]


def test_memory_is_bounded_by_giving_out_what_was_not_heard_of_for_longest(monkeypatch):
    monkeypatch.setattr("agentdbg.importers.langsmith_wire._HELD_BYTES", 2_000)
    runs = [{**POST, "id": f"run-{number}", "inputs": "x" * 300} for number in range(20)]
    data = form(*((f"post.{run['id']}", run) for run in runs), ("patch.run-0", {**PATCH, "id": "run-0"}))
    found = [span for span in spans(data) if span.span_id == "run-0"]
    assert [(span.end_ns, "langsmith.inputs" in span.attributes) for span in found] == [(None, True), (END_NS, False)]
    assert len(spans(data)) == 21


def test_the_importer_of_runs_leaves_wire_bodies_alone():
    for data in (form(*POSTED), json.dumps({"post": [POST]}).encode()):
        assert LangSmithWire().sniff(data, "x")
        assert not LangSmith().sniff(data, "x")


@pytest.mark.parametrize(
    "text", [b'{"post": 1}', b'{"post": {"summary": "create"}}', body(("file", b"1")), json.dumps(POST).encode()]
)
def test_sniffing_says_no(text):
    assert not LangSmithWire().sniff(text, "healthy.001.multipart")
