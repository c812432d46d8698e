"""Whose rights the database enforces (row-level security), for the length of one transaction.

The policies on the content tables read six settings. Without any, a query sees no row:
forgetting to say on whose behalf one reads fails closed. Code that touches documents,
conversations or what hangs on them runs inside one of these:

- `rights_of_user(user)`: a request of a signed-in person; their rights are read afresh.
- `rights_of_asker(answer)`: a worker, with the rights of the person who asked.
- `rights_of_reviewer(user, item)`: a reviewer, who beside their own also gets the one question and
  answer that the item is about.
- `rights_of_colleague(user, share)`: somebody with whom a conversation is shared, who beside their
  own also gets that one, as long as they may read all that it is made of.
- `rights_of(scope)`: a scope that was read a moment ago, or a part of it.
- `rights_of_system()`: ingestion, upkeep, figures, and what an admin sees of documents without
  their text; never to read content on behalf of a person. Who may read what is not theirs gets
  the one zone it is in, and their reason is kept (services/document_admin.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from assistants.types import Scope

SETTINGS = (
    "hybridapp.user",
    "hybridapp.zones",
    "hybridapp.slugs",
    "hybridapp.system",
    "hybridapp.reviewed",
    "hybridapp.shared",
)
READ = "select " + ", ".join(f"current_setting('{name}', true)" for name in SETTINGS)
SET = "select " + ", ".join(f"set_config('{name}', %s, true)" for name in SETTINGS)

# Each of them one statement: it reads the rights and, to act for somebody, sets them as well.
SCOPE_OF = "select * from assistants_scope_of(%s)"
ACT_FOR_USER = "select * from assistants_act_for(%s)"
ACT_FOR_REVIEWER = "select * from assistants_act_for_reviewer(%s, %s)"
ACT_FOR_COLLEAGUE = "select * from assistants_act_for_colleague(%s, %s)"
ACT_FOR_ASKER = "select * from assistants_act_for(assistants_asker_of(%s))"


def get_scope(user: object) -> Scope:
    """What a user may read, read afresh: a right taken away holds at once.

    An inactive user may read nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(SCOPE_OF, [getattr(user, "pk", None)])
        return _scope(cursor.fetchone())


@contextmanager
def rights_of_user(user: object) -> Iterator[Scope]:
    """A transaction with the rights that the user has now, which are returned."""
    with _transaction() as cursor:
        cursor.execute(ACT_FOR_USER, [getattr(user, "pk", None)])
        yield _scope(cursor.fetchone())


@contextmanager
def rights_of_asker(answer_id: str | uuid.UUID) -> Iterator[Scope]:
    """A transaction with the rights that the person who asked for this answer has now."""
    with _transaction() as cursor:
        cursor.execute(ACT_FOR_ASKER, [answer_id])
        yield _scope(cursor.fetchone())


@contextmanager
def rights_of_reviewer(user: object, item_id: uuid.UUID) -> Iterator[Scope]:
    """A transaction with the rights that the user has now, which are returned, and, if they are
    among the item's reviewers at this moment, with its question and answer.
    """
    with _transaction() as cursor:
        cursor.execute(ACT_FOR_REVIEWER, [getattr(user, "pk", None), item_id])
        yield _scope(cursor.fetchone())


@contextmanager
def rights_of_colleague(user: object, share_id: uuid.UUID) -> Iterator[Scope]:
    """A transaction with the rights that the user has now, which are returned, and with the
    conversation that is shared with them, if they may read all of it at this moment.
    """
    with _transaction() as cursor:
        cursor.execute(ACT_FOR_COLLEAGUE, [getattr(user, "pk", None), share_id])
        yield _scope(cursor.fetchone())


@contextmanager
def rights_of(scope: Scope) -> Iterator[None]:
    """A transaction in which only what is in the scope exists."""
    user = "" if scope.user_id is None else str(scope.user_id)
    with _transaction() as cursor:
        cursor.execute(SET, [user, _array(scope.zone_ids), _array(scope.slugs), "", "", ""])
        yield


@contextmanager
def rights_of_system() -> Iterator[None]:
    """A transaction that sees every row: ingestion and upkeep, never a user's request."""
    with _transaction() as cursor:
        cursor.execute(SET, ["", "{}", "{}", "on", "", ""])
        yield


@contextmanager
def _transaction() -> Iterator[CursorWrapper]:
    """The settings end with the transaction, so that a pooled connection carries none over."""
    nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        before: Sequence[Any] = ()
        if nested:
            cursor.execute(READ)
            before = cursor.fetchone()
        yield cursor
        if nested:
            # A savepoint would carry the settings into the transaction around it. After an error
            # the rollback has undone them already.
            cursor.execute(SET, [value or "" for value in before])


def _scope(row: Sequence[Any]) -> Scope:
    user_id, zone_ids, slugs, group_ids = row
    return Scope(tuple(zone_ids), tuple(slugs), user_id, tuple(group_ids))


def _array(values: Sequence[object]) -> str:
    """Numbers or slugs, as PostgreSQL writes an array: neither needs quotes."""
    return "{" + ",".join(map(str, values)) + "}"
