"""Rate limits per user, counted in the broker so that all web processes share one count."""

from __future__ import annotations

import math
import time

from django.conf import settings
from django.core.cache import cache

from assistants.exceptions import RateLimited


def check_rate(user_id: object) -> None:
    """Count one message; raise RateLimited with `retry_after` above the limit a minute."""
    now = time.time()
    window = int(now // 60)
    key = f"messages:{user_id}:{window}"
    cache.add(key, 0, timeout=120)
    if cache.incr(key) > settings.MESSAGES_PER_MINUTE:
        wait = math.ceil((window + 1) * 60 - now)
        raise RateLimited(
            user_message=f"You are sending faster than allowed. Please wait {wait} seconds "
            "and send again; your text is kept.",
            retry_after=wait,
        )
