"""The egress ledger: one append-only record a verdict, each vouched for by the audit chain."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection, transaction
from django.utils import timezone

from assistants.control.audit import record_event
from assistants.control.receipts import sha256_of
from assistants.models import EgressRecord
from assistants.types import Outcome

ALLOWED, REFUSED = "egress.allowed", "egress.refused"

# Both ways: a record that no event tells of, and an event whose record is gone or other.
_UNTOLD = """
select record.id::text from assistants_egressrecord record
where not exists (
    select from assistants_auditevent event
    where event.subject = record.subject and event.action = %(action)s
        and event.data ->> 'record' = record.id::text
        and event.data ->> 'sha256' = record.sha256
) and record.outcome = %(outcome)s
order by 1 limit 1
"""
_GONE = """
select event.data ->> 'record' from assistants_auditevent event
where event.action in (%(allowed)s, %(refused)s) and not exists (
    select from assistants_egressrecord record
    where record.id::text = event.data ->> 'record'
        and record.sha256 = event.data ->> 'sha256'
)
order by event.number limit 1
"""


def record_verdict(record: EgressRecord) -> None:
    """Store it with its audit event, and return when both are committed.

    Raises, and stores nothing, inside of a transaction: a ticket that is handed out must not lose
    its record to a rollback that comes later.
    """
    with transaction.atomic(durable=True):
        record.at = timezone.now()
        record.sha256 = sha256_of(_fields(record))
        record.save(force_insert=True)
        record_event(
            action=ALLOWED if record.outcome == Outcome.ALLOW else REFUSED,
            actor=record.actor,
            subject=record.subject,
            data={
                "record": str(record.pk),
                "sha256": record.sha256,
                "deployment": record.deployment,
                "place": record.place,
                "purpose": record.purpose,
            },
        )


def verify_ledger() -> str | None:
    """The id of a record that was changed, removed or inserted; None when all hold.

    The audit chain itself is `verify_chain`'s to check.
    """
    for record in EgressRecord.objects.order_by("id").iterator(chunk_size=1000):
        if record.sha256 != sha256_of(_fields(record)):
            return str(record.pk)
    with connection.cursor() as cursor:
        for statement, values in (
            (_UNTOLD, {"action": ALLOWED, "outcome": Outcome.ALLOW.value}),
            (_UNTOLD, {"action": REFUSED, "outcome": Outcome.BLOCK.value}),
            (_GONE, {"allowed": ALLOWED, "refused": REFUSED}),
        ):
            cursor.execute(statement, values)
            if row := cursor.fetchone():
                return str(row[0])
    return None


def _fields(record: EgressRecord) -> dict[str, object]:
    fields: dict[str, object] = {}
    for field in EgressRecord._meta.concrete_fields:
        if field.attname != "sha256":
            value = getattr(record, field.attname)
            fields[field.attname] = _utc(value) if isinstance(value, datetime) else value
    return {**fields, "id": str(record.pk)}


def _utc(at: datetime) -> str:
    """One spelling, whatever zone the connection answers in."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
