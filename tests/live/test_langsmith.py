"""Runs that the real LangSmith client posts, in every dress it posts them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import Reply, collector, model
from tests.live.story import ANSWERED, CALLS, SAID, SCRIPT, TASK, ask
from tests.live.told import calls, failures, grades, named, said, tools, trace

langsmith = pytest.importorskip("langsmith", reason="the langsmith client is not installed (group live)")
openai = pytest.importorskip("openai", reason="the openai client is not installed (group live)")

pytestmark = pytest.mark.slow  # a real client and real requests

LIMITS = {
    "size_limit": 100, "size_limit_bytes": 20_000_000, "scale_up_nthreads_limit": 1, "scale_up_qsize_trigger": 1000, "scale_down_nempty_trigger": 4,
}  # fmt: skip
SERVERS = {
    "multipart-zstd": (True, {"zstd_compression_enabled": True}, "-runs-multipart"),
    "multipart": (True, {}, "-runs-multipart"),
    "batch": (False, {}, "-runs-batch"),
}


def tell(address: str, client: Any, stream: bool) -> None:
    from langsmith import traceable, tracing_context
    from langsmith.wrappers import wrap_openai

    asked = wrap_openai(openai.OpenAI(base_url=address, api_key="x", max_retries=0))

    @traceable(run_type="tool")
    def search(q: str) -> list[int]:
        return [7]

    @traceable
    def planner(task: str) -> str:
        ask(asked, TASK, stream)
        search(q="order")
        ask(asked, ANSWERED, stream)
        ask(asked, TASK, stream)
        return "never"

    with (
        tracing_context(enabled=True, client=client, project_name="shop", metadata={"thread_id": "thread-42"}),
        pytest.raises(openai.RateLimitError),
    ):
        planner("Price the order.")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dress", SERVERS)
def test_runs_as_they_are_posted(dress: str, stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "x")
    multipart, flags, suffix = SERVERS[dress]
    info = {"batch_ingest_config": {**LIMITS, "use_multipart_endpoint": multipart}, "instance_flags": flags}
    bodies = tmp_path / "bodies"
    slow = Reply(**{**SCRIPT[0].__dict__, "delay": 0.5})  # so that the run's start goes out before its end
    with model(slow, *SCRIPT[1:]) as address, collector(bodies, info) as endpoint:
        client = langsmith.Client(api_url=endpoint, api_key="x")
        tell(address, client, stream)
        client.close(timeout=20)
    written = sorted(bodies.iterdir())
    assert written
    assert all(file.name.endswith(suffix) for file in written)
    # some at least: what its threads had not sent by the end, the client sends as it is
    assert any(file.read_bytes().startswith(b"\x28\xb5\x2f\xfd") for file in written) == ("zstd" in dress)

    found = trace(bodies)
    assert found.status == "error"
    assert calls(found) == CALLS
    assert said(found) == SAID
    assert grades(found) == ["exact"] * 3
    assert tools(found) == ['planner search {"q": "order"} [7] ok']
    assert failures(found) == ["RateLimitError", "RateLimitError"]
    root = named(found, "planner")
    assert (root.kind, root.agent, json.loads(root.input or ""), root.session_id) == (
        "agent",
        "planner",
        {"task": "Price the order."},
        "thread-42",
    )
