"""Clients for the broker (Redis or Valkey), made in one place so that all of them are safe.

redis-py's defaults are wrong for long streams: a socket timeout of five seconds breaks blocking
reads and drops idle sockets, and a hundred connections starve the hundred-and-first stream.
"""

from __future__ import annotations

import asyncio
import functools
import time
import weakref
from typing import Any

import redis
import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from assistants import conf

MAX_CONNECTIONS = 8192
CONNECT_TIMEOUT = 5.0
PATIENCE_SECONDS = 60

BROKER_DOWN = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.BusyLoadingError,
    OSError,
)

# Five tries within about 1.6 s: longer than the broker takes to restart, and shorter than a lease.
# A repeated XADD may append twice: a writer numbers its entries, a reader skips what it has seen.
_BACKOFF = ExponentialBackoff(cap=0.8, base=0.05)
_RETRIES = 5

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = (
    weakref.WeakKeyDictionary()
)


def async_client() -> redis.asyncio.Redis:
    """The one client of the running event loop. Answers are text; a blocking read may last.

    Raises RuntimeError where no loop runs.
    """
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = redis.asyncio.Redis.from_url(
            conf.load().redis_url,
            decode_responses=True,
            socket_timeout=None,
            socket_connect_timeout=CONNECT_TIMEOUT,
            max_connections=MAX_CONNECTIONS,
            retry=AsyncRetry(_BACKOFF, _RETRIES),
        )
    return client


async def close_async_client() -> None:
    """Close the running loop's client, if there is one; for the end of a loop's life."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


@functools.cache
def sync_client() -> redis.Redis:
    """The one blocking client of this process, safe between threads. Answers are text."""
    return redis.Redis.from_url(
        conf.load().redis_url,
        decode_responses=True,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_TIMEOUT,
        max_connections=MAX_CONNECTIONS,
        retry=Retry(_BACKOFF, _RETRIES),
    )


async def patiently(call: Any) -> Any:
    """Await `call()`, again and again while the broker is away, for a minute at most."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.05
    while True:
        try:
            return await call()
        except BROKER_DOWN:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
