"""Idempotency keys: the same request sent twice has one effect and one answer.

A client sends an `Idempotency-Key` header with each request that creates something. The guard
reserves the key before any work is done, and stores the answer with it once the work is done. The
reasoning, and why the reservation has a transaction of its own, is in
`docs/design-idempotency.md`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

RETENTION = timedelta(hours=72)
"""How long a completed key answers with the stored response."""

LOCK_TTL = timedelta(seconds=90)
"""How long a reservation keeps others out when its owner has gone silent."""

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,64}")


class State(Enum):
    """Where the request that owns the key stands."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Decision(Enum):
    """What the gateway does with a request that carries a key."""

    PROCEED = "proceed"
    REPLAY = "replay"
    IN_USE = "in_use"
    MISMATCH = "mismatch"


@dataclass(frozen=True)
class Record:
    """One row of the `idempotency_keys` table."""

    client_id: str
    key: str
    fingerprint: str
    state: State
    locked_until: datetime
    expires_at: datetime
    response_status: int | None = None
    response_body: str | None = None


@dataclass(frozen=True)
class Begin:
    """The guard's decision and, for a replay, the record that holds the stored answer."""

    decision: Decision
    record: Record


class Store(Protocol):
    """Where records are kept; `insert` must be atomic on (client_id, key)."""

    def get(self, client_id: str, key: str) -> Record | None:
        """Return the record, or None if there is none."""

    def insert(self, record: Record) -> bool:
        """Add the record; False if the client already has one with this key."""

    def swap(self, old: Record, new: Record) -> bool:
        """Replace `old` by `new`; False if what is stored is no longer `old`."""

    def delete_expired(self, now: datetime, limit: int) -> int:
        """Delete up to `limit` records that expired before `now`, and return how many."""


def fingerprint(method: str, path: str, body: Mapping[str, object]) -> str:
    """Return the SHA-256 of the request in canonical form.

    Keys are sorted and white space is dropped, so two bodies that differ only in the order of
    their fields count as the same request. Headers are left out on purpose.
    """
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    text = f"{method.upper()}\n{path}\n{canonical}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def check_key(key: str) -> None:
    """Raise ValueError unless the key has 16 to 64 letters, digits, dashes or underscores."""
    if not KEY_PATTERN.fullmatch(key):
        raise ValueError("Idempotency-Key must be 16 to 64 letters, digits, '-' or '_'")


class IdempotencyGuard:
    """Reserves keys, stores answers and hands stored answers out again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, client_id: str, key: str, print_: str, now: datetime) -> Begin:
        """Reserve the key, or say why the request must not run.

        A reservation whose lock has run out is taken over by compare-and-swap: of two requests
        that try it at once, one proceeds and the other is told that the key is in use.
        """
        check_key(key)
        fresh = Record(
            client_id=client_id,
            key=key,
            fingerprint=print_,
            state=State.IN_PROGRESS,
            locked_until=now + LOCK_TTL,
            expires_at=now + RETENTION,
        )
        if self._store.insert(fresh):
            return Begin(Decision.PROCEED, fresh)
        found = self._store.get(client_id, key)
        if found is None:
            return Begin(Decision.IN_USE, fresh)
        if found.expires_at <= now:
            return self._take_over(found, fresh)
        if found.fingerprint != print_:
            return Begin(Decision.MISMATCH, found)
        if found.state is State.COMPLETED:
            return Begin(Decision.REPLAY, found)
        if found.locked_until > now:
            return Begin(Decision.IN_USE, found)
        return self._take_over(found, fresh)

    def complete(self, record: Record, status: int, body: str) -> Record:
        """Store the answer; called inside the transaction that writes the payment.

        If the swap fails, another request has taken the key over after the lock ran out. The
        caller must then roll its payment back, which `LostReservation` makes it do.
        """
        done = replace(record, state=State.COMPLETED, response_status=status, response_body=body)
        if not self._store.swap(record, done):
            raise LostReservation(f"key {record.key} was taken over by another request")
        return done

    def abandon(self, record: Record, now: datetime) -> None:
        """Free the key at once after a failure that left nothing behind (for example a 422)."""
        self._store.swap(record, replace(record, locked_until=now))

    def purge(self, now: datetime, limit: int = 5000) -> int:
        """Delete expired records, at most `limit` in one go, and return how many went."""
        return self._store.delete_expired(now, limit)

    def _take_over(self, found: Record, fresh: Record) -> Begin:
        if self._store.swap(found, fresh):
            return Begin(Decision.PROCEED, fresh)
        return Begin(Decision.IN_USE, found)


class LostReservation(Exception):
    """The lock ran out while the request was still at work, and someone else took the key."""
