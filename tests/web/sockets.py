"""A client of the chat websocket, as a browser tab is one, against the running product."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from benchmarks.product import Product

Frame = dict[str, Any]
ENDS = {"answer.completed", "answer.failed", "answer.blocked", "answer.held"}
PATIENCE_SECONDS = 60


@asynccontextmanager
async def signed_in(product: Product, username: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the cookies of somebody who has signed in by the form."""
    headers = {"Origin": product.url, "Referer": product.url}
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
        async with session.get(product.url + "/accounts/login/") as page:
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', await page.text())
        assert found
        form = {
            "csrfmiddlewaretoken": found[1],
            "username": username,
            "password": product.password,
        }
        url = product.url + "/accounts/login/"
        async with session.post(url, data=form, allow_redirects=False) as reply:
            assert reply.status == 302, await reply.text()
        yield session


class Tab:
    """One open socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **frame: object) -> None:
        await self.socket.send_json(frame)

    async def receive(self) -> Frame:
        message = await self.socket.receive(PATIENCE_SECONDS)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
        frame: Frame = json.loads(message.data)
        return frame

    async def ask(self, text: str, assistant: str = "compliance", **extra: object) -> Frame:
        """Send a message; returns `message.accepted`."""
        client_id = str(extra.pop("client_id", uuid.uuid4()))
        frame = {"conversation": None, "attachments": [], **extra}
        await self.send(
            type="message.send", client_id=client_id, assistant=assistant, text=text, **frame
        )
        accepted = await self.receive()
        assert accepted["type"] == "message.accepted", accepted
        assert accepted["client_id"] == client_id
        return accepted

    async def frames(
        self, answer: str, until: Callable[[Frame], bool] = lambda frame: False
    ) -> list[Frame]:
        """The answer's frames up to its end, or to the first for which `until` holds."""
        frames: list[Frame] = []
        while True:
            frame = await self.receive()
            if frame.get("answer") != answer:
                continue
            frames.append(frame)
            if frame["type"] in ENDS or until(frame):
                return frames

    async def closed(self) -> int:
        """Wait for the server to close the socket; returns its code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in self.socket:
                pass
        return self.socket.close_code or 0


@asynccontextmanager
async def open_tab(session: aiohttp.ClientSession, product: Product) -> AsyncIterator[Tab]:
    async with session.ws_connect(product.socket_url) as socket:
        yield Tab(socket)


def text_of(frames: list[Frame]) -> str:
    return "".join(frame["text"] for frame in frames if frame["type"] == "answer.delta")


def check_contiguous(frames: list[Frame], first: int = 1) -> None:
    """Frames are numbered without a gap or a repeat."""
    numbers = [frame["id"] for frame in frames]
    assert numbers == list(range(first, first + len(numbers))), numbers
