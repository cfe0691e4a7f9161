"""What is done inside a replayed program before its own first line: seams are set as their libraries are imported, and
the network is shut. Standard library only."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from agentdbg.replay.asking import tell
from agentdbg.replay.shelf import on_shelf

BASES = "AGENTDBG_REPLAY_BASES"
"""JSON of the variables that point clients at the server: [those, what they were]."""
ALLOWED = "AGENTDBG_REPLAY_ALLOW"
"""Hosts that may be reached, with commas."""
_LOOPBACK = ("127.", "localhost", "::1", "0.0.0.0")


def arm() -> None:
    """Hold this process: model calls by their path, tools at their seams, everything else outside refused."""
    _restore_bases()
    seams = {module: seam.arm for seam in on_shelf("agentdbg.replay.seams", "arm") for module in seam.modules}
    for name in seams.keys() & sys.modules.keys():
        seams[name](sys.modules[name])
    sys.meta_path.insert(0, _OnImport(seams))
    tell("armed", None)
    _shut_network()


class _OnImport(importlib.abc.MetaPathFinder):
    """Arms a library right after it was imported, so that nothing is imported for the replay's sake."""

    def __init__(self, seams: dict[str, Callable[[Any], None]]) -> None:
        self._seams = dict(seams)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        seam = self._seams.pop(fullname, None)
        if seam is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                seam(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _restore_bases() -> None:
    """Clients behave by their base URL (some leave usage out of streams where one is set), so inside Python, where
    requests are redirected anyway, it is as it was. Programs that this one starts are given ours."""
    ours, before = json.loads(os.environ.get(BASES, "[{}, {}]"))
    for name in ours:
        os.environ.pop(name, None)
    os.environ.update(before)
    start = subprocess.Popen.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs["env"] = {**(os.environ if kwargs.get("env") is None else kwargs["env"]), **ours}
        start(self, *args, **kwargs)

    subprocess.Popen.__init__ = init  # type: ignore[method-assign]


def _shut_network() -> None:
    allowed = {host for host in os.environ.get(ALLOWED, "").split(",") if host}
    if allowed:
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            found = resolve(host, *args, **kwargs)
            if host in allowed:
                allowed.update(str(one[4][0]) for one in found)
            return found

        socket.getaddrinfo = getaddrinfo

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            _refuse(args[0], allowed)
        elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
            _refuse(args[1][0], allowed)

    sys.addaudithook(hook)  # nobody can take it away again


def _refuse(host: Any, allowed: set[str]) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "localhost")
    if name.startswith(_LOOPBACK) or name in allowed:
        return
    tell("refused", name)
    raise ConnectionRefusedError(
        f"agentdbg replay: network access to {name} is refused; --allow-network {name} permits it"
    )
