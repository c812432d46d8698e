"""The caller's side of a generation that a worker computes: send it, read its stream, watch it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import redis.asyncio
import redis.exceptions
from kombu.exceptions import OperationalError

from assistants.compute import dispatch, wire
from assistants.compute.broker import async_client
from assistants.compute.health import is_worker_alive
from assistants.compute.lanes import CLOUD, ON_PREM, Lane
from assistants.compute.providers.base import failure
from assistants.exceptions import ProviderError
from assistants.types import CLOUD as IN_A_CLOUD
from assistants.types import DeploymentSpec, Finished, GenerationEvent, Prompt

RENEW_SECONDS = 5.0
BLOCK_MS = 1000

BROKER_DOWN = (redis.exceptions.RedisError, OSError)


def generate(
    prompt: Prompt, deployment: DeploymentSpec, *, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """See `compute.generate`. Codes of its own: `unreachable` (no worker), `overloaded` (the queue
    is long), `interrupted` (the worker fell silent).
    """
    payload = wire.encode_request(generation_id, prompt, deployment)
    return _ask(ON_PREM, generation_id, payload)


def generate_sealed(
    payload: str, ticket: str, deployment: DeploymentSpec, *, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """Have a cloud worker send what `encode_sealed` made, with the ticket signed for it.

    Promises what `generate` does; text still holds placeholders. Codes of its own are those of
    `generate`, and `egress_refused` (the worker found the ticket or the deployment wanting).
    Raises ValueError for a payload of another generation, and ProviderError at once for a
    deployment that is in no cloud.
    """
    if deployment.environment != IN_A_CLOUD:
        raise failure("egress_refused", f"{deployment.slug} is in no cloud")
    if json.loads(payload)["id"] != generation_id:
        raise ValueError("the payload is another generation's")
    return _ask(CLOUD, generation_id, payload, ticket)


async def _ask(lane: Lane, generation_id: str, *args: str) -> AsyncGenerator[GenerationEvent, None]:
    client = async_client()
    wanted = wire.wanted_key(lane, generation_id)
    renewing: asyncio.Task[None] | None = None
    over = False
    try:
        await client.set(wanted, 1, ex=wire.WANTED_SECONDS)
        renewing = asyncio.create_task(_stay_wanted(client, wanted))
        await asyncio.to_thread(dispatch.send, lane, *args)
        async for event in _follow(client, lane, generation_id):
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
                pipeline.set(wire.stop_key(lane, generation_id), 1, ex=wire.KEEP_SECONDS)
                pipeline.delete(wanted)
                await pipeline.execute()


async def _stay_wanted(client: redis.asyncio.Redis, wanted: str) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with contextlib.suppress(*BROKER_DOWN):
            await client.set(wanted, 1, ex=wire.WANTED_SECONDS)


async def _follow(
    client: redis.asyncio.Redis, lane: Lane, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """The stream's events up to and with Finished. Raises ProviderError."""
    loop = asyncio.get_running_loop()
    stream = wire.stream_key(lane, generation_id)
    last_id, last_number = "0", 0
    sent = alive = heard = loop.time()
    while True:
        found: Any = await client.xread({stream: last_id}, block=BLOCK_MS, count=256)
        for entry_id, entry in found[0][1] if found else ():
            last_id = entry_id
            number, event = _read(entry)
            if number <= last_number:
                continue
            last_number = number
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
            if now - heard > lane.silence_seconds:
                raise failure("interrupted", f"no sign from the worker for {now - heard:.0f} s")
        else:
            if await is_worker_alive(lane):
                alive = now
            if now - alive > lane.no_worker_seconds:
                raise failure("unreachable", f"no {lane.part} worker is running")
            if now - sent > lane.queue_seconds:
                raise failure("overloaded", f"not begun after {now - sent:.0f} s in the queue")


def _read(entry: Mapping[str, str]) -> tuple[int, GenerationEvent | ProviderError | None]:
    try:
        return int(entry["n"]), wire.decode(entry)
    except (KeyError, ValueError):
        # A worker of a cloud is believed in nothing: what it writes may be anything.
        raise failure("bad_response", "an entry of the stream cannot be read") from None
