"""The second person: approves or refuses what a first one asked for."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import ZoneChange
from assistants.services import registry
from assistants.services.moves import Requeue, carry_out_keeping, carry_out_move
from assistants.services.second_person import (
    CHANGE_ZONES,
    DECIDE_CHANGES,
    JUDGE_HELD,
    MOVE_DOCUMENTS,
    check_permission,
    check_reason,
)
from assistants.services.zones import apply_zone_change

Kind, Status = ZoneChange.Kind, ZoneChange.Status

_NEEDED = {
    Kind.CHANGE_ZONE: CHANGE_ZONES,
    Kind.MOVE_DOCUMENT: MOVE_DOCUMENTS,
    Kind.KEEP_DOCUMENT: JUDGE_HELD,
}


def decide_change(
    user: AbstractUser,
    change_id: uuid.UUID,
    *,
    approve: bool,
    reason: str,
    requeue: Requeue,
) -> ZoneChange:
    """Carry out or refuse what waits; a refusal needs a reason. Nobody decides their own.

    Approving takes that both persons have the right at this moment. Raises InvalidRequest;
    nothing is changed then.
    """
    with transaction.atomic():
        change = _lock_waiting(change_id)
        needed = _NEEDED[Kind(change.kind)]
        check_permission(user, DECIDE_CHANGES, needed)
        first = change.requested_by
        if first is not None and first.pk == user.pk:
            raise InvalidRequest(
                f"{user} decides their own change",
                code="second_person",
                user_message="You asked for this yourself, so somebody else has to decide it.",
            )
        if not approve:
            reason = check_reason(reason, "Whoever asked will read it.")
        elif first is None or not first.is_active or not first.has_perm(needed):
            raise InvalidRequest(
                f"change {change.pk} has no first person",
                code="first_person_gone",
                user_message="Whoever asked for this may no longer do so. "
                "Refuse it; somebody else can ask again.",
            )
        if approve:
            _carry_out(change, user, requeue)
        change.status = Status.APPLIED if approve else Status.REFUSED
        change.decided_by_id = user.pk
        change.decision_reason = " ".join(reason.split())
        change.decided = timezone.now()
        change.save(update_fields=["status", "decided_by", "decision_reason", "decided"])
        _record(change, user, "approved" if approve else "refused")
    registry.forget()
    return change


def withdraw_change(user: AbstractUser, change_id: uuid.UUID) -> ZoneChange:
    """Whoever asked takes it back before anybody has decided."""
    with transaction.atomic():
        change = _lock_waiting(change_id)
        if change.requested_by_id != user.pk:
            raise InvalidRequest(
                f"change {change.pk} of another",
                code="not_permitted",
                user_message="Only whoever asked for it can withdraw it.",
            )
        change.status = Status.WITHDRAWN
        change.decided_by_id, change.decided = user.pk, timezone.now()
        change.save(update_fields=["status", "decided_by", "decided"])
        _record(change, user, "withdrawn")
    return change


def _lock_waiting(change_id: uuid.UUID) -> ZoneChange:
    change = (
        ZoneChange.objects.select_for_update(of=("self",))
        .select_related("zone", "target", "requested_by")
        .filter(pk=change_id)
        .first()
    )
    if change is None:
        raise NotFound(f"change {change_id}")
    if change.status != Status.WAITING:
        raise InvalidRequest(
            f"change {change_id} is {change.status}",
            code="decided",
            user_message=f"This has been decided already: {change.get_status_display()}.",
        )
    return change


def _carry_out(change: ZoneChange, user: AbstractUser, requeue: Requeue) -> None:
    if change.kind == Kind.CHANGE_ZONE:
        apply_zone_change(change)
        return
    if change.document_id is None:
        raise NotFound(f"change {change.pk} names no document")
    document = data.lock_document(change.document_id)
    if document.zone_id != change.zone_id:
        raise InvalidRequest(
            f"change {change.pk} is out of date",
            code="out_of_date",
            user_message="The document has been moved since this was asked for. "
            "Refuse it, and have it asked for again.",
        )
    if change.kind == Kind.MOVE_DOCUMENT and change.target is not None:
        carry_out_move(document, change.target, requeue)
    elif change.version_id is not None:
        data.get_held_version(change.version_id)  # NotFound once it is no longer held
        carry_out_keeping(change.version_id, user.pk, requeue)


def _record(change: ZoneChange, user: AbstractUser, what: str) -> None:
    control.record_event(
        action=f"zone.change_{what}" if change.document_id is None else f"document.change_{what}",
        actor=user.get_username(),
        subject=change.zone.slug if change.document_id is None else str(change.document_id),
        data={
            "change": str(change.pk),
            "kind": change.kind,
            "requested_by": change.requested_by.get_username() if change.requested_by else "",
            "before": change.before,
            "after": change.after,
            "reason": change.decision_reason,
        },
    )
