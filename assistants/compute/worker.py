"""The model worker: takes generations from the queue and writes their events to the broker.

    celery -A assistants.compute.worker worker -Q on_prem -n model@%h -P threads -c 1

It needs neither Django nor the database. One generation at a time has the processor to itself;
run more workers, on more machines, for more at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any

import redis.asyncio
from celery import signals

from assistants.compute import liveness, loop, wire
from assistants.compute.broker import async_client
from assistants.compute.dispatch import celery_app
from assistants.compute.providers import provider_class
from assistants.compute.providers.base import failure
from assistants.compute.weights import WeightsMissing
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Prompt,
)

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.03
LOOK_SECONDS = 0.25  # how long a stop can go unnoticed while the model reads the prompt

app = celery_app()
app.set_current()
liveness.announce()
_ending = threading.Event()


@signals.worker_init.connect
def _warm_up(**kwargs: Any) -> None:
    """Before it takes a task, so that the first question finds the model loaded."""
    from assistants.compute.providers import local

    begun = time.monotonic()
    try:
        model = local.load()
    except WeightsMissing as error:
        raise SystemExit(f"the model worker cannot start: {error}") from None
    logger.info("%s is ready after %.1f s", model.name, time.monotonic() - begun)


@signals.worker_shutting_down.connect
def _end(**kwargs: Any) -> None:
    """Tell the caller at once, so that it asks elsewhere, instead of falling silent."""
    _ending.set()


@app.task(name=wire.TASK)
def generate(payload: str) -> None:
    """Run one generation, unless another worker has it or its caller is gone."""
    generation_id, prompt, deployment = wire.decode_request(payload)
    loop.run(_run(generation_id, prompt, deployment))


async def _run(generation_id: str, prompt: Prompt, deployment: DeploymentSpec) -> None:
    client = async_client()
    claim = await client.set(
        wire.claim_key(generation_id), os.getpid(), nx=True, ex=wire.KEEP_SECONDS
    )
    if not claim or not await client.exists(wire.wanted_key(generation_id)):
        return
    writer = _Writer(client, generation_id)
    begun = time.monotonic()
    try:
        await writer.append(wire.heartbeat())
        events = provider_class(deployment.provider)(deployment).generate(prompt)
        try:
            await _relay(events, writer)
        finally:
            await events.aclose()
    except _Unwanted:
        logger.info("generation %s was stopped", generation_id)
        await writer.append(wire.encode_event(Finished(FinishReason.STOPPED_BY_USER)), last=True)
    except ProviderError as error:
        logger.warning(
            "generation %s: %s: %s", generation_id, error.code, error, exc_info=error.__cause__
        )
        await writer.append(wire.encode_error(error), last=True)
    except Exception:
        logger.exception("generation %s failed", generation_id)
        await writer.append(wire.encode_error(failure("bad_response", "see the log")), last=True)
    else:
        logger.info("generation %s took %.1f s", generation_id, time.monotonic() - begun)


class _Unwanted(Exception):
    """The caller asked to stop, or is gone."""


class _Writer:
    """Appends to the generation's stream, and looks each time whether it is still wanted."""

    def __init__(self, client: redis.asyncio.Redis, generation_id: str) -> None:
        self._client = client
        self._stream = wire.stream_key(generation_id)
        self._stop = wire.stop_key(generation_id)
        self._wanted = wire.wanted_key(generation_id)
        self._number = 0
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


async def _relay(events: AsyncGenerator[GenerationEvent, None], writer: _Writer) -> None:
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
            event = following.result()
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
    silent = time.monotonic() - writer.wrote_at >= wire.HEARTBEAT_SECONDS
    return [wire.heartbeat()] if silent else []


def _text(held: list[str]) -> wire.Entry:
    return wire.encode_event(Delta("".join(held)))
