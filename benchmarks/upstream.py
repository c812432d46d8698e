"""A scripted model server that speaks the OpenAI chat protocol, for tests and measurements.

    python -m benchmarks.upstream --port 9000 --delay-ms 5 --tokens 200

It writes `tok0 tok1 tok2 …`, one token an event, each `delay` after the one before. What it does
can be changed for one request by words in the last message:

- `[echo]` answers with the last message's own words;
- `[tokens=7]`, `[delay=0]` (milliseconds);
- `[stamp]` writes the monotonic time of each token's sending in its place;
- `[fault=NAME]`, with NAME one of FAULTS.

It is light: chunks are built once and shared, and a token costs one timer and one write.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import re
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

FAULTS = (
    "401",
    "404",
    "429",
    "500",
    "503",
    "redirect",
    "context",  # 400: the prompt is too long
    "stall",  # no bytes after the third token
    "silent",  # headers, then never a token
    "reset_before",  # the connection drops before the status line
    "reset",  # the connection drops after the third token
    "truncate",  # a clean end after the third token, without finish_reason and [DONE]
    "error_event",  # an error object after the third token
    "garbage",  # an event that is not JSON
    "no_usage",
    "no_done",  # finish_reason, but no [DONE]
    "quota",  # 429: the account may spend no more
    "filtered",  # 400: the prompt was refused by a content filter
    "content_filter",  # a content filter cuts the answer off
    "slow_first",  # the first token after half a second
)
MODEL = "scripted"
AT_FAULT = 3  # tokens before a fault in the stream
_DIRECTIVE = re.compile(r"\[(\w+)(?:=([\w.]+))?\]")


@dataclass
class Script:
    """What the server does unless a message says otherwise. `delay` is in seconds."""

    tokens: int = 200
    delay: float = 0.005
    fault: str = ""
    key: str = ""
    refused: tuple[str, ...] = ()  # parameters that are an error here
    models: tuple[str, ...] = (MODEL,)
    # What was seen, for tests.
    requests: list[dict[str, Any]] = field(default_factory=list)
    remember: bool = False
    open_streams: int = 0
    aborted_streams: int = 0
    connections: set[int] = field(default_factory=set)


SCRIPT = web.AppKey("script", Script)


def text_of(tokens: int) -> str:
    """The whole answer of a plain request."""
    return "".join(f"tok{n} " for n in range(tokens))


def _event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": MODEL,
        "system_fingerprint": "fp_1",
        "choices": choices,
        **more,
    }
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


@functools.lru_cache(4096)
def _token(text: str) -> bytes:
    return _event([{"index": 0, "delta": {"content": text}, "finish_reason": None}])


@functools.lru_cache(4096)
def _framed(text: str) -> bytes:
    """A token's event as a chunk of HTTP/1.1's chunked encoding, ready for the socket."""
    return _frame(_token(text))


def _frame(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


def _stamped() -> bytes:
    return _STAMPED % f"{f'{time.monotonic():.5f}'.translate(_LETTERS)}? ".encode()


def read_stamp(word: str) -> float:
    """The monotonic time, in seconds, that a stamp tells."""
    return float(word.rstrip("?").translate(_DIGITS))


# Numbers would be looked at as accounts, and what is no question as claims without a source.
_LETTERS = str.maketrans("0123456789.", "aeioubdfglm")
_DIGITS = str.maketrans("aeioubdfglm", "0123456789.")


_STAMPED = _event([{"index": 0, "delta": {"content": "%s"}, "finish_reason": None}])
_FIRST = _event([{"index": 0, "delta": {"role": "assistant", "content": ""}}])
_END = b"data: [DONE]\n\n"


@functools.lru_cache(64)
def _finish(reason: str) -> bytes:
    return _event([{"index": 0, "delta": {}, "finish_reason": reason}])


@functools.lru_cache(64)
def _usage(asked: int, written: int) -> bytes:
    usage = {
        "prompt_tokens": asked,
        "completion_tokens": written,
        "total_tokens": asked + written,
    }
    return _event([], usage=usage)


def _error(status: int, kind: str, message: str, **headers: str) -> web.Response:
    body = {"error": {"message": message, "type": kind, "code": kind}}
    return web.json_response(body, status=status, headers=headers)


async def _models(request: web.Request) -> web.Response:
    script = request.app[SCRIPT]
    if script.fault == "401":
        return _error(401, "invalid_api_key", "Incorrect API key provided")
    listed = [{"id": name, "object": "model", "owned_by": "benchmarks"} for name in script.models]
    return web.json_response({"object": "list", "data": listed})


async def _completions(request: web.Request) -> web.StreamResponse:
    script = request.app[SCRIPT]
    if script.key and request.headers.get("Authorization") != f"Bearer {script.key}":
        return _error(401, "invalid_api_key", "Incorrect API key provided")
    body = json.loads(await request.read())
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    if script.remember:
        script.requests.append({"headers": dict(request.headers), "body": body})
        script.connections.add(transport.get_extra_info("peername")[1])
    last = body["messages"][-1]["content"]
    said = dict(_DIRECTIVE.findall(last))
    fault = said.get("fault") or script.fault
    for name in script.refused:
        if name in body:
            return _error(400, "unsupported_parameter", f"Unsupported parameter: '{name}'")
    if (refusal := _refuse(fault, body["model"], script)) is not None:
        return refusal
    if fault == "reset_before":
        transport.abort()
        raise ConnectionResetError
    if "echo" in said:
        words = re.findall(r"\S+\s*|\s+", _DIRECTIVE.sub("", last).strip())
    else:
        words = [f"tok{n} " for n in range(int(said.get("tokens", script.tokens)))]
    bound = body.get("max_tokens") or body.get("max_completion_tokens")
    wanted = int(bound or len(words))
    words, reason = words[:wanted], "length" if wanted < len(words) else "stop"
    asked = sum(len(message["content"].split()) for message in body["messages"])
    if not body.get("stream"):
        return web.json_response(_whole("".join(words), reason, asked, len(words)))
    delay = float(said["delay"]) / 1000 if "delay" in said else script.delay
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    script.open_streams += 1
    try:
        await _stream(response, transport, words, delay, fault, stamp="stamp" in said)
        if fault not in {"truncate", "error_event", "garbage"}:
            tail = _finish("content_filter" if fault == "content_filter" else reason)
            options = body.get("stream_options") or {}
            if options.get("include_usage") and fault != "no_usage":
                tail += _usage(asked, len(words))
            if fault != "no_done":
                tail += _END
            await response.write(tail)
        await response.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        script.aborted_streams += 1
        raise
    finally:
        script.open_streams -= 1
    return response


def _refuse(fault: str, model: str, script: Script) -> web.Response | None:
    if fault == "404" or model not in script.models:
        return _error(404, "model_not_found", f"The model {model} does not exist")
    if fault == "401":
        return _error(401, "invalid_api_key", "Incorrect API key provided")
    if fault == "429":
        return _error(429, "rate_limit", "Rate limit reached", **{"Retry-After": "7"})
    if fault == "quota":
        return _error(429, "insufficient_quota", "You exceeded your current quota")
    if fault == "filtered":
        return _error(400, "content_filter", "The response was filtered")
    if fault == "500":
        return _error(500, "server_error", "Internal error")
    if fault == "503":
        return _error(503, "overloaded", "Loading model", **{"Retry-After": "2"})
    if fault == "redirect":
        return web.Response(status=307, headers={"Location": "/v1/elsewhere"})
    if fault == "context":
        message = "This model's maximum context length is 10 tokens."
        return _error(400, "context_length_exceeded", message)
    return None


async def _stream(
    response: web.StreamResponse,
    transport: asyncio.Transport,
    words: list[str],
    delay: float,
    fault: str,
    *,
    stamp: bool,
) -> None:
    await response.write(_FIRST)
    if fault == "silent":
        await asyncio.Event().wait()
    if fault == "slow_first":
        await asyncio.sleep(0.5)
    if fault == "garbage":
        await response.write(b"data: {not json\n\n")
        return
    cut = AT_FAULT if fault in {"stall", "reset", "truncate", "error_event"} else len(words)
    if delay:
        pump = _Pump(transport, words[:cut], delay, stamp)
        try:
            await pump.done
        finally:
            pump.stop()
    else:  # as fast as it is read
        for word in words[:cut]:
            await response.write(_stamped() if stamp else _token(word))
    if fault == "stall":
        await asyncio.Event().wait()
    if fault == "reset":
        await asyncio.sleep(0.05)  # let what was written go out
        transport.abort()
        raise ConnectionResetError
    if fault == "error_event":
        error = {"error": {"message": "CUDA error", "type": "server_error", "code": 500}}
        await response.write(b"data: " + json.dumps(error).encode() + b"\n\n")


class _Pump:
    """Writes prepared chunks at their times, past aiohttp's own writer, from timers alone.

    Times are kept to the clock: what is late goes out at once, so the pace holds on a busy machine.
    """

    def __init__(
        self, transport: asyncio.Transport, words: list[str], delay: float, stamp: bool
    ) -> None:
        self._transport = transport
        self._words = words
        self._delay = delay
        self._stamp = stamp
        self._next = 0
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + delay
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._timer = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        self._timer.cancel()

    def _tick(self) -> None:
        if self._transport.is_closing():
            if not self.done.done():
                self.done.set_exception(ConnectionResetError())
            return
        now = self._loop.time()
        begun = self._next
        while self._next < len(self._words) and self._due <= now:
            self._next += 1
            self._due += self._delay
        if self._next > begun:
            due = self._words[begun : self._next]
            chunks = [_frame(_stamped()) if self._stamp else _framed(word) for word in due]
            self._transport.write(b"".join(chunks))
        if self._next < len(self._words):
            self._timer = self._loop.call_at(self._due, self._tick)
        elif not self.done.done():
            self.done.set_result(None)


def _whole(text: str, reason: str, asked: int, written: int) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": reason,
            }
        ],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": written,
            "total_tokens": asked + written,
        },
    }


def make_app(script: Script) -> web.Application:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app[SCRIPT] = script
    app.router.add_get("/v1/models", _models)
    app.router.add_post("/v1/chat/completions", _completions)
    return app


async def start(script: Script, port: int = 0) -> tuple[web.AppRunner, str]:
    """Serve on 127.0.0.1; returns the runner (`await runner.cleanup()` ends it) and the base URL,
    which includes `/v1`. Port 0 takes a free one.
    """
    runner = web.AppRunner(
        make_app(script),
        access_log=None,
        keepalive_timeout=75,
        handler_cancellation=True,
        shutdown_timeout=1,
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=4096)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


async def _serve(script: Script, port: int) -> None:
    _, url = await start(script, port)
    print(url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--delay-ms", type=float, default=5.0)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--fault", default="", choices=("", *FAULTS))
    arguments = parser.parse_args()
    script = Script(arguments.tokens, arguments.delay_ms / 1000, arguments.fault)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(script, arguments.port))
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
