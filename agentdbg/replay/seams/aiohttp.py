"""aiohttp, by which LiteLLM and Gemini's SDK send asynchronous requests."""

from __future__ import annotations

from typing import Any

from agentdbg.replay.asking import is_model_call, server


class Aiohttp:
    """Requests to a model API go to the playback server, whatever host they were meant for."""

    modules = ("aiohttp.client",)

    def arm(self, module: Any) -> None:
        requested = module.ClientSession._request
        url = module.URL

        async def request(self: Any, method: str, target: Any, **kwargs: Any) -> Any:
            asked = self._build_url(target) if hasattr(self, "_build_url") else url(target)
            if is_model_call(asked.path):
                host, port = server()
                target = asked.with_scheme("http").with_host(host).with_port(port)
            return await requested(self, method, target, **kwargs)

        module.ClientSession._request = request
