"""The chat websocket: frames in, services called, the answer's stream out. See docs/protocol.md."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, TypeVar

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from assistants import tasks
from assistants.exceptions import AccessWithdrawn, AssistantsError, InvalidRequest
from assistants.services import chat, conversations, following, notifications, rights
from assistants.services.arrivals import Accepted
from assistants.services.attaching import parse_parts
from assistants.services.closing import WITHDRAWN
from assistants.services.connections import on_a_thread
from assistants.services.languages import frame_in_language, language_of_socket
from assistants.services.messages import parse_harmless

logger = logging.getLogger(__name__)

T = TypeVar("T")
Frame = Mapping[str, Any]

SESSION_ENDED = 4401
FOLLOWED_AT_ONCE = 100

_encode = json.JSONEncoder(ensure_ascii=False).encode

UNAVAILABLE = (
    "The server cannot take messages at the moment. Your text is kept; please send it again soon."
)


class SessionEnded(Exception):
    """The session was closed or the account switched off while the socket was open."""


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One browser tab. Any number of answers are followed at once, each by its own task."""

    async def dispatch(self, message: Frame) -> None:
        """Without Channels' own look for old connections around each frame, which takes a thread
        twice: what works with the database here gives its connection back itself.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"no handler for {message['type']}")
        await handler(message)

    async def connect(self) -> None:
        self.following: dict[str, asyncio.Task[None]] = {}
        self.watched = ExitStack()
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.close(code=SESSION_ENDED)  # before accept: the handshake is refused
            return
        self.user_id: int = user.pk
        self.session_key = self.scope["session"].session_key
        self.language = language_of_socket(self.scope)
        await self.accept()
        await self._hear_of_reviews()
        self.watched.enter_context(
            rights.watch_session(self.session_key, self.user_id, self._end_session)
        )
        self.watched.enter_context(rights.watch_changes(self._tell_change))

    def _tell_change(self) -> None:
        """The page fetches again what shows documents."""
        self.telling = asyncio.create_task(self._send({"type": "rights.changed"}))

    def _end_session(self) -> None:
        self.ending = asyncio.create_task(self.close(code=SESSION_ENDED))

    async def _hear_of_reviews(self) -> None:
        """What happens to this person's answers later comes through their group. Without it the
        page learns it at its next look.
        """
        try:
            await self.channel_layer.group_add(
                notifications.group_of(self.user_id), self.channel_name
            )
        except Exception:
            logger.exception("user %s is not told of reviews", self.user_id)

    async def review_decided(self, event: Frame) -> None:
        await self._send(event)

    review_asked = notification_created = review_decided

    async def disconnect(self, code: int) -> None:
        self.watched.close()
        if hasattr(self, "user_id"):
            try:
                await self.channel_layer.group_discard(
                    notifications.group_of(self.user_id), self.channel_name
                )
            except Exception:
                logger.debug("user %s leaves without saying so", self.user_id, exc_info=True)
        for task in self.following.values():
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame: Frame = {}
        try:
            frame = _parse(text_data)
            action = self.ACTIONS.get(frame["type"])
            if action is None:
                raise InvalidRequest(
                    f"type {frame['type']!r}", user_message="This type of frame is not known."
                )
            await action(self, frame)
        except SessionEnded:
            await self.close(code=SESSION_ENDED)
        except AssistantsError as error:
            logger.info("user %s, %s: %s", self.user_id, frame.get("type"), error)
            await self._refuse(frame, error.code, error.user_message, error.retry_after)
        except Exception:
            logger.exception("user %s, %s", self.user_id, frame.get("type"))
            await self._refuse(frame, "unavailable", UNAVAILABLE, None)

    # ---- what a client may send ----

    async def send_message(self, frame: Frame) -> None:
        parts = parse_parts(frame.get("attachments"), frame.get("documents"))
        accepted = await self._as_user(
            chat.open_turn,
            client_id=_text(frame, "client_id"),
            conversation=_optional(frame, "conversation"),
            assistant=_optional(frame, "assistant") or "",
            text=_text(frame, "text", free=True),
            parent=_optional(frame, "parent"),
            as_of=_optional(frame, "as_of"),
            harmless=parse_harmless(frame.get("harmless")),
            recording=parts.recording,
            files=parts.files,
            documents=parts.documents,
            temporary=frame.get("temporary") is True,
            enqueue=tasks.answer.delay,
        )
        await self._accept(accepted)

    async def edit_message(self, frame: Frame) -> None:
        accepted = await self._as_user(
            chat.edit_message,
            client_id=_text(frame, "client_id"),
            message=_text(frame, "message"),
            text=_text(frame, "text", free=True),
            harmless=parse_harmless(frame.get("harmless")),
            enqueue=tasks.answer.delay,
        )
        await self._accept(accepted)

    async def regenerate(self, frame: Frame) -> None:
        accepted = await self._as_user(
            chat.regenerate,
            client_id=_optional(frame, "client_id") or "",
            answer=_text(frame, "answer"),
            enqueue=tasks.answer.delay,
        )
        await self._accept(accepted)

    async def stop(self, frame: Frame) -> None:
        await self._as_user(chat.stop_answer, answer=_text(frame, "answer"))

    async def resume(self, frame: Frame) -> None:
        after = frame.get("after") or 0
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            raise InvalidRequest("after", user_message="“after” must be a whole number from 0.")
        stream = await self._as_user(following.access_stream, answer_id=_text(frame, "answer"))
        if len(self.following) >= FOLLOWED_AT_ONCE:
            raise InvalidRequest(
                "too many answers",
                user_message="Too many answers are open on this page. Wait for one to end.",
            )
        self._follow(stream, after)

    async def check_conversation(self, frame: Frame) -> None:
        conversation = _text(frame, "conversation")
        withheld = await self._as_user(conversations.list_withheld, conversation_id=conversation)
        answers = [str(answer) for answer in withheld]
        code, message = AccessWithdrawn.code, AccessWithdrawn.user_message
        told = {"conversation": conversation, "answers": answers, "code": code, "message": message}
        await self._send({"type": "conversation.withheld", **told})

    ACTIONS: Mapping[str, Callable[[ChatConsumer, Frame], Any]] = {
        "message.send": send_message,
        "message.edit": edit_message,
        "answer.regenerate": regenerate,
        "answer.stop": stop,
        "answer.resume": resume,
        "conversation.check": check_conversation,
    }

    # ---- what is sent to the client ----

    async def _accept(self, accepted: Accepted) -> None:
        await self._send({"type": "message.accepted", **dataclasses.asdict(accepted)})
        self._follow(following.Stream(accepted.answer), 0)

    def _follow(self, stream: following.Stream, after: int) -> None:
        answer = stream.answer
        running = self.following.pop(answer, None)
        if running:
            running.cancel()
        task = asyncio.create_task(self._send_frames(stream, after))
        self.following[answer] = task
        task.add_done_callback(lambda done: self._forget(answer, done))

    def _forget(self, answer: str, task: asyncio.Task[None]) -> None:
        if self.following.get(answer) is task:
            del self.following[answer]

    async def _send_frames(self, stream: following.Stream, after: int) -> None:
        answer, last, withdrawn = stream.answer, after, False
        this = asyncio.current_task()

        def withdraw() -> None:
            nonlocal withdrawn
            withdrawn = True
            if this is not None:
                this.cancel()

        try:
            with rights.watch_answer(answer, withdraw):
                async for frame in following.follow(stream, after):
                    last = frame.number
                    await self._send(
                        {"type": frame.type, "answer": answer, "id": frame.number, **frame.data}
                    )
        except asyncio.CancelledError:
            if not withdrawn:
                raise
            kind, data = WITHDRAWN
            await self._send({"type": kind, "answer": answer, "id": last + 1, **data})
        except Exception:
            # The client resumes after a pause; what is stored in the stream is not lost.
            logger.exception("following answer %s", answer)
            await self._send(
                {"type": "error", "code": "unavailable", "message": UNAVAILABLE, "answer": answer}
            )

    async def _refuse(
        self, frame: Frame, code: str, message: str, retry_after: float | None
    ) -> None:
        reply: dict[str, object] = {"type": "error", "code": code, "message": message}
        if retry_after is not None:
            reply["retry_after"] = retry_after
        if frame.get("type") in ("message.send", "message.edit", "answer.regenerate"):
            reply |= {"type": "message.rejected", "client_id": _echo(frame.get("client_id"))}
        elif frame.get("answer"):
            reply["answer"] = _echo(frame["answer"])
        await self._send(reply)

    async def _send(self, frame: Mapping[str, object]) -> None:
        await self.send(text_data=_encode(frame_in_language(frame, self.language)))

    async def _as_user(self, function: Callable[..., T], **arguments: object) -> T:
        """Call a service for the signed-in user, whose session and account are looked up afresh."""

        def call() -> T:
            user = rights.get_signed_in(self.user_id, self.session_key)
            if user is None:
                raise SessionEnded
            return function(user, **arguments)

        result: T = await on_a_thread(call)()
        return result


def _parse(text: str | None) -> Frame:
    try:
        frame = json.loads(text or "")
    except (ValueError, RecursionError):
        frame = None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise InvalidRequest(
            "not a frame", user_message="A frame is a JSON object with a “type”, sent as text."
        )
    return frame


def _text(frame: Frame, field: str, *, free: bool = False) -> str:
    """A field that must be a text; unless it is `free`, one line that can be printed."""
    value = frame.get(field)
    if not isinstance(value, str) or not (free or value.isprintable()):
        raise InvalidRequest(field, user_message=f"“{field}” must be a text.")
    return value


def _echo(value: object) -> str | None:
    """What a client sent, if it can be sent back."""
    return value if isinstance(value, str) and value.isprintable() else None


def _optional(frame: Frame, field: str) -> str | None:
    return None if frame.get(field) is None else _text(frame, field)
