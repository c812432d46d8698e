"""Rate limits per user, counted in the broker so that all web processes share one count."""

from __future__ import annotations

import functools
import math
import time

import redis
from django.conf import settings

from assistants.exceptions import RateLimited

WINDOW_SECONDS = 60
CONNECT_SECONDS = 5.0


@functools.cache
def _client() -> redis.Redis:
    """The one client of this process. Django's cache would connect anew for each socket's frame."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=CONNECT_SECONDS, socket_connect_timeout=CONNECT_SECONDS
    )


def check_rate(user_id: object) -> None:
    """Count one message; raise RateLimited with `retry_after` above the limit a minute."""
    wait = _count("messages", user_id, settings.MESSAGES_PER_MINUTE)
    if wait:
        raise RateLimited(
            user_message=f"You are sending faster than allowed. Please wait {wait} seconds "
            "and send again; your text is kept.",
            retry_after=wait,
        )


def check_preview_rate(user_id: object) -> None:
    """Count one preview; raise RateLimited with `retry_after` above the limit a minute."""
    wait = _count("previews", user_id, settings.PREVIEWS_PER_MINUTE)
    if wait:
        raise RateLimited(
            user_message=f"Too many previews. The next one is possible in {wait} seconds; "
            "you can send all the same.",
            retry_after=wait,
        )


def _count(what: str, user_id: object, limit: int) -> int:
    """Count one more in this minute: 0, or the seconds to wait where that is above the limit."""
    now = time.time()
    window = int(now // WINDOW_SECONDS)
    key = f"{what}:{user_id}:{window}"
    pipeline = _client().pipeline(transaction=False)
    pipeline.incr(key)
    pipeline.expire(key, 2 * WINDOW_SECONDS)
    if pipeline.execute()[0] <= limit:
        return 0
    return math.ceil((window + 1) * WINDOW_SECONDS - now)
