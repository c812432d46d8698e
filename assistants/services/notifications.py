"""Telling people what happened while they looked elsewhere: on an open page, by the bell, by mail.

A notification names a kind and an item, never a content: what it is about is opened by rights.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from assistants import data
from assistants.models import Notification, ReviewItem

logger = logging.getLogger(__name__)

Kind = Notification.Kind
SHOWN_AT_ONCE = 20

WORDS = {
    Kind.APPROVED: "Your answer was approved.",
    Kind.EDITED: "Your answer was edited and approved.",
    Kind.QUOTED: "Your question was answered with quotations.",
    Kind.REJECTED: "Your answer was not approved.",
    Kind.EXPIRED: "Nobody decided on your answer in time.",
    Kind.ASKED: "A reviewer has a question about what you asked.",
    Kind.REPLIED: "The author has replied to you.",
    Kind.HANDED: "A review was handed over to you.",
    Kind.DUE: "A review is due soon.",
    Kind.OVERDUE: "A review has waited too long.",
}
FOR_THE_ASKER = {
    *(Kind.APPROVED, Kind.EDITED, Kind.QUOTED, Kind.REJECTED, Kind.EXPIRED, Kind.ASKED),
}

MAILED_WITHIN = timedelta(hours=1)
MAILS_AT_ONCE = 100
MAIL_FOOT = "Sign in to read more. This message holds no content on purpose."


@dataclass(frozen=True, slots=True)
class NotificationView:
    """`url` leads to the conversation or, for a reviewer, to the item."""

    id: uuid.UUID
    words: str
    assistant: str
    url: str
    created: datetime
    unread: bool


def group_of(user_id: int) -> str:
    """The channel group of everything that one person has open."""
    return f"user-{user_id}"


def notify(user_ids: Iterable[int], kind: Notification.Kind, item: ReviewItem) -> None:
    """Note it for each of them and, once that is committed, tell their open pages."""
    people = sorted(set(user_ids))
    with data.rights_of_system():
        Notification.objects.bulk_create(
            Notification(user_id=user, kind=kind, item=item) for user in people
        )
    for user in people:
        tell(user, {"type": "notification.created"})


def tell(user_id: int, event: dict[str, object]) -> None:
    """Send an event to all of a person's open pages, once this transaction is committed."""

    def send() -> None:
        try:
            async_to_sync(get_channel_layer().group_send)(group_of(user_id), event)
        except Exception:  # what it tells of is stored, and shown at the next look
            logger.exception("user %s could not be told of %s", user_id, event["type"])

    transaction.on_commit(send, robust=True)


def list_notifications(user: AbstractBaseUser) -> tuple[list[NotificationView], int]:
    """The newest of a person's notifications, and how many are unread."""
    with data.rights_of_user(user) as scope:
        mine = Notification.objects.filter(user=scope.user_id)
        unread = mine.filter(read=None).count()
        newest = mine.select_related("item__assistant", "item__answer__message")[:SHOWN_AT_ONCE]
        return [_view(each) for each in newest], unread


def count_unread(user: AbstractBaseUser) -> int:
    with data.rights_of_user(user) as scope:
        return Notification.objects.filter(user=scope.user_id, read=None).count()


def mark_read(user: AbstractBaseUser, answer: uuid.UUID | None = None) -> int:
    """All of them, or those about one answer, which was seen; how many are unread then."""
    with data.rights_of_user(user) as scope:
        unread = Notification.objects.filter(user=scope.user_id, read=None)
        seen = unread.filter(item__answer=answer) if answer else unread
        seen.update(read=timezone.now())
        return unread.count()


def send_mails() -> int:
    """Send by e-mail what is unread and was not sent yet, to who has an address; how many.

    Nothing where no mail server is set up. Each is sent once, even if that fails.
    """
    if not settings.NOTIFY_BY_EMAIL:
        return 0
    since = timezone.now() - MAILED_WITHIN
    with data.rights_of_system():
        waiting = Notification.objects.select_for_update(skip_locked=True).filter(
            read=None, mailed=None, created__gt=since
        )
        found = list(waiting.order_by("pk")[:MAILS_AT_ONCE])
        keys = [notification.pk for notification in found]
        Notification.objects.filter(pk__in=keys).update(mailed=timezone.now())
    people = get_user_model().objects.filter(is_active=True).exclude(email="")
    addresses = dict(people.values_list("pk", "email"))
    sent = 0
    for each in found:
        if address := addresses.get(each.user_id):
            words = WORDS[Kind(each.kind)]
            try:
                sent += send_mail(words, f"{words}\n\n{MAIL_FOOT}\n", None, [address])
            except OSError:
                logger.exception("notification %s could not be mailed", each.pk)
    return sent


def _view(notification: Notification) -> NotificationView:
    item, kind = notification.item, Kind(notification.kind)
    url = f"/admin/assistants/reviewitem/{item.pk}/change/"
    if kind in FOR_THE_ASKER:
        # Whoever may not read the answer any more still reads what they asked.
        message = item.answer.message if item.answer else None
        url = f"/chat/{message.conversation_id}/" if message else "/chat/"
    return NotificationView(
        id=notification.pk,
        words=WORDS[kind],
        assistant=item.assistant.name if item.assistant else "",
        url=url,
        created=notification.created,
        unread=notification.read is None,
    )
