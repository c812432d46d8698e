"""How each deployment is doing, told by all workers to the broker and read before a route is made.

Three things a deployment: answers in flight (a sorted set, each with the moment from which it
counts no more, so that a killed worker's do not stay), the time to the first word (a moving
average), and the circuit that all workers open and close together. Telling never delays an answer,
and where the broker is away nothing is known: then each process goes by its own circuits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from typing import Any

import redis.exceptions

from assistants.compute.broker import BROKER_DOWN, async_client, sync_client
from assistants.compute.loop import start
from assistants.types import Delta, Finished, GenerationEvent, Load

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN = 3
OPEN_SECONDS = 15.0

LONGEST_FLIGHT = 180  # seconds; a generation that lasts longer is not counted any more
# A deployment that is not asked, since it was slow, is unknown after this, and tried again.
REMEMBER_SECONDS = 120
WEIGHT = 0.25  # of the newest first word in the average
_AWAY = (*BROKER_DOWN, redis.exceptions.RedisError)


def _flights(slug: str) -> str:
    return f"deployment:{slug}:flights"


def _latency(slug: str) -> str:
    return f"deployment:{slug}:latency"


def _circuit(slug: str) -> str:
    return f"deployment:{slug}:circuit"


# KEYS: latency. ARGV: milliseconds, weight, seconds to remember, and 1 where the first word had not
# come by then: that can only raise the average.
_AVERAGE = """
local before = tonumber(redis.call('get', KEYS[1]) or ARGV[1])
if ARGV[4] == '1' and tonumber(ARGV[1]) < before then return end
local average = before + (ARGV[1] - before) * ARGV[2]
redis.call('set', KEYS[1], tostring(average), 'EX', ARGV[3])
"""
# KEYS: circuit. ARGV: failures that open it, milliseconds that it stays open. The broker's clock.
_FAIL = """
local now = redis.call('time')
local failures = redis.call('hincrby', KEYS[1], 'failures', 1)
if failures >= tonumber(ARGV[1]) then
    redis.call('hset', KEYS[1], 'until', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2])
end
redis.call('pexpire', KEYS[1], ARGV[2] * 4)
"""
# KEYS: circuits. ARGV: milliseconds that a probe has, or 0 to look without taking one. Of each 1
# when it is closed, or when its time is over: then for the one caller only who takes the probe.
_ALLOWED = """
local now = redis.call('time')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local allowed = {}
for i, key in ipairs(KEYS) do
    local until_ = tonumber(redis.call('hget', key, 'until') or 0)
    allowed[i] = now >= until_ and 1 or 0
    if until_ > 0 and now >= until_ and tonumber(ARGV[1]) > 0 then
        redis.call('hset', key, 'until', now + ARGV[1])
    end
end
return allowed
"""


def get_loads(slugs: Sequence[str], *, probe: bool = True) -> dict[str, Load] | None:
    """What is known of each deployment; blocks for one round trip. None where nothing can be.

    `probe` says that a request follows: of a deployment that failed a while ago, one caller in
    fifteen seconds hears that it is healthy. Without it nothing is taken.
    """
    if not slugs:
        return {}
    now = time.time()
    pipeline = sync_client().pipeline(transaction=False)
    pipeline.mget([_latency(slug) for slug in slugs])
    patience = int(OPEN_SECONDS * 1000) if probe else 0
    pipeline.eval(_ALLOWED, len(slugs), *[_circuit(slug) for slug in slugs], patience)
    for slug in slugs:
        pipeline.zcount(_flights(slug), now, "+inf")
    try:
        latencies, allowed, *flights = pipeline.execute()
    except _AWAY as error:
        logger.warning("what is known of deployments cannot be read: %s", error)
        return None
    return {
        slug: Load(bool(allowed[n]), float(latencies[n]) if latencies[n] else None, flights[n])
        for n, slug in enumerate(slugs)
    }


async def measured(
    events: AsyncGenerator[GenerationEvent, None], slug: str, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """The same events; meanwhile the deployment has one answer more in flight."""
    started = time.monotonic()
    first: float | None = None
    given_up: float | None = None
    finished = False
    departure = tell(_depart(slug, generation_id))
    try:
        async with aclosing(events):
            async for event in events:
                if first is None and isinstance(event, Delta):
                    first = (time.monotonic() - started) * 1000
                finished = isinstance(event, Finished)
                yield event
    except (GeneratorExit, asyncio.CancelledError):
        given_up = (time.monotonic() - started) * 1000
        raise
    finally:
        tell(_land(slug, generation_id, departure, first, given_up, finished))


async def _depart(slug: str, generation_id: str) -> None:
    now = time.time()
    pipeline = async_client().pipeline(transaction=False)
    pipeline.zadd(_flights(slug), {generation_id: now + LONGEST_FLIGHT})
    pipeline.zremrangebyscore(_flights(slug), "-inf", now)
    pipeline.expire(_flights(slug), LONGEST_FLIGHT)
    await pipeline.execute()


async def _land(
    slug: str,
    generation_id: str,
    departure: Future[None],
    first_token_ms: float | None,
    given_up_ms: float | None,
    finished: bool,
) -> None:
    await asyncio.wrap_future(departure)
    pipeline = async_client().pipeline(transaction=False)
    pipeline.zrem(_flights(slug), generation_id)
    latency = given_up_ms if first_token_ms is None else first_token_ms
    if latency is not None:
        least = int(first_token_ms is None)
        pipeline.eval(_AVERAGE, 1, _latency(slug), latency, WEIGHT, REMEMBER_SECONDS, least)
    if finished and first_token_ms is not None:
        pipeline.delete(_circuit(slug))
    await pipeline.execute()


async def share_outcome(slug: str, ok: bool) -> None:
    """Tell all workers how a request went; see `record_outcome`."""
    if ok:
        await async_client().delete(_circuit(slug))
    else:
        patience = int(OPEN_SECONDS * 1000)
        await async_client().eval(_FAIL, 1, _circuit(slug), FAILURES_TO_OPEN, patience)


def tell(telling: Coroutine[Any, Any, None]) -> Future[None]:
    """Let it be told on the shared loop; nobody has to wait, and it never fails."""
    return start(_quietly(telling))


async def _quietly(telling: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(5):
            await telling
    except (TimeoutError, *_AWAY) as error:
        logger.warning("what was learned of a deployment is lost: %s", error)
