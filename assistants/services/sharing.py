"""Sharing a conversation with a colleague, to read. Whether they may read all that it is made of is
asked when it is shared and at each opening, of the database (migration 0025); a share is no right.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import AccessWithdrawn, InvalidRequest, NotFound
from assistants.models import Conversation, Share
from assistants.services.conversations import (
    ConversationView,
    access_conversation,
    render_answer,
    view_conversation,
)

LISTED = 50
SUGGESTED = 20


@dataclass(frozen=True, slots=True)
class ShareView:
    """`title` is "" where the reader may not open it now; `person` is the other one."""

    id: uuid.UUID
    title: str
    person: str
    created: datetime
    opened: datetime | None
    conversation: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class SharedView:
    """A conversation as a colleague reads it, and whose it is."""

    owner: str
    view: ConversationView


def share_conversation(user: AbstractUser, conversation_id: uuid.UUID, username: str) -> Share:
    """Share it with the active colleague of this user name; again is no error.

    InvalidRequest where there is no such person, or they may not read all of it.
    """
    with data.rights_of_user(user) as scope:
        chat = access_conversation(scope, conversation_id)
        if chat.expires is not None:
            raise InvalidRequest("temporary", user_message="A temporary chat is not shared.")
        colleague = _people().filter(username__iexact=username.strip()).first()
        if colleague is None or colleague.pk == user.pk:
            raise InvalidRequest(
                f"no colleague {username[:80]}",
                user_message="Give the user name of an active colleague.",
            )
        if not data.may_be_shared(chat.pk, colleague.pk):
            raise InvalidRequest(
                f"{colleague.username} may not read {chat.pk}",
                code="may_not_read",
                user_message=f"{_name(colleague)} may not read everything that this conversation "
                "is made of, so it cannot be shared with them.",
            )
        share, created = Share.objects.get_or_create(
            conversation=chat, owner_id=user.pk, colleague_id=colleague.pk, revoked=None
        )
        if created:
            _record("share.created", user, share, colleague.username)
        return share


def revoke_share(user: AbstractUser, share_id: uuid.UUID) -> Share:
    """From now on it does not open any more. NotFound where it is not the user's to revoke."""
    with data.rights_of_user(user) as scope:
        share = (
            Share.objects.select_for_update(of=("self",))
            .select_related("colleague")
            .filter(pk=share_id, owner=scope.user_id)
            .first()
        )
        if share is None:
            raise NotFound(f"share {share_id}")
        if share.revoked is None:
            share.revoked = timezone.now()
            share.save(update_fields=["revoked"])
            _record("share.revoked", user, share, share.colleague.username)
        return share


def open_share(user: AbstractUser, share_id: uuid.UUID) -> SharedView:
    """What is shared with the user, under their rights now; each opening is recorded.

    NotFound where nothing (any more) is shared by this id; AccessWithdrawn where it is, and they
    may not read all of it now.
    """
    with data.rights_of_colleague(user, share_id) as scope:
        share = (
            Share.objects.select_related("owner")
            .filter(pk=share_id, colleague=scope.user_id, revoked=None)
            .first()
        )
        if share is None:
            raise NotFound(f"share {share_id}")
        chat = _shared_conversation(share)
        if chat is None:
            raise AccessWithdrawn(
                f"share {share_id}",
                user_message="You may not read everything that this conversation is made of now, "
                "so it stays closed.",
            )
        view = _without_marks(view_conversation(scope, chat))
        Share.objects.filter(pk=share.pk).update(opened=timezone.now())
        _record("share.opened", user, share, share.owner.get_username())
    return SharedView(_name(share.owner), view)


def list_shares_of(user: AbstractUser, conversation_id: uuid.UUID) -> list[ShareView]:
    """With whom the user shares this conversation."""
    with data.rights_of_user(user) as scope:
        chat = access_conversation(scope, conversation_id)
        given = _given(scope.user_id).filter(conversation=chat)
        return [_view_given(share) for share in given]


def list_shares(user: AbstractUser) -> tuple[list[ShareView], list[ShareView]]:
    """What is shared with the user, and what they share; the newest first."""
    with data.rights_of_user(user) as scope:
        given = [_view_given(share) for share in _given(scope.user_id)[:LISTED]]
        received = list(
            Share.objects.select_related("owner").filter(colleague=scope.user_id, revoked=None)[
                :LISTED
            ]
        )
    return [_view_received(user, share) for share in received], given


def suggest_colleagues(user: AbstractUser, conversation_id: uuid.UUID) -> list[tuple[str, str]]:
    """User names and names of people in the user's departments who may read all of it now."""
    people = _people().filter(groups__in=user.groups.all()).exclude(pk=user.pk).distinct()
    with data.rights_of_user(user) as scope:
        chat = access_conversation(scope, conversation_id)
        return [
            (each.username, _name(each))
            for each in people.order_by("username")[:SUGGESTED]
            if data.may_be_shared(chat.pk, each.pk)
        ]


def _without_marks(view: ConversationView) -> ConversationView:
    """Citation marks as text: the page of a colleague has no panel, its sources are links."""
    turns = [
        replace(
            turn,
            answers=[
                replace(
                    answer,
                    html=render_answer(
                        answer.text, (), answer.facts.unrestored, answer.facts.unsupported
                    ),
                )
                for answer in turn.answers
            ],
        )
        for turn in view.turns
    ]
    return replace(view, turns=turns)


def _view_received(user: AbstractUser, share: Share) -> ShareView:
    with data.rights_of_colleague(user, share.pk):
        chat = _shared_conversation(share)
    return ShareView(
        share.pk, chat.title if chat else "", _name(share.owner), share.created, share.opened
    )


def _shared_conversation(share: Share) -> Conversation | None:
    """As far as the rights of this transaction let it be seen."""
    mine = Conversation.objects.filter(pk=share.conversation_id, owner=share.owner_id)
    return mine.select_related("assistant").first()


def _given(owner: int | None) -> QuerySet[Share]:
    open_ones = Share.objects.filter(owner=owner, revoked=None)
    return open_ones.select_related("colleague", "conversation")


def _view_given(share: Share) -> ShareView:
    return ShareView(
        share.pk,
        share.conversation.title,
        _name(share.colleague),
        share.created,
        share.opened,
        share.conversation_id,
    )


def _people() -> QuerySet[AbstractUser]:
    people: QuerySet[AbstractUser] = get_user_model().objects.filter(is_active=True)
    return people


def _name(user: AbstractUser) -> str:
    return user.get_full_name() or user.get_username()


def _record(action: str, actor: AbstractUser, share: Share, other: str) -> None:
    control.record_event(
        action=action,
        actor=actor.get_username(),
        subject=str(share.conversation_id),
        data={"share": str(share.pk), "with": other},
    )
