"""HTTPX, which most model SDKs send their requests with, and its successor."""

from __future__ import annotations

from typing import Any

from agentdbg.replay.asking import is_model_call, server


class Httpx:
    """Requests to a model API go to the playback server, whatever host they were meant for: a base URL in the code, a
    gateway, Azure. The client's own settings stay as they are, since programs behave by these."""

    modules = ("httpx", "httpx2")

    def arm(self, module: Any) -> None:
        sent, sent_async = module.Client.send, module.AsyncClient.send

        def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            _redirect(request)
            return sent(self, request, *args, **kwargs)

        async def send_async(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            _redirect(request)
            return await sent_async(self, request, *args, **kwargs)

        module.Client.send, module.AsyncClient.send = send, send_async


def _redirect(request: Any) -> None:
    host, port = server()
    if is_model_call(request.url.path):
        request.url = request.url.copy_with(scheme="http", host=host, port=port)
        request.headers["host"] = f"{host}:{port}"
