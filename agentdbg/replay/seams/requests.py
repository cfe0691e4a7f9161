"""Requests."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from agentdbg.replay.asking import is_model_call, server


class Requests:
    """Requests to a model API go to the playback server, whatever host they were meant for."""

    modules = ("requests.sessions",)

    def arm(self, module: Any) -> None:
        sent = module.Session.send

        def send(self: Any, request: Any, **kwargs: Any) -> Any:
            parts = urlsplit(request.url)
            if is_model_call(parts.path):
                host, port = server()
                request.url = parts._replace(scheme="http", netloc=f"{host}:{port}").geturl()
            return sent(self, request, **kwargs)

        module.Session.send = send
