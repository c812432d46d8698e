"""Rate limits per user, counted in the broker so that all web processes share one count."""

from __future__ import annotations

import math
import time

from django.conf import settings
from django.core.cache import cache

from assistants.exceptions import RateLimited


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
    window = int(now // 60)
    key = f"{what}:{user_id}:{window}"
    cache.add(key, 0, timeout=120)
    return math.ceil((window + 1) * 60 - now) if cache.incr(key) > limit else 0
