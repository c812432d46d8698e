"""A program's question: a turn like any other, opened with a key and followed to its end.

Nobody resumes it: a program that goes away before the end has stopped its answer.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from assistants import compute, data
from assistants.exceptions import AccessWithdrawn, NotFound
from assistants.models import Answer, ApiKey, Assistant
from assistants.services import chat, following, rights
from assistants.services.api_keys import KeyUse, get_use
from assistants.services.arrivals import Enqueue
from assistants.services.connections import on_a_thread
from assistants.services.conversations import access_answer, list_assistants, list_citations
from assistants.services.given import Given
from assistants.services.review_notes import is_rejected
from assistants.types import StreamFrame, Usage

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10.0
FRAMES_AHEAD = 100  # of a program that reads slowly

KEY_ENDED = (
    "This key may not ask this assistant any more: the key, its account or its membership of the "
    "department has ended."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A question that was taken, by whom, and with which key."""

    answer: str
    user: AbstractBaseUser
    use: KeyUse


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What came so far did not pass its check and may not be used; `message` says why. The text
    begins anew, or the end follows.
    """

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How an answer ended, as its asker may know it: of one that is held, nothing of the text.

    `status` and `finish_reason` are the answer's own words. `code` and `message` tell of a failure.
    """

    answer: str
    conversation: str
    assistant: str
    created: int
    status: Answer.Status
    text: str
    finish_reason: str
    code: str
    message: str
    usage: Usage
    zones: list[str]
    citations: list[dict[str, object]]
    receipt: dict[str, object] | None
    badge: object
    rule: str


def list_models(user: AbstractBaseUser) -> list[Assistant]:
    """The assistants that the user may ask: what a program takes for models."""
    return list(list_assistants(user).select_related("department", "prompt"))


def open_completion(
    user: AbstractBaseUser,
    key: ApiKey,
    *,
    assistant: str,
    text: str,
    given: Given,
    enqueue: Enqueue,
) -> Opened:
    """Raises what `chat.open_turn` raises; nothing is stored then."""
    accepted = chat.open_turn(
        user,
        client_id=f"api-{uuid.uuid4()}",
        assistant=assistant,
        text=text,
        enqueue=enqueue,
        given=given,
    )
    return Opened(accepted.answer, user, get_use(key, assistant))


async def open_unless_gone(opening: Callable[[], Opened]) -> Opened:
    """`opening` on a thread. If the program goes away meanwhile, what was opened is stopped."""
    task = asyncio.ensure_future(on_a_thread(opening)())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_stop_opened)
        raise


def _stop_opened(task: asyncio.Task[Opened]) -> None:
    if not task.cancelled() and task.exception() is None:
        _stopping.add(stop := asyncio.create_task(_stop(task.result().answer)))
        stop.add_done_callback(_stopping.discard)


_stopping: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly


async def _stop(answer: str) -> None:
    try:
        await on_a_thread(compute.request_stop)(answer)
    except Exception:  # a broker that is away: the answer runs to its end, unheard
        logger.exception("answer %s could not be stopped", answer)


@asynccontextmanager
async def followed(opened: Opened) -> AsyncIterator[AsyncIterator[str | Withdrawn | Ended | None]]:
    """The answer's text as it is released, None where nothing came for a while, then its end.

    Left before the end, the answer is stopped. Raises AccessWithdrawn once the key, its account
    or a right to what the answer is made from is lost: within a second, and nothing comes after.
    """
    frames: asyncio.Queue[StreamFrame | Exception | None] = asyncio.Queue(FRAMES_AHEAD)
    lost: list[AccessWithdrawn] = []
    ended = False

    def lose(error: AccessWithdrawn) -> None:
        lost.append(error)
        if frames.empty():  # else nobody waits for one
            frames.put_nowait(None)

    async def pieces() -> AsyncIterator[str | Withdrawn | Ended | None]:
        nonlocal ended
        while True:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    frame = await frames.get()
            except TimeoutError:
                frame = None
            if lost:
                raise lost[0]
            if isinstance(frame, Exception):
                raise frame
            if frame is None:
                yield None
            elif frame.type in compute.END_TYPES:
                ended = True
                yield await on_a_thread(_get_end)(opened)
                return
            elif frame.type == "answer.withdrawn":
                yield Withdrawn(str(frame.data["message"]))
            elif frame.type == "answer.delta":
                yield str(frame.data["text"])

    reading = asyncio.create_task(_read(opened.answer, frames))
    try:
        with (
            rights.watch_answer(opened.answer, lambda: lose(AccessWithdrawn(opened.answer))),
            rights.watch_key(opened.use, lambda: lose(_key_ended(opened))),
        ):
            yield pieces()
    finally:
        reading.cancel()
        if not ended:
            await _stop(opened.answer)


async def _read(answer: str, frames: asyncio.Queue[StreamFrame | Exception | None]) -> None:
    try:
        async with aclosing(following.follow(following.Stream(answer), 0)) as stream:
            async for frame in stream:
                await frames.put(frame)
    except Exception as error:
        await frames.put(error)


def _get_end(opened: Opened) -> Ended:
    """What its own asker does not find any more, they lost: the end may come before that is told.

    Raises AccessWithdrawn.
    """
    try:
        return get_completion(opened.user, opened.answer)
    except AccessWithdrawn:
        raise
    except NotFound as error:
        raise AccessWithdrawn(f"answer {opened.answer}") from error


def _key_ended(opened: Opened) -> AccessWithdrawn:
    return AccessWithdrawn(f"key {opened.use.api_key}", user_message=KEY_ENDED)


def get_completion(user: AbstractBaseUser, answer_id: str) -> Ended:
    """An answer to a question of the API, as it stands now. NotFound, or AccessWithdrawn."""
    with data.rights_of_user(user) as scope:
        answer = access_answer(scope, answer_id)
        chat_of_it = answer.message.conversation
        if chat_of_it.origin != chat_of_it.Origin.API:
            raise NotFound(f"answer {answer_id} is of the page")
        citations = list_citations(answer, answer.citations.select_related("version"))
    status = Answer.Status(answer.status)
    if answer.error_code == AccessWithdrawn.code:
        raise AccessWithdrawn(f"answer {answer_id}")
    held = status is Answer.Status.HELD or is_rejected(answer)
    receipt = answer.receipt or {}
    return Ended(
        answer=str(answer.pk),
        conversation=str(chat_of_it.pk),
        assistant=chat_of_it.assistant.slug,
        created=int(answer.created.timestamp()),
        status=status,
        text="" if held else answer.text,
        finish_reason=answer.finish_reason,
        code=answer.error_code,
        message=answer.error_message,
        usage=Usage(answer.prompt_tokens, answer.completion_tokens),
        zones=list(answer.zones),
        citations=[] if held else citations,
        receipt={"id": str(answer.pk), "sha256": answer.receipt_sha256} if receipt else None,
        badge=receipt.get("badge"),
        rule=str(receipt.get("rule", "")),
    )
