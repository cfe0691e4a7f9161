"""The replayed program's side: how code inside it asks the playback server. Standard library only, since it runs in the
program's own interpreter, whatever is installed there."""

from __future__ import annotations

import json
import os
from typing import Any

ADDRESS = "AGENTDBG_REPLAY"
"""The environment variable that holds the server's address, and by that tells that a program is replayed."""
TOKEN = "AGENTDBG_REPLAY_TOKEN"
"""The environment variable that holds what the server wants to see before it tells or is told anything but a model's
answers: other users of the machine reach loopback, too."""
TOKEN_HEADER = "x-agentdbg-token"
MODEL_PATHS = ("/chat/completions", "/responses", "/v1/messages", ":generateContent", ":streamGenerateContent")
"""How the paths of the model APIs that are served end."""


class ReplayMiss(BaseException):
    """The program did what the recording has nothing for. No Exception, so that no error handling of a framework takes
    it for a tool that failed, and goes on."""


class RecordedFailure(Exception):
    """A tool failed when it was recorded, and so it does again."""


class Run:
    """A tool that is to run as usual."""


RUN = Run()


def server() -> tuple[str, int]:
    """Host and port of the playback server."""
    from urllib.parse import urlsplit

    parts = urlsplit(os.environ[ADDRESS])
    return parts.hostname or "", parts.port or 0


def is_model_call(path: str) -> bool:
    return path.endswith(MODEL_PATHS)


def tell(word: str, told: Any) -> Any:
    """Tell the server, and have its answer."""
    from http.client import HTTPConnection  # dear to import, and most of our commands come by here without asking

    connection = HTTPConnection(*server(), timeout=60)
    try:
        body = json.dumps(told, default=str).encode("utf-8", "backslashreplace")
        headers = {"content-type": "application/json", TOKEN_HEADER: os.environ.get(TOKEN, "")}
        connection.request("POST", f"/agentdbg/{word}", body, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def ask_tool(tool: str, arguments: Any, call_id: str | None = None, hands_over: bool = False) -> Any:
    """The recorded result of a tool, a JSON value; RUN where it is to run. ReplayMiss where nothing is recorded,
    RecordedFailure where it failed then."""
    told = tell("tool", {"tool": tool, "arguments": arguments, "call_id": call_id, "hands_over": hands_over})
    if told["do"] == "live":
        return RUN
    if told["do"] == "answer":
        return told["result"]
    if told["do"] == "fail":
        raise RecordedFailure(told["message"])
    raise ReplayMiss(f"agentdbg replay: {told['message']}")


def as_text(value: Any) -> str:
    """A result as the text that a model is told."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
