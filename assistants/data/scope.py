"""Whose rights the database enforces (row-level security), for the length of one transaction.

The policies on the content tables read two settings. Without either, a query sees no row:
forgetting to say on whose behalf one reads fails closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from assistants.models import Zone
from assistants.types import Scope


def get_scope(user: object) -> Scope:
    """The zones open to a user's groups, read afresh: a right taken away holds at once.

    An inactive user may read nothing.
    """
    if not getattr(user, "is_active", False):
        return Scope(())
    zones = Zone.objects.filter(readers__user=getattr(user, "pk", None))
    return Scope(tuple(zones.order_by("id").distinct().values_list("id", flat=True)))


@contextmanager
def rights_of(scope: Scope) -> Iterator[None]:
    """A transaction in which only rows of the scope's zones exist."""
    with _setting("hybridapp.zones", "{" + ",".join(map(str, scope.zone_ids)) + "}"):
        yield


@contextmanager
def rights_of_system() -> Iterator[None]:
    """A transaction that sees every row: ingestion and upkeep, never a user's request."""
    with _setting("hybridapp.system", "on"):
        yield


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select current_setting(%s, true), set_config(%s, %s, true)", [name, name, value]
        )
        before = cursor.fetchone()[0] or ""
        yield
        # A savepoint would carry the setting into the transaction around it. After an error the
        # rollback has undone it already.
        cursor.execute("select set_config(%s, %s, true)", [name, before])
