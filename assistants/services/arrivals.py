"""A message comes in: stored once with its pending answer, whatever is sent twice."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Answer, Conversation, Message, rows
from assistants.services import egress, guarding
from assistants.services.lifecycle import TEMPORARY_FOR
from assistants.services.messages import Harmless
from assistants.types import Scope

logger = logging.getLogger(__name__)

Enqueue = Callable[[str], object]

# A read of every turn, in plain SQL: to build it with the ORM costs a multiple of it.
ARRIVED = "select from assistants_message where author_id = %s and client_id = %s"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored message and the answer that is on its way."""

    client_id: str
    conversation: str
    message: str
    answer: str
    title: str
    duplicate: bool = False


def store_once(
    user: AbstractBaseUser, client_id: str, store: Callable[[Scope], Accepted]
) -> Accepted:
    """`store` in a transaction with the user's rights, unless this client_id was there before."""
    try:
        with data.rights_of_user(user) as scope:
            known = _first_arrival(scope, client_id)
            if known:
                return known
            control.check_rate(user.pk)
            return store(scope)
    except guarding.MessageBlocked as blocked:
        guarding.record_blocked(user, blocked)
        raise
    except IntegrityError:
        # The same client_id arrived on another socket a moment ago.
        with data.rights_of_user(user) as scope:
            known = _first_arrival(scope, client_id)
        if known is None:
            raise
        return known


def _first_arrival(scope: Scope, client_id: str) -> Accepted | None:
    if rows.read(ARRIVED, [scope.user_id, client_id]) is None:
        return None
    message = (
        Message.objects.filter(author=scope.user_id, client_id=client_id)
        .select_related("conversation")
        .first()
    )
    if message is None:
        return None
    answer = message.answers.order_by("number").values_list("pk", flat=True).first()
    if answer is None:
        answer = _withheld_of(scope, message.conversation_id, message.pk)[0]
    return accept(client_id, message, answer, duplicate=True)


def find_parent(scope: Scope, chat: Conversation, parent: str | None) -> uuid.UUID | None:
    """The answer that a new message follows: the named one, or the newest of the newest branch.

    Either may be one that the user may not read any more: they go on from there without it.
    """
    if parent is not None:
        named = parse_id(parent)
        if not Answer.objects.filter(pk=named, message__conversation=chat).exists():
            hidden = data.list_withheld(scope, chat.pk)
            if named not in {answer.answer for answer in hidden}:
                raise NotFound(f"answer {parent}")
        return named
    newest = chat.messages.order_by("-pk", "-answers__number").values_list("pk", "answers__pk")
    message, answer = newest.first() or (None, None)
    if message is not None and answer is None:
        answer = _withheld_of(scope, chat.pk, message)[-1]
    return answer


def _withheld_of(scope: Scope, chat: uuid.UUID, message: uuid.UUID) -> list[uuid.UUID]:
    """The message's answers that the user may not read, oldest first."""
    hidden = data.list_withheld(scope, chat)
    return [answer.answer for answer in hidden if answer.message == message]


def store_message(
    user: AbstractBaseUser,
    chat: Conversation,
    text: str,
    client_id: str,
    parent: uuid.UUID | None,
    enqueue: Enqueue,
    as_of: date | None,
    harmless: Sequence[Harmless] = (),
    **given: object,
) -> Accepted:
    """In the caller's transaction; `given` are the message's further fields."""
    if not chat._state.adding:
        now = timezone.now()
        expires = now + TEMPORARY_FOR if chat.expires else None
        Conversation.objects.filter(pk=chat.pk).update(updated=now, archived=None, expires=expires)
    message = Message(
        conversation=chat,
        author_id=user.pk,
        parent_id=parent,
        client_id=client_id,
        text=text,
        as_of=as_of,
        zones=chat.zones,
        **given,
    )
    answer = Answer(message=message, made_from=[])
    rows.insert(*([chat] if chat._state.adding else []), message, answer)
    transaction.on_commit(lambda: hand_over(enqueue, answer))
    if harmless:
        egress.mark_harmless(user, str(chat.pk), harmless)
    return accept(client_id, message, answer.pk)


def hand_over(enqueue: Enqueue, answer: Answer) -> None:
    try:
        enqueue(str(answer.pk))
    except Exception:  # stored already: the sweeper sends it out when the broker is back
        logger.exception("answer %s could not be queued now", answer.pk)


def accept(
    client_id: str, message: Message, answer: uuid.UUID, *, duplicate: bool = False
) -> Accepted:
    return Accepted(
        client_id=client_id,
        conversation=str(message.conversation_id),
        message=str(message.pk),
        answer=str(answer),
        title=message.conversation.title,
        duplicate=duplicate,
    )


def parse_id(value: str) -> uuid.UUID:
    """NotFound for what is none: it names nothing."""
    try:
        return uuid.UUID(value)
    except ValueError:
        raise NotFound(f"not an id: {value[:80]!r}") from None
