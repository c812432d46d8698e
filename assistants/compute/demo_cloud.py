"""A stand-in for a cloud, for trying the product out on one machine; never a cloud.

    python -m assistants.compute.demo_cloud --port 8001

It speaks Anthropic's Messages API on 127.0.0.1 and answers with the local model, by way of the
model worker. Each answer begins with the question as it came over the wire, so that a person sees
what was sealed and how it comes back. What it was sent is kept, byte for byte but for the key, in
`STATE_DIR/demo_cloud`, and shown at `/`.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import html
import json
import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from aiohttp import web

from assistants import conf
from assistants.compute import remote
from assistants.exceptions import ProviderError
from assistants.types import (
    ON_PREM,
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Prompt,
    PromptMessage,
    Role,
    Usage,
)

KEY = "DEMO_CLOUD_API_KEY"
MOST_KEPT = 200
LONGEST_KEPT = 1024 * 1024  # bytes
LONGEST_REQUEST = 8 * LONGEST_KEPT
LONGEST_RESTATED = 600  # characters
LONGEST_ANSWER = 200  # tokens
SECRET_HEADERS = (b"authorization", b"x-api-key")
ANSWERS = DeploymentSpec("demo-cloud", "local", ON_PREM, "", "", context_tokens=2048)
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Demo cloud</title>
<style>body{{font:15px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}}
pre{{white-space:pre-wrap;background:#8881;padding:.8rem;border-radius:.4rem}}</style>
<h1>Demo cloud</h1>
<p>A stand-in on this machine: what it is sent here would leave the premises, if it were a cloud.
The last {most} requests are kept; these are the newest, with the last message of each.</p>
{requests}</html>"""


class Records:
    """The requests that came, numbered; a file each, the newest `MOST_KEPT` of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def numbers(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.txt") if file.stem.isdigit())

    def append(self, head: bytes, body: bytes) -> None:
        numbers = self.numbers()
        for old in numbers[: max(0, len(numbers) - MOST_KEPT + 1)]:
            self._file(old).unlink(missing_ok=True)
        raw = head + b"\r\n\r\n" + body
        if len(raw) > LONGEST_KEPT:
            raw = raw[:LONGEST_KEPT] + b"\n[the rest is not kept]"
        file = self._file(numbers[-1] + 1 if numbers else 1)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(raw)

    def read(self, number: int) -> bytes:
        """Raises FileNotFoundError."""
        return self._file(number).read_bytes()

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.txt"


RECORDS = web.AppKey("records", Records)


def make_app(records: Records) -> web.Application:
    app = web.Application(client_max_size=LONGEST_REQUEST, middlewares=[_only_here])
    app[RECORDS] = records
    app.router.add_get("/", _page)
    app.router.add_get(r"/requests/{number:\d{1,9}}", _request)
    app.router.add_get("/v1/models/{model}", _model)
    app.router.add_post("/v1/messages", _messages)
    return app


@web.middleware
async def _only_here(request: web.Request, handler: Any) -> web.StreamResponse:
    """A page from elsewhere, whose name was made to lead here, reads nothing."""
    if request.host.partition(":")[0] not in {"127.0.0.1", "localhost"}:
        raise web.HTTPForbidden(text="This is for this machine only.")
    response: web.StreamResponse = await handler(request)
    return response


# -- for people ------------------------------------------------------------------------------------


async def _page(request: web.Request) -> web.Response:
    records = request.app[RECORDS]
    shown = [_entry(number, records.read(number)) for number in records.numbers()[:-51:-1]]
    return web.Response(
        text=PAGE.format(most=MOST_KEPT, requests="\n".join(shown) or "<p>None came yet.</p>"),
        content_type="text/html",
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _entry(number: int, raw: bytes) -> str:
    try:
        last = _text(json.loads(raw.partition(b"\r\n\r\n")[2])["messages"][-1])
    except (ValueError, LookupError, TypeError):
        last = "(no message)"
    return (
        f'<h2><a href="/requests/{number}">Request {number}</a>, {len(raw)} bytes</h2>'
        f"<pre>{html.escape(last)}</pre>"
    )


async def _request(request: web.Request) -> web.Response:
    try:
        raw = request.app[RECORDS].read(int(request.match_info["number"]))
    except FileNotFoundError:
        raise web.HTTPNotFound(text="No such request.") from None
    return web.Response(body=raw, content_type="text/plain", charset="utf-8")


# -- the protocol ----------------------------------------------------------------------------------


def _check_key(request: web.Request) -> None:
    key = os.environ.get(KEY, "")
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    sent = sent or request.headers.get("x-api-key", "")
    if not key or not hmac.compare_digest(sent.encode(), key.encode()):
        raise web.HTTPUnauthorized(
            text=_error("authentication_error", "invalid key"), content_type="application/json"
        )


def _error(kind: str, message: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}})


async def _model(request: web.Request) -> web.Response:
    _check_key(request)
    name = request.match_info["model"]
    return web.json_response({"type": "model", "id": name, "display_name": name})


async def _messages(request: web.Request) -> web.StreamResponse:
    raw = await request.read()
    head = f"{request.method} {request.path_qs}\r\n".encode() + b"\r\n".join(
        b"%b: %b" % (name, b"(not kept)" if name.lower() in SECRET_HEADERS else value)
        for name, value in request.raw_headers
    )
    await asyncio.to_thread(request.app[RECORDS].append, head, raw)
    _check_key(request)
    try:
        body = json.loads(raw)
        prompt = _prompt(body)
        model = str(body["model"])
    except (ValueError, LookupError, TypeError):
        return web.Response(
            text=_error("invalid_request_error", "not a request of the Messages API"),
            status=400,
            content_type="application/json",
        )
    async with aclosing(
        remote.generate(prompt, ANSWERS, generation_id=str(uuid.uuid4()))
    ) as events:
        try:
            await anext(events)
        except ProviderError as error:
            return web.Response(
                text=_error("overloaded_error", error.code),
                status=529,
                content_type="application/json",
            )
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await _stream(response, model, prompt, events)
    return response


def _prompt(body: dict[str, Any]) -> Prompt:
    system = body.get("system") or ""
    if not isinstance(system, str):
        system = "\n\n".join(block["text"] for block in system)
    turns = [PromptMessage(Role(m["role"]), _text(m)) for m in body["messages"]]
    first = [PromptMessage(Role.SYSTEM, system)] if system else []
    return Prompt(
        messages=(*first, *turns),
        question=turns[-1].text,
        max_tokens=min(int(body["max_tokens"]), LONGEST_ANSWER),
    )


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


def _preface(prompt: Prompt) -> str:
    """A person asked about the documents; of what was sent, the question is its end."""
    asked = prompt.question.rpartition("\nQuestion: ")[2].strip()
    if len(asked) > LONGEST_RESTATED:
        asked = asked[:LONGEST_RESTATED] + " …"
    quoted = "\n".join(f"> {line}" for line in asked.splitlines())
    return (
        "**A stand-in for a cloud answers.** This question reached it, sealed:\n\n"
        f"{quoted}\n\nThe small model behind it says:\n\n"
    )


async def _stream(
    response: web.StreamResponse,
    model: str,
    prompt: Prompt,
    events: AsyncGenerator[GenerationEvent, None],
) -> None:
    async def send(kind: str, **data: Any) -> None:
        event = json.dumps({"type": kind, **data}, ensure_ascii=False)
        await response.write(f"event: {kind}\ndata: {event}\n\n".encode())

    async def say(text: str) -> None:
        await send("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    about = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant"}
    message = {**about, "model": model, "content": [], "usage": {"input_tokens": 0}}
    await send("message_start", message=message)
    await send("content_block_start", index=0, content_block={"type": "text", "text": ""})
    await say(_preface(prompt))
    reason, usage = FinishReason.STOP, Usage()
    try:
        async for event in events:
            if isinstance(event, Delta):
                await say(event.text)
            elif isinstance(event, Finished):
                reason, usage = event.reason, event.usage
    except ProviderError as error:
        await send("error", error={"type": "overloaded_error", "message": error.code})
        return
    await send("content_block_stop", index=0)
    ended = "max_tokens" if reason is FinishReason.LENGTH else "end_turn"
    await send(
        "message_delta",
        delta={"stop_reason": ended, "stop_sequence": None},
        usage={"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens},
    )
    await send("message_stop")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    records = Records(conf.load().state_dir / "demo_cloud")
    web.run_app(
        make_app(records),
        host="127.0.0.1",
        port=arguments.port,
        access_log=None,
        print=None,
        handler_cancellation=True,
        shutdown_timeout=1,
    )


if __name__ == "__main__":
    main()
