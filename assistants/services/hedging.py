"""Hedging: where a deployment keeps silent for too long, the next one is started beside it, and the
first to speak answers (Dean and Barroso, "The tail at scale", 2013).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from assistants.exceptions import ProviderError
from assistants.types import Delta, Finished, GenerationEvent

Events = AsyncGenerator[GenerationEvent, None]


@dataclass(slots=True)
class Spoken:
    """Who spoke first, by number, and all of its events, the first ones included.

    `events` must be closed. `silent` are the numbers of those that were started and stopped again,
    `failed` tells of those that failed before.
    """

    number: int
    events: Replayed
    silent: list[int] = field(default_factory=list)
    failed: dict[int, ProviderError] = field(default_factory=dict)


class AllFailed(Exception):  # what happened
    """None of those that were started has spoken; `failed` tells why, the last one last."""

    def __init__(self, failed: dict[int, ProviderError]) -> None:
        self.failed = failed
        super().__init__(f"{len(failed)} failed")


async def first_to_speak(sources: Sequence[Callable[[], Events]], after: float) -> Spoken:
    """Start the first source, and each next one when none has spoken for `after` seconds more.

    All but the one that speaks first are stopped, and their iterators closed, before this returns;
    so no two of them can release anything. One that fails, or ends without a word, is out, and the
    others go on; a source that is not started yet is left to the caller then. Raises AllFailed, and
    at once what is no ProviderError. Cancelling it stops all of them.
    """
    race = _Race()
    try:
        for source in sources:
            race.begin(source)
            if await race.is_decided(None if source is sources[-1] else after):
                break
        return race.decide()
    finally:
        await race.stop()


@dataclass(slots=True)
class _Contender:
    events: Events
    task: asyncio.Task[bool]
    heard: list[GenerationEvent]


class _Race:
    def __init__(self) -> None:
        self._contenders: list[_Contender] = []
        self._failed: dict[int, ProviderError] = {}
        self._winner: int | None = None

    def begin(self, source: Callable[[], Events]) -> None:
        events = source()
        heard: list[GenerationEvent] = []
        task = asyncio.ensure_future(_listen(events, heard))
        self._contenders.append(_Contender(events, task, heard))

    async def is_decided(self, patience: float | None) -> bool:
        """Whether somebody has spoken or all are out; False when patience is at its end."""
        loop = asyncio.get_running_loop()
        until = None if patience is None else loop.time() + patience
        while self._winner is None and (running := self._running()):
            left = None if until is None else until - loop.time()
            if left is not None and left <= 0:
                return False
            await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            self._look()
        return True

    def _running(self) -> list[asyncio.Task[bool]]:
        return [
            contender.task
            for number, contender in enumerate(self._contenders)
            if number not in self._failed and not contender.task.done()
        ]

    def _look(self) -> None:
        """Who has spoken wins, the first of them if they are several; who failed is out."""
        ended = [
            (number, contender.task)
            for number, contender in enumerate(self._contenders)
            if contender.task.done() and number not in self._failed
        ]
        for number, task in ended:
            error = task.exception()
            if isinstance(error, ProviderError):
                self._failed[number] = error
            elif error is not None:
                raise error
            elif not task.result():
                self._failed[number] = ProviderError("it ended without a word", code="empty")
            elif self._winner is None:
                self._winner = number

    def decide(self) -> Spoken:
        if self._winner is None:
            raise AllFailed(self._failed)
        winner = self._contenders[self._winner]
        silent = [
            number
            for number in range(len(self._contenders))
            if number != self._winner and number not in self._failed
        ]
        return Spoken(self._winner, Replayed(winner.heard, winner.events), silent, self._failed)

    async def stop(self) -> None:
        """All but the winner; all of them where there is none."""
        losers = [c for number, c in enumerate(self._contenders) if number != self._winner]
        for contender in losers:
            contender.task.cancel()
        await asyncio.gather(*(c.task for c in losers), return_exceptions=True)
        for contender in losers:
            await contender.events.aclose()


async def _listen(events: Events, heard: list[GenerationEvent]) -> bool:
    """Until the first word; False where it ends without one."""
    async for event in events:
        heard.append(event)
        if isinstance(event, Delta):
            return True
        if isinstance(event, Finished):
            break
    return False


class Replayed:
    """What was heard already, then the rest. Close it also when nothing was read of it."""

    def __init__(self, heard: list[GenerationEvent], events: Events) -> None:
        self._heard = heard
        self._events = events

    def __aiter__(self) -> Replayed:
        return self

    async def __anext__(self) -> GenerationEvent:
        return self._heard.pop(0) if self._heard else await anext(self._events)

    async def aclose(self) -> None:
        await self._events.aclose()
