"""A person's conversations as the sidebar and the search show them, each under their rights now."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from assistants import data
from assistants.exceptions import InvalidRequest
from assistants.models import Conversation, Folder
from assistants.services.lifecycle import access_folder
from assistants.types import Scope

Hit = data.Hit

PAGE = 50
MOST_PINNED = 100
SEARCHED_CHARACTERS = 200
FOUND_AT_ONCE = 25

# What Markdown adds to the words; an excerpt is shown as text.
_MARKUP = re.compile(r"[*`#|>]+|:?-{3,}:?")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Page:
    """Some conversations, newest first; `more` is the cursor of what follows, "" at the end."""

    conversations: list[Conversation]
    more: str = ""


@dataclass(frozen=True, slots=True)
class FolderView:
    """`page` is what is in it, None as long as it is closed."""

    id: uuid.UUID
    name: str
    count: int
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Sidebar:
    pinned: list[Conversation] = field(default_factory=list)
    folders: list[FolderView] = field(default_factory=list)
    recent: Page = field(default_factory=lambda: Page([]))

    @property
    def is_empty(self) -> bool:
        return not (self.pinned or self.folders or self.recent.conversations)


def get_sidebar(
    user: AbstractBaseUser,
    current: Conversation | None = None,
    opened: Sequence[str] = (),
) -> Sidebar:
    """Pinned ones, folders, and the newest of the rest. A folder that holds the `current` one, or
    is among those that are `opened` on the page, shows what is in it.
    """
    with data.rights_of_user(user) as scope:
        listed = _listed(scope).filter(archived=None)
        pinned = list(listed.exclude(pinned=None).order_by("pinned")[:MOST_PINNED])
        folders = Folder.objects.filter(owner=scope.user_id).annotate(
            count=Count("conversations", filter=Q(conversations__archived=None))
        )
        unfolded = {*opened, str(current.folder_id) if current else ""}
        return Sidebar(
            pinned,
            [
                FolderView(
                    folder.pk,
                    folder.name,
                    folder.count,
                    _page(listed.filter(folder=folder)) if str(folder.pk) in unfolded else None,
                )
                for folder in folders
            ],
            _page(listed.filter(pinned=None, folder=None)),
        )


def list_more(
    user: AbstractBaseUser, after: str = "", folder: str = "", *, archived: bool = False
) -> Page:
    """What follows after a cursor: among the newest, in a folder, or in the archive."""
    with data.rights_of_user(user) as scope:
        listed = _listed(scope)
        if archived:
            listed = listed.exclude(archived=None)
        elif folder:
            listed = listed.filter(archived=None, folder=access_folder(scope, folder))
        else:
            listed = listed.filter(archived=None, pinned=None, folder=None)
        return _page(listed, after)


def list_newest(user: AbstractBaseUser, count: int) -> list[Conversation]:
    """Wherever they are in the sidebar."""
    with data.rights_of_user(user) as scope:
        newest = _listed(scope).filter(archived=None).order_by("-updated", "-pk")
        return list(newest[:count])


def list_folders(user: AbstractBaseUser) -> list[Folder]:
    with data.rights_of_user(user) as scope:
        return list(Folder.objects.filter(owner=scope.user_id))


def search(user: AbstractBaseUser, text: str) -> list[Hit]:
    """The user's own conversations that hold these words, also archived ones; newest hit first."""
    if len(text) > SEARCHED_CHARACTERS:
        raise InvalidRequest(
            "a search too long",
            code="too_long",
            user_message=f"Search with at most {SEARCHED_CHARACTERS} characters.",
        )
    with data.rights_of_user(user) as scope:
        hits = data.search_history(scope, text.replace("\x00", " "), limit=FOUND_AT_ONCE)
    return [replace(hit, excerpt=_without_markup(hit.excerpt)) for hit in hits]


def _without_markup(excerpt: data.Excerpt) -> data.Excerpt:
    plain = [(_SPACES.sub(" ", _MARKUP.sub(" ", text)), is_hit) for text, is_hit in excerpt]
    return [(text, is_hit) for text, is_hit in plain if text]


def _listed(scope: Scope) -> QuerySet[Conversation]:
    return Conversation.objects.filter(
        owner=scope.user_id, origin=Conversation.Origin.PAGE, expires=None
    ).select_related("assistant")


def _page(listed: QuerySet[Conversation], after: str = "") -> Page:
    """Sought by key, so that the thousandth page costs what the first does."""
    if after:
        updated, key = _parse_cursor(after)
        listed = listed.filter(Q(updated__lt=updated) | Q(updated=updated, pk__lt=key))
    found = list(listed.order_by("-updated", "-pk")[: PAGE + 1])
    more = ""
    if len(found) > PAGE:
        last = found[PAGE - 1]
        more = f"{last.updated.isoformat()}_{last.pk}"
    return Page(found[:PAGE], more)


def _parse_cursor(after: str) -> tuple[datetime, uuid.UUID]:
    moment, _, key = after.partition("_")
    try:
        at = datetime.fromisoformat(moment)
        return at if timezone.is_aware(at) else timezone.make_aware(at), uuid.UUID(key)
    except (ValueError, OverflowError):
        raise InvalidRequest("not a place in the list") from None
