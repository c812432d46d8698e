"""Scripts in the broker, called for many answers at once.

A round trip costs this side several times what the script in it costs. Calls that come while a
batch is under way therefore wait together and go as the next one: one alone is not delayed, and
the more answers stream, the less each call costs.
"""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from assistants.compute.broker import BROKER_DOWN, async_client, patiently

Argument = str | int

# Where calls keep coming while one batch is under way, the next one waits for so long: the same
# round trip then serves more of them.
GATHER_SECONDS = 0.004


class Script:
    """A Lua script. Repeating a call must do no harm: the reply may be lost with a connection."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """The script's reply. Outlives a broker that goes away for up to a minute."""
        return await _Batches.of_this_loop().call(_Call(self, keys, arguments))


class _Call:
    __slots__ = ("arguments", "keys", "reply", "script")

    def __init__(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> None:
        self.script = script
        self.keys = keys
        self.arguments = arguments
        self.reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class _Batches:
    """The calls of one event loop."""

    _of: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Batches] = (
        weakref.WeakKeyDictionary()
    )

    @classmethod
    def of_this_loop(cls) -> _Batches:
        loop = asyncio.get_running_loop()
        if loop not in cls._of:
            cls._of[loop] = cls()
        return cls._of[loop]

    def __init__(self) -> None:
        self._waiting: list[_Call] = []
        self._sending: asyncio.Task[None] | None = None

    async def call(self, call: _Call) -> Any:
        self._waiting.append(call)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return await call.reply

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                replies = await patiently(lambda batch=batch: _execute(batch))
            except asyncio.CancelledError:
                for call in batch + self._waiting:
                    call.reply.cancel()
                raise
            except Exception as error:
                replies = [error] * len(batch)
            for call, reply in zip(batch, replies, strict=True):
                if call.reply.done():  # whoever called was cancelled meanwhile
                    continue
                if isinstance(reply, Exception):
                    call.reply.set_exception(reply)
                else:
                    call.reply.set_result(reply)
            if len(self._waiting) > 1:
                await asyncio.sleep(GATHER_SECONDS)


async def _execute(batch: Sequence[_Call]) -> list[Any]:
    """The replies, in order; an exception in the place of one that failed for itself."""
    replies = await _execute_known(batch)
    if any(isinstance(reply, NoScriptError) for reply in replies):  # a broker that was restarted
        client = async_client()
        for text in {call.script.text for call in batch}:
            await client.script_load(text)
        unknown = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        again = await _execute_known([batch[number] for number in unknown])
        for number, reply in zip(unknown, again, strict=True):
            replies[number] = reply
    return replies


async def _execute_known(batch: Sequence[_Call]) -> list[Any]:
    pipeline = async_client().pipeline(transaction=False)
    for call in batch:
        pipeline.evalsha(call.script.sha1, len(call.keys), *call.keys, *call.arguments)
    replies: list[Any] = await pipeline.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, BROKER_DOWN):  # while it still loads its file, say
            raise reply
    return replies
