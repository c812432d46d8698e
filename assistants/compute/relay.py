"""A worker's side of a generation: run it and write its events to the broker, while it is wanted.

One way for every lane: the model worker and the cloud worker differ in what they run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable
from typing import Any

import redis.asyncio
from celery import signals

from assistants.compute import wire
from assistants.compute.broker import async_client
from assistants.compute.lanes import Lane
from assistants.compute.providers.base import failure
from assistants.exceptions import ProviderError
from assistants.types import Delta, Finished, FinishReason, GenerationEvent

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.03
LOOK_SECONDS = 0.25  # how long a stop can go unnoticed while nothing is written

Events = AsyncGenerator[GenerationEvent, None]
_ending = threading.Event()


@signals.worker_shutting_down.connect
def _end(**kwargs: Any) -> None:
    """Tell the caller at once, so that it asks elsewhere, instead of falling silent."""
    _ending.set()


async def run(lane: Lane, generation_id: str, start: Callable[[], Events]) -> None:
    """Run one generation, unless another worker has it or its caller is gone.

    Never raises for what the generation does: its end is in the stream. A log line names the
    error's kind and place only, since its text may repeat what was sent.
    """
    client = async_client()
    claim = await client.set(
        wire.claim_key(lane, generation_id), os.getpid(), nx=True, ex=wire.KEEP_SECONDS
    )
    if not claim or not await client.exists(wire.wanted_key(lane, generation_id)):
        return
    writer = _Writer(client, lane, generation_id)
    begun = time.monotonic()
    try:
        await writer.append(wire.heartbeat())
        events = start()
        try:
            await _relay(events, writer)
        finally:
            await events.aclose()
    except _Unwanted:
        logger.info("generation %s was stopped", generation_id)
        await writer.append(wire.encode_event(Finished(FinishReason.STOPPED_BY_USER)), last=True)
    except ProviderError as error:
        logger.warning("generation %s: %s: %s", generation_id, error.code, error)
        if error.__cause__:
            logger.warning("generation %s: caused by %s", generation_id, _kind(error.__cause__))
        await writer.append(wire.encode_error(error), last=True)
    except Exception as error:
        logger.error("generation %s failed: %s", generation_id, _kind(error))
        await writer.append(wire.encode_error(failure("bad_response", "see the log")), last=True)
    else:
        logger.info("generation %s took %.1f s", generation_id, time.monotonic() - begun)


async def refuse(lane: Lane, generation_id: str, error: ProviderError) -> None:
    """Write an error as the one entry of a generation that is not begun."""
    writer = _Writer(async_client(), lane, generation_id)
    await writer.append(wire.encode_error(error), last=True)


def _kind(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class _Unwanted(Exception):
    """The caller asked to stop, or is gone."""


class _Writer:
    """Appends to the generation's stream, and looks each time whether it is still wanted."""

    def __init__(self, client: redis.asyncio.Redis, lane: Lane, generation_id: str) -> None:
        self._client = client
        self._stream = wire.stream_key(lane, generation_id)
        self._stop = wire.stop_key(lane, generation_id)
        self._wanted = wire.wanted_key(lane, generation_id)
        self._number = 0
        self.heartbeat_seconds = lane.heartbeat_seconds
        self.wrote_at = self.looked_at = time.monotonic()

    async def append(self, *entries: wire.Entry, last: bool = False) -> None:
        """No entries: only look. Raises _Unwanted, or ProviderError when this worker is told to
        end, unless these entries are the last ones.
        """
        pipeline = self._client.pipeline(transaction=False)
        for entry in entries:
            self._number += 1
            fields: dict[Any, Any] = {"n": str(self._number), **entry}
            pipeline.xadd(self._stream, fields)
        pipeline.expire(self._stream, wire.KEEP_SECONDS)
        pipeline.exists(self._stop)
        pipeline.exists(self._wanted)
        *_, stop, wanted = await pipeline.execute()
        self.looked_at = time.monotonic()
        if entries:
            self.wrote_at = self.looked_at
        if not last and (stop or not wanted):
            raise _Unwanted
        if not last and _ending.is_set():
            raise failure("interrupted", "the worker is shutting down")


async def _relay(events: Events, writer: _Writer) -> None:
    """Started and the first text at once, then text at most each 30 ms; a heartbeat in silence."""
    held: list[str] = []
    first = True
    following = asyncio.ensure_future(anext(events))
    try:
        while True:
            pause = FLUSH_SECONDS if held else LOOK_SECONDS
            left = writer.looked_at + pause - time.monotonic()
            await asyncio.wait({following}, timeout=max(0.0, left))
            if not following.done():
                await writer.append(*_due(held, writer))
                held.clear()
                continue
            try:
                event = following.result()
            except ProviderError:
                if held:  # what came before the fault counts
                    await writer.append(_text(held), last=True)
                raise
            if isinstance(event, Finished):
                entries = [_text(held)] if held else []
                await writer.append(*entries, wire.encode_event(event), last=True)
                return
            following = asyncio.ensure_future(anext(events))
            if not isinstance(event, Delta):
                await writer.append(wire.encode_event(event))
                continue
            held.append(event.text)
            if first or time.monotonic() - writer.wrote_at >= FLUSH_SECONDS:
                await writer.append(_text(held))
                held.clear()
                first = False
    finally:
        following.cancel()
        await asyncio.wait({following})


def _due(held: list[str], writer: _Writer) -> list[wire.Entry]:
    if held:
        return [_text(held)]
    silent = time.monotonic() - writer.wrote_at >= writer.heartbeat_seconds
    return [wire.heartbeat()] if silent else []


def _text(held: list[str]) -> wire.Entry:
    return wire.encode_event(Delta("".join(held)))
