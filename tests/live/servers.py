"""Servers on loopback that the real libraries talk to: a model that answers from a script, and collectors that keep what is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODEL = "gpt-4o-mini"
DATED = "gpt-4o-mini-2024-07-18"


@dataclass(frozen=True)
class Reply:
    """What the model says next: a text, or the call of a tool, or a refusal with this HTTP status; after `delay` seconds."""

    text: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    tokens: tuple[int, int] = (0, 0)
    status: int = 200
    delay: float = 0


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written to stderr."""

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = b""
        while size := int(self.rfile.readline(), 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def answer(self, content: bytes, kind: str = "application/json", status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def model(*script: Reply) -> Iterator[str]:
    """The address of a model that gives these replies, one a request, over the API that the path names: Chat Completions,
    Responses, Anthropic Messages or Gemini's generateContent."""
    replies = iter(enumerate(script, 1))

    class Handler(_Quiet):
        def do_POST(self) -> None:
            asked = json.loads(self.body())
            number, reply = next(replies)
            time.sleep(reply.delay)
            if reply.status != 200:
                error = {"message": "slow down", "type": "rate_limit", "code": None, "param": None}
                self.answer(json.dumps({"error": error}).encode(), status=reply.status)
            elif self.path.endswith("/responses"):
                self.answer(json.dumps(_response(number, reply, asked.get("instructions"))).encode())
            elif self.path.endswith("/v1/messages"):
                self.answer(json.dumps(_anthropic(number, reply)).encode())
            elif self.path.endswith(":generateContent"):
                self.answer(json.dumps(_gemini(number, reply)).encode())
            elif asked.get("stream"):
                self.answer(_events(_chunks(number, reply)), "text/event-stream")
            else:
                self.answer(json.dumps(_completion(number, reply)).encode())

    with _served(Handler) as address:
        yield f"{address}/v1"


def _message(number: int, reply: Reply) -> dict[str, Any]:
    if reply.tool is None:
        return {"role": "assistant", "content": reply.text}
    function = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _head(number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_772_359_200, "model": DATED}


def _usage(reply: Reply) -> dict[str, int]:
    given, said = reply.tokens
    return {"prompt_tokens": given, "completion_tokens": said, "total_tokens": given + said}


def _completion(number: int, reply: Reply) -> dict[str, Any]:
    finish = "tool_calls" if reply.tool else "stop"
    choice = {"index": 0, "message": _message(number, reply), "finish_reason": finish, "logprobs": None}
    return {**_head(number, "chat.completion"), "choices": [choice], "usage": _usage(reply)}


def _chunks(number: int, reply: Reply) -> Iterator[dict[str, Any]]:
    """A completion in pieces: two of text, or a tool call whose arguments come after its name; then the end, then usage."""
    message = _message(number, reply)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for place, call in enumerate(message.get("tool_calls", [])):
        function = call["function"]
        deltas += [
            {"tool_calls": [{**call, "index": place, "function": {**function, "arguments": ""}}]},
            {"tool_calls": [{"index": place, "function": {"arguments": function["arguments"]}}]},
        ]
    text = reply.text or ""
    deltas += [{"content": piece} for piece in (text[:4], text[4:]) if piece]
    head = _head(number, "chat.completion.chunk")
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if reply.tool else "stop"}]}
    yield {**head, "choices": [], "usage": _usage(reply)}


def _events(chunks: Iterator[dict[str, Any]]) -> bytes:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def _response(number: int, reply: Reply, instructions: str | None) -> dict[str, Any]:
    given, said = reply.tokens
    if reply.tool:
        call = {"name": reply.tool, "arguments": json.dumps(reply.arguments), "call_id": f"call_{number}"}
        item: dict[str, Any] = {"type": "function_call", "id": f"fc_{number}", "status": "completed", **call}
    else:
        said_text = {"type": "output_text", "text": reply.text, "annotations": []}
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
        item["content"] = [said_text]
    return {
        "id": f"resp_{number}", "object": "response", "created_at": 1_772_359_200, "status": "completed", "model": DATED, "output": [item],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None, "instructions": instructions, "metadata": {},
        "usage": {"input_tokens": given, "output_tokens": said, "total_tokens": given + said,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip


def _anthropic(number: int, reply: Reply) -> dict[str, Any]:
    use = {"type": "tool_use", "id": f"toolu_{number}", "name": reply.tool, "input": reply.arguments}
    given, said = reply.tokens
    return {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": DATED, "stop_sequence": None,
        "content": [use if reply.tool else {"type": "text", "text": reply.text}], "stop_reason": "tool_use" if reply.tool else "end_turn",
        "usage": {"input_tokens": given, "output_tokens": said},
    }  # fmt: skip


def _gemini(number: int, reply: Reply) -> dict[str, Any]:
    part = {"functionCall": {"name": reply.tool, "args": reply.arguments}} if reply.tool else {"text": reply.text}
    given, said = reply.tokens
    usage = {"promptTokenCount": given, "candidatesTokenCount": said, "totalTokenCount": given + said}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": DATED, "responseId": f"r{number}"}


@contextmanager
def collector(folder: Path, info: dict[str, Any] | None = None) -> Iterator[str]:
    """The address of a collector that keeps the body of every POST as a file of the folder, named by number and path,
    as it came over the wire. `info`: what a GET is answered with."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = threading.Lock()

    class Handler(_Quiet):
        def do_GET(self) -> None:
            self.answer(json.dumps(info or {}).encode())

        def do_POST(self) -> None:
            body = self.body()
            with lock:
                number = len(list(folder.iterdir()))
                (folder / f"{number:03}{self.path.replace('/', '-')}").write_bytes(body)
            self.answer(b"{}" if info else b"")

    with _served(Handler) as address:
        yield address


@contextmanager
def grpc_collector(folder: Path) -> Iterator[str]:
    """The address of an OTLP/gRPC collector that keeps the bytes of every request as a file of the folder."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    folder.mkdir(parents=True, exist_ok=True)

    def keep(body: bytes, context: Any) -> bytes:
        (folder / f"{len(list(folder.iterdir())):03}.binpb").write_bytes(body)
        return b""

    def services(signal: str) -> grpc.GenericRpcHandler:
        kept = grpc.unary_unary_rpc_method_handler(keep)
        name = f"opentelemetry.proto.collector.{signal}.v1.{signal.title()}Service"
        return grpc.method_handlers_generic_handler(name, {"Export": kept})

    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((services("trace"), services("logs")))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop(None).wait()
