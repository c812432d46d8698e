"""Keys of the API: made for one person, shown once, and worth what that person is worth."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from assistants import control
from assistants.exceptions import InvalidKey, InvalidRequest, NotFound
from assistants.models import ApiKey, Assistant

MARK = "hyb_"  # tells people, and tools that look for secrets, what it is
RANDOM_BYTES = 32
SHOWN_CHARACTERS = 12  # of which eight are random: enough to tell keys apart, none to guess them
LONGEST_KEY = 100
LONGEST_NAME = 100  # as in the table
LONGEST_LIFE = 3650  # days
USED_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key while it asks an assistant (their primary keys)."""

    api_key: uuid.UUID
    assistant: int


def create_api_key(
    username: str, *, name: str = "", days: int | None = None, actor: str = ""
) -> tuple[ApiKey, str]:
    """A key for the person, and its text, which is nowhere kept. `days` is how long it is valid
    (None: until it is revoked). NotFound or InvalidRequest say what is wrong.
    """
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotFound(user_message=f"There is no active user {username}.")
    if days is not None and not 1 <= days <= LONGEST_LIFE:
        raise InvalidRequest(user_message=f"A key is valid for 1 to {LONGEST_LIFE:,} days.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidRequest(
            user_message=f"A name is one line of at most {LONGEST_NAME} characters."
        )
    text = MARK + secrets.token_urlsafe(RANDOM_BYTES)
    key = ApiKey(
        user=user,
        name=name,
        prefix=text[:SHOWN_CHARACTERS],
        sha256=_hash(text),
        expires=timezone.now() + timedelta(days=days) if days else None,
    )
    with transaction.atomic():
        key.save(force_insert=True)
        _record("api_key.created", key, actor)
    return key, text


def find_api_key(named: str) -> ApiKey:
    """By its id or by its beginning as it is shown; InvalidRequest where that is not one alone."""
    try:
        wanted = Q(pk=uuid.UUID(named))
    except ValueError:
        wanted = Q(prefix=named[:SHOWN_CHARACTERS])
    found = list(ApiKey.objects.filter(wanted)[:2])
    if not found:
        raise NotFound(user_message="There is no such key.")
    if len(found) > 1:
        raise InvalidRequest(user_message="Several keys begin so. Give the id of one.")
    return found[0]


def revoke_api_key(key: ApiKey, *, actor: str = "") -> bool:
    """It opens nothing from now on, and what it has begun ends. False if it was revoked before."""
    with transaction.atomic():
        stored = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if stored.revoked:
            return False
        stored.revoked = timezone.now()
        stored.save(update_fields=["revoked"])  # its signal ends what streams (services/rights.py)
        _record("api_key.revoked", stored, actor)
    return True


def authenticate(text: str) -> tuple[AbstractBaseUser, ApiKey]:
    """Whose key this is; InvalidKey if it opens nothing. Its use is noted, once in a minute."""
    known = _valid() if 0 < len(text) <= LONGEST_KEY else ApiKey.objects.none()
    key = known.filter(sha256=_hash(text)).select_related("user").first()
    if key is None:
        raise InvalidKey
    now = timezone.now()
    if key.last_used is None or now - key.last_used > USED_AGAIN:
        ApiKey.objects.filter(pk=key.pk).update(last_used=now)
    return key.user, key


def list_ended(uses: Collection[KeyUse]) -> list[KeyUse]:
    """Those that are over: the key, its account, or its person's membership of the department."""
    keys = {use.api_key for use in uses}
    may_ask = set(
        _valid()
        .filter(pk__in=keys, user__groups__assistants__enabled=True)
        .values_list("pk", "user__groups__assistants")
    )
    return [use for use in uses if (use.api_key, use.assistant) not in may_ask]


def get_use(key: ApiKey, slug: str) -> KeyUse:
    """NotFound where there is no such assistant."""
    assistant = Assistant.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if assistant is None:
        raise NotFound(f"assistant {slug!r}")
    return KeyUse(key.pk, assistant)


def _valid() -> QuerySet[ApiKey]:
    unexpired = Q(expires=None) | Q(expires__gt=timezone.now())
    return ApiKey.objects.filter(unexpired, revoked=None, user__is_active=True)


def _hash(text: str) -> str:
    """A key is as long as its hash and all chance, so it needs neither salt nor a slow hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _record(action: str, key: ApiKey, actor: str) -> None:
    control.record_event(
        action=action,
        actor=actor,
        subject=key.user.get_username(),
        data={
            "api_key": str(key.pk),
            "prefix": key.prefix,
            "name": key.name,
            "expires": key.expires.isoformat() if key.expires else "",
        },
    )
