"""What formats without spans share: moments, prompts, and the marks on what is derived."""

from agentdbg.importers import derived
from agentdbg.importers.derived import Clock, Prompts, mark, note
from agentdbg.importers.flat_attributes import flatten
from agentdbg.importers.json_documents import documents
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.notes import Notebook


def moments(*stamps):
    clock = Clock(Notebook())
    return [
        (moment.at_ns, moment.timed) for line, stamp in enumerate(stamps) if (moment := clock.moment(stamp, line))
    ], clock.recorded


def test_records_without_a_time_have_that_of_the_record_before():
    assert moments("2026-03-01T10:00:00Z", None, "2026-03-01T10:00:01Z") == (
        [(1_772_359_200_000_000_000, True), (1_772_359_200_000_000_000, True), (1_772_359_201_000_000_000, True)], True,
    )  # fmt: skip


def test_without_any_times_records_are_numbered():
    assert moments(None, "", "soon") == ([(1, False), (2, False), (3, False)], False)
    assert moments(None, "2026-03-01T10:00:00Z") == ([(1, False), (1_772_359_200_000_000_000, True)], False)


def test_a_prompt_is_all_that_was_said_before():
    prompts = Prompts()
    prompts.add({"content": "a"})
    assert prompts.take() == ([{"content": "a"}], True)
    prompts.add({"content": "b"})
    assert prompts.take() == ([{"content": "a"}, {"content": "b"}], True)
    prompts.forget()
    prompts.add({"content": "c"})
    assert prompts.take() == ([{"content": "c"}], True)


def test_prompts_that_get_too_large_hold_only_what_is_new(monkeypatch):
    monkeypatch.setattr(derived, "PROMPT_BYTES", 30)
    prompts = Prompts()
    prompts.add({"content": "a" * 20})
    assert prompts.take()[1]
    prompts.add({"content": "b"})
    assert prompts.take() == ([{"content": "b"}], False)


def test_marks_and_notes():
    assert mark({"a": 1}, "tree", "times") == {"a": 1, "agentdbg.derived": ["tree", "times"]}
    assert note("a log").message == "a log records messages, no spans: the tree was derived from their order"
    assert note("a log", False).message.endswith(", times tell only their order")


def test_nested_attributes_go_by_their_dotted_names():
    found: dict[str, object] = {}
    flatten(
        {
            "llm": {"model": "x", "messages": [{"role": "user"}, {"role": "tool"}]},
            "tags": ["a"],
            "none": None,
            "empty": {},
            "metadata": {"a": {"b": 1}},
        },
        found,
        whole=("metadata",),
    )
    assert found == {
        "llm.model": "x",
        "llm.messages.0.role": "user",
        "llm.messages.1.role": "tool",
        "tags": ["a"],
        "empty": {},
        "metadata": {"a": {"b": 1}},
    }


def salvage(text, *around, **options):
    notes = Notebook()
    return list(documents(Piece(text.encode(), 1, "cut"), "a page", notes, around, **options)), [
        note.severity for note in notes.finish()
    ]


def test_a_document_that_breaks_off_keeps_what_ended_before():
    assert salvage('{"data": [{"id": 1}, {"id": 2}, {"id": ', "data") == (
        [{"data": [{"id": 1}, {"id": 2}]}],
        ["data_loss"],
    )
    assert salvage('{"data": [{"spans": [{"id": 1}, {"tags": [{"k": 1}, ', "data", "spans") == (
        [{"data": [{"spans": [{"id": 1}]}]}],
        ["data_loss"],
    )
    assert salvage('{"spans": [{"id": 1}, {"tags": [{"k": 1}, ', "data", "spans") == (
        [{"spans": [{"id": 1}]}],
        ["data_loss"],
    )


def test_a_span_that_breaks_off_is_no_document_of_spans():
    assert salvage('{"id": 1, "output": {"data": [{"x": 1}, {"x"', "data") == ([], ["data_loss"])
    assert salvage('{"id": 1, "data', "data") == ([], ["data_loss"])


def test_documents_under_any_name():
    text = '{"main": {"steps": [{"id": 1}, {"id'
    assert salvage(text, "steps") == ([], ["data_loss"])
    assert salvage(text, "steps", named=True) == ([{"main": {"steps": [{"id": 1}]}}], ["data_loss"])


def test_whole_documents():
    assert salvage('[{"id": 1}, 2]', "data") == ([{"id": 1}, 2], [])
    assert salvage("null", "data") == ([None], [])
