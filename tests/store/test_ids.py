"""Whatever ids a store holds: every beginning that is unique means its trace, every other one is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdbg.errors import AgentdbgError
from agentdbg.store import Store
from agentdbg.store.ids import SHORTEST, find_span, find_trace, newest_hour, worst_of
from tests.stores import of_files, otlp

# Few letters and shared stems, so that beginnings collide often.
IDS = st.lists(
    st.builds(str.__add__, st.sampled_from(["abab", "abac", "ABAB", "trace_"]), st.text("ab0-", max_size=5)),
    min_size=1,
    max_size=6,
    unique=True,
)


def store_of(trace_ids: list[str], starts: list[int] | None = None) -> Store:
    """A store with a run of one span of the same id in each trace."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "runs.jsonl")
        file.write_text(
            "".join(
                f'{{"trace_id": "{trace_id}", "id": "{trace_id}", "name": "run", "start": {start}, "end": {start + 1}}}\n'
                for trace_id, start in zip(trace_ids, starts or range(1_700_000_000, 1_700_000_100), strict=False)
            ),
            "utf-8",
        )
        return of_files(file)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(IDS)
def test_every_unique_beginning_is_understood_and_no_other(ids: list[str]) -> None:
    with store_of(ids) as store:
        reader = store.reader()
        for full in ids:
            for length in range(SHORTEST, len(full) + 1):
                asked = full[:length]
                meant = [asked] if asked in ids else [one for one in ids if one.startswith(asked)]
                if len(meant) == 1:
                    assert find_trace(reader, asked) == meant[0]
                    assert find_span(reader, asked) == (meant[0], meant[0])
                    assert find_span(reader, f"{meant[0]}:{asked}") == (meant[0], meant[0])
                else:
                    with pytest.raises(AgentdbgError, match=f"is the beginning of {len(meant)} trace ids"):
                        find_trace(reader, asked)
            with pytest.raises(AgentdbgError):
                find_trace(reader, full + "x")


def test_an_id_that_is_too_short_for_a_beginning_is_known_in_full() -> None:
    with store_of(["t", "t1", "t12", "t123"]) as store:
        for full in ("t", "t1", "t12", "t123"):
            assert find_trace(store.reader(), full) == full
            assert find_span(store.reader(), full) == (full, full)
            assert find_span(store.reader(), f"{full}:{full}") == (full, full)
        for asked in ("", "x", "t13"):
            with pytest.raises(AgentdbgError, match="too short for the beginning of an id"):
                find_trace(store.reader(), asked)


def test_latest_is_the_trace_that_started_last() -> None:
    with store_of(["aaaa", "bbbb", "cccc"], [1_700_000_000, 1_700_000_500, 1_700_000_400]) as store:
        assert find_trace(store.reader(), "latest") == "bbbb"


def test_the_newest_hour_is_counted_from_the_newest_trace() -> None:
    with store_of(["aaaa", "bbbb", "cccc"], [1_700_000_000, 1_700_000_001, 1_700_003_601]) as store:
        assert newest_hour(store.reader()) == ["bbbb", "cccc"]


def test_the_worst_is_the_failed_one_and_of_equal_ones_the_later() -> None:
    with store_of(["aaaa", "bbbb", "cccc"]) as store:
        assert worst_of(store.reader(), ["aaaa", "bbbb"], ()) == "bbbb"


def test_an_empty_store_says_so() -> None:
    with Store.in_memory() as store:
        with pytest.raises(AgentdbgError, match="the store holds no trace"):
            find_trace(store.reader(), "latest")
        with pytest.raises(AgentdbgError, match="the store holds no trace"):
            worst_of(store.reader(), newest_hour(store.reader()), ())
        with pytest.raises(AgentdbgError) as caught:
            find_span(store.reader(), "abcd")
        assert (caught.value.message, caught.value.hint) == ("there is no span abcd", "there is none at all")


def test_a_conversation_means_its_run_or_lists_its_runs(tmp_path: Path) -> None:
    def turn(trace: str, session: str, start: int) -> Path:
        told = {
            "trace": trace * 32,
            "id": trace * 16,
            "name": "turn",
            "start": start,
            "attributes": {"session.id": session},
        }
        return otlp(tmp_path, [told], f"{trace}.jsonl")

    with of_files(turn("a", "thread-1", 0), turn("b", "thread-2", 1), turn("c", "thread-2", 2)) as store:
        assert find_trace(store.reader(), "thread-1") == "a" * 32
        with pytest.raises(AgentdbgError, match="thread-2 is a conversation of 2 runs") as refused:
            find_trace(store.reader(), "thread-2")
        assert (refused.value.hint or "").index("c" * 32) < (refused.value.hint or "").index("b" * 32)
