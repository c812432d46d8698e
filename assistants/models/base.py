from __future__ import annotations

import os
import time
import uuid
from datetime import datetime


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, 12 of their fraction (6.2, method 3),
    then random bits.

    Time-ordered, so that an index grows at its end and what one process makes is in order; not
    guessable, so that it may stand in a URL.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (rest * 4096 // 1_000_000) << 64
    value |= 0x2 << 62 | int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=value)


def first_id_at(moment: datetime) -> uuid.UUID:
    """No id made from then on is smaller: the primary key's index bounds what is of a time."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
