"""A scripted cloud that speaks Anthropic's Messages API and remembers every byte it was sent.

What it answers is `tok0 tok1 …` unless the last message says otherwise, in its own words:
`[echo]` repeats the message, `[tokens=7]`, `[delay=5]` (milliseconds), `[hold]` (waits after its
first words until `release` is set), `[fault=NAME]`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "claude-scripted"
AT_FAULT = 3  # tokens before a fault in the stream
# In small letters: a placeholder is none.
_DIRECTIVE = re.compile(r"\[([a-z]+)(?:=([\w.]+))?\]")

# name: (status, error type, error code, headers)
REFUSALS: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "400": (400, "invalid_request_error", "", {}),
    "401": (401, "authentication_error", "", {}),
    "402": (402, "billing_error", "", {}),
    "403": (403, "permission_error", "", {}),
    "404": (404, "not_found_error", "", {}),
    "413": (413, "request_too_large", "", {}),
    "429": (429, "rate_limit_error", "", {"retry-after": "7"}),
    "429_soon": (429, "rate_limit_error", "", {"retry-after": "0"}),
    "429_spend": (429, "rate_limit_error", "enforced_spend_limit_reached", {"retry-after": "0"}),
    "500": (500, "api_error", "", {}),
    "529": (529, "overloaded_error", "", {}),
    "too_long": (400, "invalid_request_error", "", {}),
}


@dataclass
class Cloud:
    """`faults` are used up one a request, before what a message asks for."""

    key: str = "test-key"
    tokens: int = 12
    delay: float = 0.001
    faults: list[str] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)  # request line, headers and body
    open_streams: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(raw.split(b"\r\n\r\n", 1)[1]) for raw in self.received if b"POST" in raw]


@asynccontextmanager
async def serve(cloud: Cloud) -> AsyncIterator[Cloud]:
    app = web.Application(client_max_size=64 * 2**20)
    app[CLOUD] = cloud
    app.router.add_post("/v1/messages", _messages)
    app.router.add_get("/v1/models/{model}", _model)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    cloud.url = f"http://{host}:{port}"
    try:
        yield cloud
    finally:
        await runner.cleanup()


CLOUD = web.AppKey("cloud", Cloud)


def text_of(message: dict[str, Any]) -> str:
    """A message's text, whether it came as such or in blocks."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


async def _remember(request: web.Request) -> bytes:
    head = f"{request.method} {request.path_qs}\r\n".encode()
    head += b"\r\n".join(b"%b: %b" % pair for pair in request.raw_headers)
    body = await request.read()
    request.app[CLOUD].received.append(head + b"\r\n\r\n" + body)
    return body


def _error(name: str, message: str = "no") -> web.Response:
    status, kind, code, headers = REFUSALS[name]
    error: dict[str, Any] = {"type": kind, "message": message}
    if code:
        error["details"] = {"error_code": code}
    return web.json_response({"type": "error", "error": error}, status=status, headers=headers)


def _unauthorized(request: web.Request) -> bool:
    """The key comes as a bearer's, as the SDK sends it now, or in the header of old."""
    key = request.app[CLOUD].key
    sent = request.headers.get("Authorization"), request.headers.get("x-api-key")
    return f"Bearer {key}" not in sent and key not in sent


async def _model(request: web.Request) -> web.Response:
    await _remember(request)
    if _unauthorized(request):
        return _error("401")
    if request.match_info["model"] != MODEL:
        return _error("404")
    return web.json_response(
        {"type": "model", "id": MODEL, "display_name": "Scripted", "created_at": "2026-01-01"}
    )


async def _messages(request: web.Request) -> web.StreamResponse:
    cloud = request.app[CLOUD]
    body = json.loads(await _remember(request))
    if _unauthorized(request):
        return _error("401")
    if body["model"] != MODEL:
        return _error("404")
    last = text_of(body["messages"][-1])
    said = dict(_DIRECTIVE.findall(last))
    fault = cloud.faults.pop(0) if cloud.faults else said.get("fault", "")
    if fault == "no_credit":
        return _error("400", "Your credit balance is too low to access the Anthropic API.")
    if fault == "silent":
        await asyncio.Event().wait()
    if fault == "too_long":
        return _error(fault, "prompt is too long: 300000 tokens > 200000 maximum")
    if fault in REFUSALS:
        return _error(fault)
    if fault == "redirect":
        return web.Response(status=307, headers={"Location": "/v1/elsewhere"})
    assert request.transport is not None
    if fault == "reset_before":
        request.transport.abort()
        raise ConnectionResetError
    if "echo" in said:
        words = re.findall(r"\S+\s*|\s+", _DIRECTIVE.sub("", last).strip())
    else:
        words = [f"tok{n} " for n in range(int(said.get("tokens", cloud.tokens)))]
    wanted = int(body["max_tokens"])
    words, reason = words[:wanted], "max_tokens" if wanted < len(words) else "end_turn"
    if "hold" in said:
        fault = "hold"
    if fault == "refusal":
        words, reason = words[:AT_FAULT], "refusal"
    delay = float(said["delay"]) / 1000 if "delay" in said else cloud.delay
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    cloud.open_streams += 1
    try:
        await _stream(response, request, words, reason, delay, fault, body)
    finally:
        cloud.open_streams -= 1
    return response


async def _stream(
    response: web.StreamResponse,
    request: web.Request,
    words: list[str],
    reason: str,
    delay: float,
    fault: str,
    body: dict[str, Any],
) -> None:
    async def send(kind: str, **data: Any) -> None:
        event = json.dumps({"type": kind, **data}, ensure_ascii=False)
        await response.write(f"event: {kind}\ndata: {event}\n\n".encode())

    asked = sum(len(text_of(message).split()) for message in body["messages"])
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    usage = {"input_tokens": asked, "cache_read_input_tokens": 0, "output_tokens": 1}
    await send("message_start", message={**message, "usage": usage})
    await send("content_block_start", index=0, content_block={"type": "text", "text": ""})
    await send("ping")
    for number, word in enumerate(words):
        if number == AT_FAULT:
            if fault == "stall":
                await asyncio.Event().wait()
            if fault == "reset":
                assert request.transport is not None
                request.transport.abort()
                raise ConnectionResetError
            if fault == "hold":
                await request.app[CLOUD].release.wait()
            if fault == "truncate":
                return None
            if fault == "overloaded_event":
                return await send("error", error={"type": "overloaded_error", "message": "no"})
            if fault == "garbage":
                await response.write(b"event: content_block_delta\ndata: {not json\n\n")
                return None
        if delay:
            await asyncio.sleep(delay)
        await send("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    await send("content_block_stop", index=0)
    ended = {"stop_reason": reason, "stop_sequence": None}
    await send("message_delta", delta=ended, usage={"output_tokens": len(words)})
    await send("message_stop")
    return None
