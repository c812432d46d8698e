"""Following an answer's stream: for its owner, from any point, to its end, wherever it ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser

from assistants import compute, data
from assistants.exceptions import AccessWithdrawn
from assistants.models import Answer
from assistants.services.closing import WITHDRAWN, end_frame
from assistants.services.connections import give_back_connection
from assistants.services.conversations import access_answer
from assistants.types import StreamFrame

# A stream that says nothing for so long is looked up in the database: it may have ended there.
IDLE_SECONDS = 3.0
ENDED_IDLE_SECONDS = 0.1

HELD = "answer.held"


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that its reader may follow, and how it stood when that was looked up: whether it
    had ended, and whether they may not read any more what it was made from.
    """

    answer: str
    ended: bool = False
    withheld: bool = False


def access_stream(user: AbstractBaseUser, answer_id: str) -> Stream:
    """The stream of one of the user's own answers; NotFound otherwise."""
    try:
        with data.rights_of_user(user) as scope:
            answer = access_answer(scope, answer_id)
    except AccessWithdrawn:
        return Stream(str(answer_id), withheld=True)
    return Stream(str(answer.pk), ended=answer.status != Answer.Status.PENDING)


async def follow(stream: Stream, after: int) -> AsyncGenerator[StreamFrame, None]:
    """The answer's frames after the one numbered `after`, to its end frame.

    An answer whose stream has expired, or whose runner died between storing the end and telling
    it, is ended with a frame made from what is stored. The caller ends it when the right to the
    answer is lost on the way (`rights.watch_answer`).
    """
    if stream.withheld:
        yield StreamFrame(after + 1, *WITHDRAWN)
        return
    idle = ENDED_IDLE_SECONDS if stream.ended else IDLE_SECONDS
    last = after
    async for frame in compute.read_frames(stream.answer, after, idle_seconds=idle):
        if frame is not None:
            last = frame.number
            if frame.type == HELD and (decided := await _decided(stream.answer)):
                yield StreamFrame(last, *decided)
            else:
                yield frame
            continue
        ended = await sync_to_async(_end_from_store, thread_sensitive=False)(stream.answer)
        if ended is not None:
            # All text was appended before the end was stored, and may have come while it was
            # looked up.
            for late in await compute.list_frames(stream.answer, last):
                last = late.number
                if late.type == HELD and ended[0] != HELD:
                    break  # decided since
                yield late
                if late.type in compute.END_TYPES:
                    return
            kind, data = ended
            yield StreamFrame(last + 1, kind, data)
            return


async def _decided(answer_id: str) -> tuple[str, dict[str, object]] | None:
    """How a held answer was decided since its stream ended; None while it waits."""
    ended = await sync_to_async(_end_from_store, thread_sensitive=False)(answer_id)
    return ended if ended and ended[0] != HELD else None


def _end_from_store(answer_id: str) -> tuple[str, dict[str, object]] | None:
    try:
        with data.rights_of_asker(answer_id):
            answer = Answer.objects.filter(pk=answer_id).first()
            if answer is None:
                return WITHDRAWN
            return None if answer.status == Answer.Status.PENDING else end_frame(answer)
    finally:
        give_back_connection()
