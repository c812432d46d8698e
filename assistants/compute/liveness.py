"""Worker processes say in the broker that they live; `/healthz` reads it."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis
import redis.asyncio
from celery import signals

from assistants import conf
from assistants.compute.lanes import LANES

EVERY = 1.0  # seconds
EXPIRY = 10  # seconds; many words may be lost before a part counts as gone
PATIENCE = 3.0  # seconds for the broker to answer
PR_SET_PDEATHSIG = 1  # linux/prctl.h


_PREFIXES = {lane.part: lane.prefix for lane in LANES}


def alive_key(part: str) -> str:
    return f"{_PREFIXES.get(part, '')}alive:{part}"


async def get_alive(client: redis.asyncio.Redis, parts: Sequence[str]) -> dict[str, bool]:
    """Which parts have told of themselves within `EXPIRY`. Raises `redis.RedisError`."""
    values = await client.mget([alive_key(part) for part in parts])
    return {part: value is not None for part, value in zip(parts, values, strict=True)}


async def get_silence(client: redis.asyncio.Redis, part: str) -> float:
    """Seconds since a part told of itself, by the broker's clock; infinity from `EXPIRY` on.
    Raises `redis.RedisError`.
    """
    left = await client.pttl(alive_key(part))
    return EXPIRY - left / 1000 if left >= 0 else math.inf


def announce(also: Callable[[], Iterable[str]] = tuple) -> None:
    """To be called where a Celery app is made: its workers and beat then tell of themselves.

    `also` names further keys of the broker that are to be there as long as they live.

    A worker's part is its node name before the `@` (`celery worker -n trusted@%h`); beat's is
    `beat`. Any number of processes may be the same part.
    """
    _also.append(also)
    signals.worker_ready.connect(_worker_ready, weak=False)
    signals.beat_init.connect(_beat_init, weak=False)
    signals.worker_process_init.connect(_die_with_parent, weak=False)


_also: list[Callable[[], Iterable[str]]] = []


def _worker_ready(sender: Any, **kwargs: object) -> None:
    _start(str(sender.hostname).partition("@")[0])


def _beat_init(**kwargs: object) -> None:
    _start("beat")


def _start(part: str) -> None:
    threading.Thread(target=_tell, args=(part,), name="liveness", daemon=True).start()


def _tell(part: str) -> None:
    client = redis.Redis.from_url(
        conf.load().redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
    )
    while True:
        with contextlib.suppress(redis.RedisError):  # whoever needs the broker will complain
            pipeline = client.pipeline(transaction=False)
            for key in (alive_key(part), *(key for each in _also for key in each())):
                pipeline.set(key, os.getpid(), ex=EXPIRY)
            pipeline.execute()
        time.sleep(EVERY)


def _die_with_parent(**kwargs: object) -> None:
    """A pool's child must not go on computing after a hard kill of its worker."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
