"""What waits to be ingested: the versions' own table is the queue, and a claim is a lease.

A claim takes versions from the others until `due`, which the worker moves on while it lives. Each
claim raises `attempts`, and that number is the worker's ticket: what it writes later applies only
to versions whose attempt is still its own. So a killed worker's versions are taken up again when
their lease lapses, and a worker that was only slow changes nothing any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now

from assistants.data.documents import DEAD_LETTERS, OPEN, Status
from assistants.data.scope import rights_of, rights_of_system
from assistants.exceptions import NotFound
from assistants.models import DocumentVersion
from assistants.types import Scope, Sensitivity

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 4
BACK_OFF = (5, 30, 180)  # seconds before the second, third and fourth attempt
MAX_BYTES = 32 * 1024 * 1024  # of the files of one claim, which are all in memory

WORN_OUT = (
    "Reading this file ended the process that read it, several times. "
    "Please tell your administrator, or try another format."
)


@dataclass(frozen=True, slots=True)
class ClaimedVersion:
    """A file that is this worker's to ingest. `confirmed`: a person let it stay in its zone."""

    id: uuid.UUID
    document_id: uuid.UUID
    zone_id: int
    origin: str
    content: bytes
    attempt: int
    confirmed: bool


def claim_versions(limit: int, ids: Collection[uuid.UUID] | None = None) -> list[ClaimedVersion]:
    """At most so many of what waits, the oldest first; only of `ids` if they are given.

    What an earlier attempt left is taken alone: should it be the one that ends its worker, it
    takes no other with it.
    """
    with rights_of_system():
        waiting = DocumentVersion.objects.filter(status__in=OPEN, due__lte=Now())
        if ids is not None:
            waiting = waiting.filter(pk__in=ids)
        waiting.filter(attempts__gte=MAX_ATTEMPTS).update(status=Status.FAILED, error=WORN_OUT)
        rows = list(
            waiting.select_for_update(skip_locked=True)
            .order_by("created")
            .values_list("pk", "attempts", "size")[:limit]
        )
        chosen = _choose(rows)
        if not chosen:
            return []
        DocumentVersion.objects.filter(pk__in=chosen).update(
            status=Status.RECEIVED, attempts=F("attempts") + 1, due=Now() + LEASE
        )
        taken = DocumentVersion.objects.filter(pk__in=chosen).order_by("created")
        return [
            ClaimedVersion(id, document, zone, origin, bytes(content), attempt, person is not None)
            for id, document, zone, origin, content, attempt, person in taken.values_list(
                *("pk", "document_id", "zone_id", "document__origin", "content", "attempts"),
                "confirmed_by_id",
            )
        ]


def _choose(rows: Sequence[tuple[uuid.UUID, int, int]]) -> list[uuid.UUID]:
    if rows and rows[0][1]:
        return [rows[0][0]]
    chosen: list[uuid.UUID] = []
    room = MAX_BYTES
    for id, attempts, size in rows:
        room -= size
        if not attempts and (room >= 0 or not chosen):
            chosen.append(id)
    return chosen


def renew_claim(claimed: Sequence[ClaimedVersion]) -> None:
    with rights_of_system():
        _own(claimed).update(due=Now() + LEASE)


def advance_versions(claimed: Sequence[ClaimedVersion], status: Status) -> None:
    """Show that they have come to this stage."""
    with rights_of_system():
        _own(claimed).update(status=status)


def reject_claimed(claimed: ClaimedVersion, error: str) -> None:
    """It is the file's fault: `error` says what to do. The version before stays searchable."""
    with rights_of_system():
        _own([claimed]).update(status=Status.REJECTED, error=error, content=b"")


def hold_version(
    claimed: ClaimedVersion,
    error: str,
    detected: Mapping[str, int],
    sensitivity: Sensitivity | None,
) -> None:
    """A person decides. The file is kept; `error` says what was found and what to do."""
    with rights_of_system():
        _own([claimed]).update(
            status=Status.HELD,
            error=error,
            detected=dict(detected),
            detected_sensitivity=sensitivity,
        )


def fail_version(claimed: ClaimedVersion, error: str) -> bool:
    """It is our fault: try again after a pause, longer each time. True when that was the last."""
    last = claimed.attempt >= MAX_ATTEMPTS
    with rights_of_system():
        if last:
            _own([claimed]).update(status=Status.FAILED, error=error)
        else:
            pause = timedelta(seconds=BACK_OFF[claimed.attempt - 1])
            _own([claimed]).update(status=Status.RECEIVED, error=error, due=Now() + pause)
    return last


def postpone_versions(claimed: Sequence[ClaimedVersion], pause: timedelta) -> None:
    """Give them back: what they need is away. It counts as no attempt."""
    with rights_of_system():
        _own(claimed).update(status=Status.RECEIVED, attempts=F("attempts") - 1, due=Now() + pause)


def _own(claimed: Sequence[ClaimedVersion]) -> QuerySet[DocumentVersion]:
    return DocumentVersion.objects.filter(
        pk__in=[version.id for version in claimed],
        attempts__in={version.attempt for version in claimed},
        status__in=OPEN,
    )


def get_dead_letter(scope: Scope, version_id: uuid.UUID) -> DocumentVersion:
    """A version that waits for a person, without content and text. Raises NotFound."""
    with rights_of(scope):
        version = (
            DocumentVersion.objects.filter(
                pk=version_id, zone_id__in=scope.zone_ids, status__in=DEAD_LETTERS
            )
            .defer("content", "text")
            .first()
        )
    if version is None:
        raise NotFound(f"dead letter {version_id}")
    return version


def retry_version(version_id: uuid.UUID) -> bool:
    """From the first attempt again. False if it has not failed (any more)."""
    with rights_of_system():
        failed = DocumentVersion.objects.filter(pk=version_id, status=Status.FAILED)
        return bool(failed.update(status=Status.RECEIVED, error="", attempts=0, due=Now()))


def count_waiting() -> int:
    """Versions on their way."""
    with rights_of_system():
        return DocumentVersion.objects.filter(status__in=OPEN).count()


def count_waiting_for(zone_id: int, user_id: int) -> tuple[int, int]:
    """Versions on their way in a zone, and those that a user added.

    With the rights that the caller's transaction has.
    """
    counted = DocumentVersion.objects.filter(status__in=OPEN).aggregate(
        zone=Count("pk", filter=Q(zone=zone_id)), user=Count("pk", filter=Q(created_by=user_id))
    )
    return counted["zone"], counted["user"]


def is_anything_due() -> bool:
    with rights_of_system():
        return DocumentVersion.objects.filter(status__in=OPEN, due__lte=Now()).exists()


def get_outcomes(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[Status, str]]:
    """Status and error of each of these versions that still is."""
    with rights_of_system():
        rows = DocumentVersion.objects.filter(pk__in=ids).values_list("pk", "status", "error")
        return {id: (Status(status), error) for id, status, error in rows}
