"""Answer streams: one Redis stream an answer, one writer at a time, any number of readers.

Entry ids are `n-0` with n counting from 1, so that a reader knows a gap or a repeat when it sees
one. The writer holds a lease; each append checks it inside the broker, which fences off a runner
that was presumed dead and comes back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from assistants.compute.broker import BROKER_DOWN, async_client, sync_client
from assistants.compute.loop import run
from assistants.compute.reading import END_TYPES, decode_frame, stream_key
from assistants.compute.scripts import Script
from assistants.exceptions import LeaseLost
from assistants.types import StreamFrame

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10
RENEW_SECONDS = 3
REQUEUE_SECONDS = 60
KEEP_SECONDS = 3600
UNFINISHED_KEEP_SECONDS = 24 * 3600
STOP_CHANNEL = "answers:stop"

DELTA, WITHDRAWN = "answer.delta", "answer.withdrawn"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# KEYS: lease, stream, stop, runs, requeued. ARGV: token, lease seconds, keep seconds.
_TAKE = Script("""
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return {} end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
local runs = redis.call('incr', KEYS[4])
redis.call('expire', KEYS[4], ARGV[3])
redis.call('del', KEYS[5])
return {runs, redis.call('xrange', KEYS[2], '-', '+'), redis.call('exists', KEYS[3])}
""")

# KEYS: stream, lease. ARGV: token, lease seconds, keep seconds, first number, ended, type, data, …
# An append that is repeated because its reply was lost finds its own entry and skips it; an
# entry of somebody else at that number means that the answer was taken over. The end gives the
# lease back.
_APPEND = Script("""
local holder = redis.call('get', KEYS[2])
if holder and holder ~= ARGV[1] then return 0 end
local number = tonumber(ARGV[4])
for i = 6, #ARGV, 2 do
    local id = number .. '-0'
    local there = redis.call('xrange', KEYS[1], id, id)
    if #there == 0 then
        redis.call('xadd', KEYS[1], id, 't', ARGV[i], 'd', ARGV[i + 1], 'w', ARGV[1])
    elseif there[1][2][6] ~= ARGV[1] then
        return 0
    end
    number = number + 1
end
redis.call('expire', KEYS[1], ARGV[3])
if ARGV[5] == '1' then
    redis.call('del', KEYS[2])
else
    redis.call('set', KEYS[2], ARGV[1], 'EX', ARGV[2])
end
return 1
""")

# KEYS: lease. ARGV: token.
_RELEASE = Script(
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
)


def _mapping(fields: Sequence[str]) -> dict[str, str]:
    """A script is given an entry's fields as one list: name, value, name, value."""
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _lease(answer: str) -> str:
    return f"answer:{answer}:lease"


def _stop(answer: str) -> str:
    return f"answer:{answer}:stop"


def _runs(answer: str) -> str:
    return f"answer:{answer}:runs"


def _requeued(answer: str) -> str:
    return f"answer:{answer}:requeued"


class AnswerWriter:
    """The one writer of an answer's stream; use as an async context manager.

    Entering takes the lease (LeaseLost if another runner holds it) and reads what earlier
    runners have written, into `earlier`; `runs` counts the runners, this one included. The
    lease is renewed until the exit. `released` is the text that readers have seen so far: the
    deltas of all runners joined, since what was withdrawn.
    """

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.token = secrets.token_hex(8)
        self.earlier: list[StreamFrame] = []
        self.runs = 0
        self.released = ""
        self.stop = asyncio.Event()
        self.ended = False
        self._next = 1
        self._client = async_client()
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AnswerWriter:
        name = self.answer
        keys = [_lease(name), stream_key(name), _stop(name), _runs(name), _requeued(name)]
        taken = await _TAKE(keys, [self.token, LEASE_SECONDS, UNFINISHED_KEEP_SECONDS])
        if not taken:
            raise LeaseLost(f"answer {name} has another runner")
        self.runs, entries, stop = int(taken[0]), taken[1], taken[2]
        self.earlier = [decode_frame((number, _mapping(fields))) for number, fields in entries]
        self._next = len(self.earlier) + 1
        self._note((frame.type, frame.data) for frame in self.earlier)
        if stop:
            self.stop.set()
        _StopListener.of_this_loop().watch(self)
        self._renewal = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._leave()
        if self.ended:
            return  # the end has given the lease back
        try:
            await _RELEASE([_lease(self.answer)], [self.token])
        except BROKER_DOWN:
            logger.warning("lease of answer %s is left to lapse", self.answer)

    def _leave(self) -> None:
        if self._renewal:
            self._renewal.cancel()
        _StopListener.of_this_loop().forget(self)

    @property
    def peers(self) -> int:
        """How many answers this event loop writes at present, this one included."""
        return len(_StopListener.of_this_loop().writers)

    async def append(self, frames: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        """Append frames in order, all or none. Raises LeaseLost if the answer was taken over.

        An end frame is the last: it gives the lease back.
        """
        if not frames:
            return
        ended = frames[-1][0] in END_TYPES
        keep = KEEP_SECONDS if ended else UNFINISHED_KEEP_SECONDS
        arguments: list[str | int] = [self.token, LEASE_SECONDS, keep, self._next, int(ended)]
        for kind, data in frames:
            arguments += [kind, _encode(data)]
        if not await _APPEND([stream_key(self.answer), _lease(self.answer)], arguments):
            raise LeaseLost(f"answer {self.answer} was taken over")
        self._next += len(frames)
        self._note(frames)
        if ended:
            self.ended = True
            self._leave()

    def _note(self, frames: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        for kind, data in frames:
            if kind == DELTA:
                self.released += str(data["text"])
            elif kind == WITHDRAWN:
                self.released = ""

    async def _renew(self) -> None:
        """Heartbeat. Also a second way to notice a stop, should its message have been missed."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                pipeline = self._client.pipeline(transaction=False)
                pipeline.expire(_lease(self.answer), LEASE_SECONDS)
                pipeline.get(_stop(self.answer))
                _, stop = await pipeline.execute()
            except BROKER_DOWN:
                continue  # an append notices, and waits for the broker
            if stop:
                self.stop.set()


@contextmanager
def open_writer(answer: str) -> Iterator[AnswerWriter]:
    """The writer, entered and left on the shared loop, for code that runs in a task's thread."""

    async def enter() -> AnswerWriter:
        return await AnswerWriter(answer).__aenter__()

    writer = run(enter())
    try:
        yield writer
    finally:
        if not writer.ended:
            run(writer.__aexit__())


class _StopListener:
    """Hears stop requests for all writers of one event loop, over one subscription."""

    _listeners: dict[asyncio.AbstractEventLoop, _StopListener] = {}

    @classmethod
    def of_this_loop(cls) -> _StopListener:
        loop = asyncio.get_running_loop()
        for known in [known for known in cls._listeners if known.is_closed()]:
            del cls._listeners[known]
        if loop not in cls._listeners:
            cls._listeners[loop] = cls()
        return cls._listeners[loop]

    def __init__(self) -> None:
        self.writers: dict[str, AnswerWriter] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, writer: AnswerWriter) -> None:
        self.writers[writer.answer] = writer
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())

    def forget(self, writer: AnswerWriter) -> None:
        if self.writers.get(writer.answer) is writer:
            del self.writers[writer.answer]

    async def _listen(self) -> None:
        while True:
            try:
                async with async_client().pubsub() as channel:
                    await channel.subscribe(STOP_CHANNEL)
                    async for message in channel.listen():
                        writer = self.writers.get(str(message["data"]))
                        if message["type"] == "message" and writer:
                            writer.stop.set()
            except BROKER_DOWN:
                await asyncio.sleep(0.5)


def request_stop(answer: str) -> None:
    """Ask whoever writes this answer, now or later, to stop."""
    client = sync_client()
    client.set(_stop(answer), "1", ex=UNFINISHED_KEEP_SECONDS)
    client.publish(STOP_CHANNEL, answer)


def claim_abandoned(answers: Sequence[str]) -> list[str]:
    """Those of these unfinished answers that have no living runner, to be queued again.

    An answer that still waits in the queue looks the same; it is named once in a minute only.
    """
    if not answers:
        return []
    client = sync_client()
    leases = client.mget([_lease(answer) for answer in answers])
    alone = [answer for answer, holder in zip(answers, leases, strict=True) if not holder]
    return [
        answer
        for answer in alone
        if client.set(_requeued(answer), "1", nx=True, ex=REQUEUE_SECONDS)
    ]
