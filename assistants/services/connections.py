"""Database connections of long-lived threads, and threads beside an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import connection

T = TypeVar("T")


def give_back_connection() -> None:
    """To the pool, while this thread waits or ends; a no-op inside a transaction."""
    if not connection.in_atomic_block:
        connection.close()


def on_a_thread(function: Callable[..., T]) -> Callable[..., Any]:
    """Database work beside the event loop, on any free thread: streams do not wait in one line."""
    threaded: Callable[..., Any] = database_sync_to_async(function, thread_sensitive=False)
    return threaded
