"""A right that is taken away holds at once: on an open socket, and for an answer that streams.

Whoever changes rights in this app tells all processes (`connect_signals`); each then looks once
for everything it shows. While answers stream it looks by itself as well, in case the database was
changed by other hands: one query at a time for the whole process, however many answers there are.
Workers, which have no sockets, only look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils import timezone

from assistants import data
from assistants.models import ApiKey, Assistant, Zone
from assistants.services.api_keys import KeyUse, list_ended
from assistants.services.connections import give_back_connection

logger = logging.getLogger(__name__)

CHANNEL_GROUP = "rights"
LOOK_SECONDS = 0.8  # below the second that is promised
PAUSE_SECONDS = 1.0  # after a failure, before the next try

SIGNED_IN = """
select id, username, is_active from auth_user
where id = %s and is_active and exists (
    select from django_session where session_key = %s and expire_date > %s
)
"""

Tell = Callable[[], object]
# An answer, a session and whose it is, or a key of the API while it asks an assistant.
Key = str | tuple[str, int] | KeyUse


# ---- Telling -------------------------------------------------------------------------------------


def connect_signals() -> None:
    """What may take a right away. Giving one needs no notice: who asks finds it."""
    user = get_user_model()
    m2m_changed.connect(_membership_changed, sender=user.groups.through)
    m2m_changed.connect(_membership_changed, sender=Zone.readers.through)
    post_save.connect(_saved, sender=user)
    post_save.connect(_saved, sender=Assistant)
    post_save.connect(_saved, sender=ApiKey)
    for sender in (user, Group, Zone, Session):
        post_delete.connect(_deleted, sender=sender)


def _membership_changed(action: str, **kwargs: object) -> None:
    if action in {"post_remove", "post_clear"}:
        announce_change()


def _saved(created: bool, update_fields: frozenset[str] | None, **kwargs: object) -> None:
    if not created and set(update_fields or ()) != {"last_login"}:
        announce_change()


def _deleted(**kwargs: object) -> None:
    announce_change()


def announce_change() -> None:
    """Once it is committed, let every process look whether somebody lost a right."""
    transaction.on_commit(_announce, robust=True)


def _announce() -> None:
    try:
        async_to_sync(get_channel_layer().group_send)(CHANNEL_GROUP, {"type": "rights.changed"})
    except Exception:  # the change stands; what streams is looked at all the same
        logger.exception("a change of rights could not be announced")


def get_signed_in(user_id: int, session_key: str) -> AbstractBaseUser | None:
    """The person, while their session and account last; read afresh, for each frame of a socket.

    Of their fields only `pk`, the name and `is_active` are there from the start.
    """
    users = get_user_model().objects.raw(SIGNED_IN, [user_id, session_key, timezone.now()])
    return next(iter(users), None)


# ---- Looking -------------------------------------------------------------------------------------


@contextmanager
def watch_answer(answer: str, withdraw: Tell) -> Iterator[None]:
    """`withdraw` is called, on this event loop, once the asker may not read the answer any more."""
    with _Watch.of_this_loop().added(answer, withdraw):
        yield


@contextmanager
def watch_session(session_key: str, user_id: int, end: Tell) -> Iterator[None]:
    """`end` is called, on this event loop, once the session or the account has ended."""
    watch = _Watch.of_this_loop()
    watch.listen()
    with watch.added((session_key, user_id), end):
        yield


@contextmanager
def watch_key(use: KeyUse, end: Tell) -> Iterator[None]:
    """`end` is called, on this event loop, once the key may not ask the assistant any more."""
    watch = _Watch.of_this_loop()
    watch.listen()
    with watch.added(use, end):
        yield


@contextmanager
def watch_changes(tell: Tell) -> Iterator[None]:
    """`tell` is called, on this event loop, whenever somebody may have lost a right."""
    with _Watch.of_this_loop().hearing(tell):
        yield


class _Watch:
    """What one event loop shows, and to whom."""

    _watches: dict[asyncio.AbstractEventLoop, _Watch] = {}

    @classmethod
    def of_this_loop(cls) -> _Watch:
        loop = asyncio.get_running_loop()
        for known in [known for known in cls._watches if known.is_closed()]:
            del cls._watches[known]
        if loop not in cls._watches:
            cls._watches[loop] = cls()
        return cls._watches[loop]

    def __init__(self) -> None:
        self._watched: dict[Key, list[Tell]] = {}
        self._hearing: list[Tell] = []
        self._looking = False
        self._changed = asyncio.Event()
        self._look_task = asyncio.create_task(self._look())
        self._listen_task: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """From now on, hear of changes as well."""
        self._listen_task = self._listen_task or asyncio.create_task(self._listen())

    @contextmanager
    def added(self, key: Key, tell: Tell) -> Iterator[None]:
        self._watched.setdefault(key, []).append(tell)
        if not isinstance(key, tuple) and not self._looking:
            self._changed.set()  # from now on it looks by itself
        try:
            yield
        finally:
            self._watched[key].remove(tell)
            if not self._watched[key]:
                del self._watched[key]

    @contextmanager
    def hearing(self, tell: Tell) -> Iterator[None]:
        self._hearing.append(tell)
        try:
            yield
        finally:
            self._hearing.remove(tell)

    async def _look(self) -> None:
        while True:
            self._looking = any(not isinstance(key, tuple) for key in self._watched)
            try:
                async with asyncio.timeout(LOOK_SECONDS if self._looking else None):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            try:
                lost = await asyncio.to_thread(_lost, list(self._watched))
            except Exception:
                # A database that is away is not one whose rights have changed.
                logger.exception("rights could not be looked up")
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            for key in lost:
                for tell in list(self._watched.get(key, ())):
                    tell()

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(CHANNEL_GROUP, channel)
                while True:
                    await layer.receive(channel)
                    self._changed.set()
                    for tell in list(self._hearing):
                        tell()
            except Exception:
                logger.exception("changes of rights cannot be heard")
                await asyncio.sleep(PAUSE_SECONDS)


def _lost(watched: list[Key]) -> list[Key]:
    """Those of them that are not theirs any more who look at them."""
    answers = [key for key in watched if isinstance(key, str)]
    sessions = [key for key in watched if isinstance(key, tuple)]
    uses = [key for key in watched if isinstance(key, KeyUse)]
    try:
        lost: list[Key] = []
        if uses:
            lost += list_ended(uses)
        if answers:
            lost += data.list_withdrawn(answers)
        if sessions:
            keys, people = zip(*sessions, strict=True)
            living = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
            alive = set(living.values_list("session_key", flat=True))
            users = get_user_model().objects.filter(pk__in=set(people), is_active=True)
            active = set(users.values_list("pk", flat=True))
            lost += [s for s in sessions if s[0] not in alive or s[1] not in active]
        return lost
    finally:
        give_back_connection()
