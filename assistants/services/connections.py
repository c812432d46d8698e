"""Database connections of long-lived threads."""

from __future__ import annotations

from django.db import connection


def give_back_connection() -> None:
    """To the pool, while this thread waits or ends; a no-op inside a transaction."""
    if not connection.in_atomic_block:
        connection.close()
