"""Following answers: one blocking read of the broker for all that an event loop follows.

A reader an answer would cost a connection and a command each, however little each says. Frames of
many answers come in one reply instead, and where many stream, a moment's pause gathers more.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assistants.compute.broker import async_client, patiently
from assistants.exceptions import AssistantsError
from assistants.types import StreamFrame

END_TYPES = frozenset({"answer.completed", "answer.held", "answer.blocked", "answer.failed"})
BLOCK_MILLISECONDS = 5_000
ENTRIES_AT_ONCE = 200  # of one stream
MOST_WAITING = 400  # frames for a reader that does not take them: it is passed over till it does
CROWD = 8  # followed answers from which on a pause gathers more than it delays
# A read names each followed answer: the more there are, the longer a pause pays.
GATHER_SECONDS_EACH = 0.0005
LONGEST_GATHER_SECONDS = 0.05
WAKE_KEEP_SECONDS = 3600


def stream_key(answer: str) -> str:
    return f"answer:{answer}:frames"


async def read_frames(
    answer: str, after: int, *, idle_seconds: float = 5.0
) -> AsyncIterator[StreamFrame | None]:
    """Frames with a number above `after`, then new ones as they come, up to the end frame.

    Yields None when nothing came for `idle_seconds`, so that the caller can look whether the
    answer ended elsewhere. Outlives a broker that goes away for up to a minute.
    """
    reader = _Reader.of_this_loop()
    follower = reader.join(stream_key(answer), after)
    try:
        while True:
            if follower.frames.empty():
                try:
                    async with asyncio.timeout(idle_seconds):
                        frame = await follower.frames.get()
                except TimeoutError:
                    yield None
                    continue
            else:
                frame = follower.frames.get_nowait()
            reader.taken(follower)
            if isinstance(frame, BaseException):
                raise frame
            yield frame
            if frame.type in END_TYPES:
                return
    finally:
        reader.leave(follower)


async def list_frames(answer: str, after: int) -> list[StreamFrame]:
    """The frames with a number above `after` that the stream holds now."""
    key, first = stream_key(answer), f"{after + 1}-0"
    return [
        decode_frame(entry)
        for entry in await patiently(lambda: async_client().xrange(key, min=first))
    ]


def decode_frame(entry: tuple[str, Mapping[str, str]]) -> StreamFrame:
    identifier, fields = entry
    try:
        data = json.loads(fields["d"])
    except (KeyError, ValueError) as error:
        raise AssistantsError(f"unreadable stream entry {identifier}") from error
    return StreamFrame(number=int(identifier.split("-")[0]), type=fields["t"], data=data)


@dataclass(eq=False, slots=True)
class _Follower:
    key: str
    after: int
    frames: asyncio.Queue[StreamFrame | BaseException] = field(default_factory=asyncio.Queue)
    served: bool = False  # by the read that is under way


class _Reader:
    """The one reader of an event loop. It runs while anything is followed.

    Its blocking read includes a stream of its own: an entry there ends the read when what is
    followed has changed. Unlike a message, an entry cannot be missed.
    """

    _readers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Reader] = (
        weakref.WeakKeyDictionary()
    )

    @classmethod
    def of_this_loop(cls) -> _Reader:
        loop = asyncio.get_running_loop()
        if loop not in cls._readers:
            cls._readers[loop] = cls()
        return cls._readers[loop]

    def __init__(self) -> None:
        self._followers: dict[str, list[_Follower]] = {}
        self._wake_key = f"frames:wake:{secrets.token_hex(8)}"
        self._woken_at = "0-0"
        self._waking: asyncio.Task[None] | None = None
        self._blocked = False
        self._task: asyncio.Task[None] | None = None

    def join(self, key: str, after: int) -> _Follower:
        follower = _Follower(key, after)
        self._followers.setdefault(key, []).append(follower)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read())
        self._wake()
        return follower

    def leave(self, follower: _Follower) -> None:
        others = self._followers.get(follower.key, [])
        if follower in others:
            others.remove(follower)
        if not others:
            self._followers.pop(follower.key, None)

    def taken(self, follower: _Follower) -> None:
        """A frame was taken: a reader that was too far behind may be served again."""
        if not follower.served and follower.frames.qsize() == MOST_WAITING // 2:
            self._wake()

    def _wake(self) -> None:
        if self._blocked and (self._waking is None or self._waking.done()):
            self._waking = asyncio.create_task(self._end_read())

    async def _end_read(self) -> None:
        pipeline = async_client().pipeline(transaction=False)
        pipeline.xadd(self._wake_key, {"": ""}, maxlen=1)
        pipeline.expire(self._wake_key, WAKE_KEEP_SECONDS)
        await patiently(pipeline.execute)

    async def _read(self) -> None:
        try:
            while self._followers:
                await self._read_once()
                crowd = len(self._followers)
                if crowd >= CROWD:
                    await asyncio.sleep(min(crowd * GATHER_SECONDS_EACH, LONGEST_GATHER_SECONDS))
        except Exception as error:  # each follower is told, and its reader resumes or gives up
            for follower in self._all():
                follower.frames.put_nowait(error)
            self._followers.clear()

    async def _read_once(self) -> None:
        after = self._positions()
        self._blocked = True
        try:
            reply = await patiently(
                lambda: async_client().xread(
                    {**{key: f"{number}-0" for key, number in after.items()},
                     self._wake_key: self._woken_at},
                    count=ENTRIES_AT_ONCE,
                    block=BLOCK_MILLISECONDS,
                )
            )  # fmt: skip
        finally:
            self._blocked = False
        for key, entries in _streams(reply):
            if key == self._wake_key:
                self._woken_at = entries[-1][0]
                continue
            for entry in entries:
                self._deliver(key, decode_frame(entry))

    def _positions(self) -> dict[str, int]:
        """From where each followed stream is read on: the least of its followers'."""
        positions: dict[str, int] = {}
        for follower in self._all():
            follower.served = follower.frames.qsize() < MOST_WAITING
            if follower.served:
                number = min(follower.after, positions.get(follower.key, follower.after))
                positions[follower.key] = number
        return positions

    def _deliver(self, key: str, frame: StreamFrame) -> None:
        for follower in self._followers.get(key, ()):
            # Who came after the read began gets this frame from the next one, in its turn.
            if follower.served and frame.number > follower.after:
                follower.after = frame.number
                follower.frames.put_nowait(frame)

    def _all(self) -> list[_Follower]:
        return [follower for followers in self._followers.values() for follower in followers]


def _streams(reply: Any) -> Iterable[tuple[str, list[tuple[str, Mapping[str, str]]]]]:
    """RESP2 answers with pairs, RESP3 with a mapping of lists, both with nothing for a timeout."""
    if not reply:
        return []
    if isinstance(reply, dict):
        return [(key, lists[0]) for key, lists in reply.items()]
    return [(key, entries) for key, entries in reply]
