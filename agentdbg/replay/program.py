"""The user's program in a process of its own, with the playback server in place of every model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentdbg.errors import AgentdbgError
from agentdbg.replay.arming import ALLOWED, BASES
from agentdbg.replay.asking import ADDRESS, TOKEN
from agentdbg.replay.sdks import KEY

_BOOTSTRAP = Path(__file__).parent / "bootstrap"
_WITH_VERSION = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
_BARE = (
    "ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL", "ANTHROPIC_API_BASE", "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL", "GEMINI_API_BASE",
)  # fmt: skip
_KEYS = (
    "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "AZURE_OPENAI_API_KEY",
    "OPENROUTER_API_KEY", "MISTRAL_API_KEY", "GROQ_API_KEY", "DEEPSEEK_API_KEY", "TOGETHER_API_KEY", "XAI_API_KEY",
)  # fmt: skip
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_QUIET = {  # what would reach outside on its own account, or differ from run to run
    "NO_PROXY": "127.0.0.1,localhost",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "OTEL_SDK_DISABLED": "true",
    "PYTHONHASHSEED": "0",
}


def lines(address: str) -> dict[str, str]:
    """The variables that make programs in any language ask the server."""
    bases = dict.fromkeys(_WITH_VERSION, f"{address}/v1") | dict.fromkeys(_BARE, address)
    return {**bases, **dict.fromkeys(_KEYS, KEY), **_QUIET}


def environment(address: str, token: str, given: Mapping[str, str], allowed: Sequence[str]) -> dict[str, str]:
    """The whole environment of a program that is run here, armed where it is Python."""
    bases = dict.fromkeys(_WITH_VERSION, f"{address}/v1") | dict.fromkeys(_BARE, address)
    before = {name: given[name] for name in bases if name in given}
    kept = {name: value for name, value in given.items() if name.upper() not in _PROXIES}
    path = os.pathsep.join(filter(None, [str(_BOOTSTRAP), given.get("PYTHONPATH", "")]))
    armed = {"PYTHONPATH": path, ADDRESS: address, TOKEN: token, ALLOWED: ",".join(allowed)}
    return {**kept, **lines(address), **armed, BASES: json.dumps([bases, before])}


def of_target(target: str) -> list[str]:
    """The command that calls a function: with the interpreter of the user's environment, where one is active."""
    module, colon, function = target.partition(":")
    if not colon or not module or not function:
        raise AgentdbgError(f"--target {target} names no function", "--target package.module:function")
    active = Path(os.environ.get("VIRTUAL_ENV") or ".") / "bin" / "python"
    python = str(active) if os.environ.get("VIRTUAL_ENV") and active.exists() else sys.executable
    return [python, "-c", f"from agentdbg.replay.target import main; main({target!r})"]


def run(
    command: Sequence[str],
    address: str,
    token: str,
    allowed: Sequence[str],
    cwd: Path | None = None,
    output: int | None = None,
) -> int:
    """The program's exit code. What it prints goes to `output`, or to stderr, since stdout is the report's; Ctrl-C ends
    it."""
    own = environment(address, token, os.environ, allowed)
    printed = sys.stderr.fileno() if output is None else output
    try:
        with subprocess.Popen(command, env=own, cwd=cwd, stdout=printed, stderr=output) as program:
            try:
                return program.wait()
            except BaseException:
                program.terminate()
                raise
    except OSError as problem:
        raise AgentdbgError(f"{command[0]} cannot be run: {problem.strerror or problem}") from problem
