"""Celery's Redis transport, with one broker client a channel.

kombu makes a new client for every acknowledgement. It was cheap once; in today's redis-py it costs
about a millisecond, a tenth of all that an answer costs the trusted worker. Clients are safe
between threads: each call takes a connection from the pool.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis


class Channel(redis.Channel):
    @cached_property
    def _kept_client(self) -> Any:
        return super()._create_client()  # type: ignore[misc]

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        return self._kept_client


class Transport(redis.Transport):
    Channel = Channel


def use() -> None:
    """For every `redis://` and `rediss://` broker of this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
