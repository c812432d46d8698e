"""What a person does with a conversation of theirs: pin, name, file, archive, delete it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out
from django.db import IntegrityError, transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest
from assistants.models import Answer, Conversation, Folder, KeptReceipt, ReviewItem
from assistants.services.conversations import access_conversation
from assistants.types import Scope

TITLE_CHARACTERS = 120
FOLDER_CHARACTERS = 60
MOST_FOLDERS = 100
# A temporary conversation ends so long after its last message, or when its owner signs out.
TEMPORARY_FOR = timedelta(hours=24)
DELETED_AT_ONCE = 100


def pin(user: AbstractBaseUser, conversation_id: uuid.UUID, *, on: bool) -> None:
    """A pinned conversation stands first; it comes out of the archive."""
    fields: dict[str, object] = {"pinned": timezone.now() if on else None}
    _change(user, conversation_id, {**fields, "archived": None} if on else fields)


def archive(user: AbstractBaseUser, conversation_id: uuid.UUID, *, on: bool) -> None:
    """An archived conversation is found by search and in the archive; a new message brings it
    back.
    """
    now = timezone.now()
    _change(user, conversation_id, {"archived": now, "pinned": None} if on else {"archived": None})


def rename(user: AbstractBaseUser, conversation_id: uuid.UUID, title: str) -> str:
    """The title as it is kept: on one line."""
    title = _name(title, TITLE_CHARACTERS, "a title")
    _change(user, conversation_id, {"title": title})
    return title


def move(
    user: AbstractBaseUser, conversation_id: uuid.UUID, folder: str = "", *, new: str = ""
) -> None:
    """Into one of the user's folders, into a `new` one, or (both "") out of any."""
    with data.rights_of_user(user) as scope:
        chat = access_conversation(scope, conversation_id)
        _refuse_temporary(chat)
        chat.folder = None
        if new:
            chat.folder = _make_folder(scope, new)
        elif folder:
            chat.folder = access_folder(scope, folder)
        chat.archived = None
        _update(chat, {"folder": chat.folder, "archived": None})


def rename_folder(user: AbstractBaseUser, folder_id: str, name: str) -> None:
    name = _name(name, FOLDER_CHARACTERS, "a folder’s name")
    with data.rights_of_user(user) as scope:
        folder = access_folder(scope, folder_id)
        folder.name = name
        _store_folder(folder)


def delete_folder(user: AbstractBaseUser, folder_id: str) -> None:
    """What is in it stays, outside of any folder."""
    with data.rights_of_user(user) as scope:
        access_folder(scope, folder_id).delete()


def access_folder(scope: Scope, folder_id: str) -> Folder:
    """One of the user's own; InvalidRequest otherwise: it may have been deleted in another tab."""
    try:
        found = Folder.objects.filter(pk=uuid.UUID(folder_id), owner=scope.user_id).first()
    except ValueError:
        found = None
    if found is None:
        raise InvalidRequest(
            f"folder {folder_id[:80]}", user_message="This folder is not there any more."
        )
    return found


def delete_conversation(user: AbstractBaseUser, conversation_id: uuid.UUID) -> None:
    """Its messages and answers are gone; the receipts of its answers and the audit trail stay.

    InvalidRequest while one of its answers waits for a reviewer.
    """
    with data.rights_of_user(user) as scope:
        chat = access_conversation(scope, conversation_id)
        with data.rights_of_system():  # what its owner may not read any more is deleted with it
            if _is_in_review(chat):
                raise InvalidRequest(
                    "in review",
                    code="in_review",
                    user_message="An answer in it waits for a reviewer. Delete it once that is "
                    "decided; until then you can archive it.",
                )
            _delete(chat, actor=user.get_username(), why="by its owner")


def delete_expired(at: datetime) -> int:
    """Delete the temporary conversations that have ended by then; how many they were.

    One with an answer that waits for a reviewer, or is still being written, stays until that has
    ended.
    """
    deleted = 0
    with data.rights_of_system():
        expired = Conversation.objects.filter(expires__lte=at).exclude(
            messages__answers__status__in=[Answer.Status.PENDING, Answer.Status.HELD]
        )
        ids = list(expired.order_by("expires").values_list("pk", flat=True)[:DELETED_AT_ONCE])
    for key in ids:
        with data.rights_of_system():
            chat = Conversation.objects.select_for_update().filter(pk=key).first()
            if chat is None or _is_in_review(chat):
                continue
            if chat.expires is None or chat.expires > at:  # written to meanwhile
                continue
            _delete(chat, actor="", why="temporary")
        deleted += 1
    return deleted


def end_temporary(user: AbstractBaseUser) -> None:
    """The user has signed out: their temporary conversations end now."""
    with data.rights_of_user(user) as scope:
        now = timezone.now()
        Conversation.objects.filter(owner=scope.user_id, expires__gt=now).update(expires=now)


def connect_signals() -> None:
    user_logged_out.connect(_signed_out, dispatch_uid="end_temporary")


def _signed_out(user: AbstractBaseUser | None = None, **kwargs: object) -> None:
    if user is not None:
        end_temporary(user)


def _is_in_review(chat: Conversation) -> bool:
    return ReviewItem.objects.filter(
        answer__message__conversation=chat, state__in=control.OPEN
    ).exists()


def _delete(chat: Conversation, *, actor: str, why: str) -> None:
    """With the system's rights."""
    answers = Answer.objects.filter(message__conversation=chat)
    receipts = [
        KeptReceipt(
            answer=answer.pk,
            owner_id=chat.owner_id,
            receipt=answer.receipt,
            receipt_sha256=answer.receipt_sha256,
        )
        for answer in answers.exclude(receipt=None).only("receipt", "receipt_sha256")
    ]
    KeptReceipt.objects.bulk_create(receipts)
    key = str(chat.pk)
    chat.delete()
    control.record_event(
        action="conversation.deleted",
        actor=actor,
        subject=key,
        data={"why": why, "receipts": [str(kept.answer) for kept in receipts]},
    )


def _change(
    user: AbstractBaseUser, conversation_id: uuid.UUID, fields: Mapping[str, object]
) -> None:
    with data.rights_of_user(user) as scope:
        chat = access_conversation(scope, conversation_id)
        _refuse_temporary(chat)
        _update(chat, fields)


def _update(chat: Conversation, fields: Mapping[str, object]) -> None:
    """Without touching `updated`: putting things in order is no news."""
    Conversation.objects.filter(pk=chat.pk).update(**fields)


def _refuse_temporary(chat: Conversation) -> None:
    if chat.expires is not None:
        raise InvalidRequest(
            "temporary", user_message="A temporary chat is not listed and not kept."
        )


def _make_folder(scope: Scope, name: str) -> Folder:
    """The user's folder of this name, made if there is none."""
    name = _name(name, FOLDER_CHARACTERS, "a folder’s name")
    reader = scope.user_id
    assert reader is not None  # noqa: S101  # theirs is the conversation that goes into it
    mine = Folder.objects.filter(owner=reader)
    known = mine.filter(name__iexact=name).first()
    if known is not None:
        return known
    if mine.count() >= MOST_FOLDERS:
        raise InvalidRequest(
            "too many folders",
            user_message=f"There are {MOST_FOLDERS} folders already. Delete one first.",
        )
    folder = Folder(owner_id=reader, name=name)
    _store_folder(folder)
    return folder


def _store_folder(folder: Folder) -> None:
    try:
        with transaction.atomic():
            folder.save()
    except IntegrityError:
        raise InvalidRequest(
            "folder name taken", user_message=f"There is a folder “{folder.name}” already."
        ) from None


def _name(text: str, longest: int, what: str) -> str:
    name = " ".join(text.replace("\x00", " ").split())
    if not name:
        raise InvalidRequest(f"{what} is empty", user_message=f"Give {what}.")
    if len(name) > longest:
        raise InvalidRequest(
            f"{what} too long", user_message=f"Give {what} of at most {longest} characters."
        )
    return name
