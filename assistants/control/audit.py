"""The audit trail: append-only, and each event holds the hash of the one before."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from django.utils import timezone

from assistants.control.receipts import sha256_of
from assistants.models import AuditEvent, rows

# Any constant: it names the lock that makes appends to the chain take turns.
_CHAIN_LOCK = 7_104_115
# Two statements in one round trip: the second, begun when the lock is held, sees what was committed
# before. As one statement it would see what was there when it began to wait.
LAST = """
select pg_advisory_xact_lock(%s);
select number, sha256 from assistants_auditevent order by number desc limit 1
"""


def record_event(
    *, action: str, actor: str = "", subject: str = "", data: Mapping[str, object] | None = None
) -> AuditEvent:
    """Append one event, in the caller's transaction if there is one.

    Call it last in a transaction: appends wait for each other until it commits. `data` holds
    strings, whole numbers, booleans, lists and mappings.
    """
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(LAST, [_CHAIN_LOCK])
            cursor.nextset()
            last = cursor.fetchone()
        number, previous = last or (0, "")
        event = AuditEvent(
            number=number + 1,
            at=timezone.now(),
            actor=actor,
            action=action,
            subject=subject,
            data=dict(data or {}),
            previous_sha256=previous,
        )
        event.sha256 = _hash(event)
        rows.insert(event)
    return event


def list_events(subject: str, *, action: str = "") -> list[AuditEvent]:
    """The events of one subject, oldest first; `action` is how their action begins."""
    events = AuditEvent.objects.filter(subject=subject, action__startswith=action)
    return list(events.order_by("number"))


def verify_chain() -> int | None:
    """The number of the first event that was changed, removed or inserted; None when all hold.

    A removed tail cannot be seen from inside: compare the last number and hash with a copy kept
    elsewhere.
    """
    previous, expected = "", 1
    for event in AuditEvent.objects.order_by("number").iterator(chunk_size=1000):
        if (
            event.number != expected
            or event.previous_sha256 != previous
            or event.sha256 != _hash(event)
        ):
            return expected
        previous, expected = event.sha256, expected + 1
    return None


def _hash(event: AuditEvent) -> str:
    return sha256_of(
        {
            "number": event.number,
            "at": event.at.isoformat(),
            "actor": event.actor,
            "action": event.action,
            "subject": event.subject,
            "data": event.data,
            "previous_sha256": event.previous_sha256,
        }
    )
