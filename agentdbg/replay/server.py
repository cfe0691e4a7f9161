"""The playback server: recorded answers over HTTP on loopback, for any client in any language."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hmac import compare_digest
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from agentdbg.errors import AgentdbgError
from agentdbg.replay.answering import Event
from agentdbg.replay.asking import TOKEN_HEADER
from agentdbg.replay.playback import OWN, Reply

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"


class Answering(Protocol):
    """What is served: it answers a POST. `headers` have names in lower case."""

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply: ...


@contextmanager
def served(playback: Answering, token: str | None = None) -> Iterator[str]:
    """The address, for as long as the context lasts. token: what a replayed process must show to tell and ask of more
    than a model; without one nobody can. AgentdbgError where the extra is not installed."""
    for name in ("starlette", "uvicorn"):
        if find_spec(name) is None:
            hint = "pip install 'agentdbg-traces[replay]'"
            raise AgentdbgError(f"replaying a program needs {name}, which is not installed", hint)
    import uvicorn

    config = uvicorn.Config(
        _app(playback, token), log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    # asyncio sends at once over what is told to be TCP; else a stalled second packet makes every answer 40 ms late
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind((HOST, 0))
        listening.listen(128)  # requests wait from here on, so that nobody need ask whether the server is up
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(5)


def _app(playback: Answering, token: str | None) -> Any:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def post(request: Request) -> Response:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.url.path.startswith(OWN) and not _may(token, headers.get(TOKEN_HEADER, "")):
            return JSONResponse({"error": "agentdbg replay: this is for the replayed program alone"}, 403)
        return _response(await run_in_threadpool(playback.answer, request.url.path, headers, body))

    async def get(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": []})  # clients that list the models first

    routes = [Route("/{path:path}", post, methods=["POST"]), Route("/{path:path}", get, methods=["GET"])]
    # a page in a browser must not read what is recorded here by pointing its own name at this address
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])])


def _may(token: str | None, shown: str) -> bool:
    return token is not None and compare_digest(token.encode(), shown.encode("utf-8", "replace"))


def _response(reply: Reply) -> Response:
    from starlette.responses import JSONResponse, StreamingResponse

    if reply.events is None:
        return JSONResponse(reply.body, reply.status, dict(reply.headers))
    return StreamingResponse(_stream(reply.events), reply.status, dict(reply.headers), "text/event-stream")


async def _stream(events: Sequence[Event]) -> AsyncIterator[bytes]:
    for name, data in events:
        yield _event(name, data)


def _event(name: str | None, data: Any) -> bytes:
    told = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return ((f"event: {name}\n" if name else "") + f"data: {told}\n\n").encode("utf-8", "backslashreplace")
