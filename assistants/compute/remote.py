"""The caller's side of a generation that a worker computes: send it, read its stream, watch it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import redis.asyncio
import redis.exceptions
from kombu.exceptions import OperationalError

from assistants.compute import dispatch, wire
from assistants.compute.broker import async_client
from assistants.compute.health import is_worker_alive
from assistants.compute.providers.base import failure
from assistants.exceptions import ProviderError
from assistants.types import DeploymentSpec, Finished, GenerationEvent, Prompt

RENEW_SECONDS = 5.0
SILENCE_SECONDS = 10.0  # after the worker began; it gives a sign each 2 s
NO_WORKER_SECONDS = 15.0  # a worker that restarts is back within this time
QUEUE_SECONDS = 180.0
BLOCK_MS = 1000

BROKER_DOWN = (redis.exceptions.RedisError, OSError)


async def generate(
    prompt: Prompt, deployment: DeploymentSpec, *, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """See `compute.generate`. Codes of its own: `unreachable` (no worker), `overloaded` (the queue
    is long), `interrupted` (the worker fell silent).
    """
    client = async_client()
    renewing: asyncio.Task[None] | None = None
    over = False
    try:
        await client.set(wire.wanted_key(generation_id), 1, ex=wire.WANTED_SECONDS)
        renewing = asyncio.create_task(_stay_wanted(client, generation_id))
        payload = wire.encode_request(generation_id, prompt, deployment)
        await asyncio.to_thread(dispatch.send, payload)
        async for event in _follow(client, generation_id):
            over = isinstance(event, Finished)
            yield event
    except ProviderError as error:
        over = error.code not in {"interrupted", "overloaded", "unreachable"}
        raise
    except (OperationalError, *BROKER_DOWN) as error:
        raise failure("unreachable", f"the broker: {type(error).__name__}") from None
    finally:
        if renewing is not None:
            renewing.cancel()
        if not over:
            with contextlib.suppress(*BROKER_DOWN):
                pipeline = client.pipeline(transaction=False)
                pipeline.set(wire.stop_key(generation_id), 1, ex=wire.KEEP_SECONDS)
                pipeline.delete(wire.wanted_key(generation_id))
                await pipeline.execute()


async def _stay_wanted(client: redis.asyncio.Redis, generation_id: str) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with contextlib.suppress(*BROKER_DOWN):
            await client.set(wire.wanted_key(generation_id), 1, ex=wire.WANTED_SECONDS)


async def _follow(
    client: redis.asyncio.Redis, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """The stream's events up to and with Finished. Raises ProviderError."""
    loop = asyncio.get_running_loop()
    stream = wire.stream_key(generation_id)
    last_id, last_number = "0", 0
    sent = alive = heard = loop.time()
    while True:
        found: Any = await client.xread({stream: last_id}, block=BLOCK_MS, count=256)
        for entry_id, entry in found[0][1] if found else ():
            last_id, number = entry_id, int(entry["n"])
            if number <= last_number:
                continue
            last_number = number
            event = wire.decode(entry)
            if isinstance(event, ProviderError):
                raise event
            if event is not None:
                yield event
            if isinstance(event, Finished):
                return
        now = loop.time()
        if found:
            heard = now
        elif last_number:
            if now - heard > SILENCE_SECONDS:
                raise failure("interrupted", f"no sign from the worker for {SILENCE_SECONDS} s")
        else:
            if await is_worker_alive():
                alive = now
            if now - alive > NO_WORKER_SECONDS:
                raise failure("unreachable", "no model worker is running")
            if now - sent > QUEUE_SECONDS:
                raise failure("overloaded", f"not begun after {QUEUE_SECONDS:.0f} s in the queue")
