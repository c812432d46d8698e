"""Documents and people's decisions on them: moving one to another zone, and what is held.

`requeue` is given the id of each version that is to be read again, once that is committed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Answer, Conversation, Document, Zone, ZoneChange
from assistants.services import rights
from assistants.services.second_person import (
    JUDGE_HELD,
    MOVE_DOCUMENTS,
    check_permission,
    check_reason,
    takes_two,
)
from assistants.types import Sensitivity

Requeue = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """What was done; `waiting` is the row where it takes a second person first."""

    document: uuid.UUID
    looser: list[str] = field(default_factory=list)
    waiting: ZoneChange | None = None


def move_document(
    user: AbstractUser, document_id: uuid.UUID, target_slug: str, reason: str, requeue: Requeue
) -> MoveOutcome:
    """Put a document into another zone, or have it wait for a second person.

    Its versions, chunks, vectors and words go with it. Answers made from it keep their zones and
    gain the new one where that is stricter. Raises InvalidRequest and NotFound; nothing is
    changed then.
    """
    check_permission(user, MOVE_DOCUMENTS)
    reason = check_reason(reason, "A move between zones is recorded with its reason.")
    with transaction.atomic():
        document, target = data.lock_document(document_id), _zone(target_slug)
        data.check_move(document, target)
        looser = list_looser(document.zone, target)
        two = bool(looser) and takes_two(document.zone.sensitivity)
        change = _create_change(
            user,
            ZoneChange.Kind.MOVE_DOCUMENT,
            document,
            reason,
            waiting=two,
            target=target,
            before={"zone": document.zone.slug},
            after={"zone": target.slug},
        )
        if not two:
            carry_out_move(document, target, requeue)
        control.record_event(
            action="document.move_requested" if two else "document.moved",
            actor=user.get_username(),
            subject=str(document.pk),
            data={
                "change": str(change.pk),
                "before": change.before,
                "after": change.after,
                "looser": looser,
                "reason": reason,
            },
        )
    return MoveOutcome(document.pk, looser, change if two else None)


def keep_version(
    user: AbstractUser, version_id: uuid.UUID, reason: str, requeue: Requeue
) -> MoveOutcome:
    """Let a held version be searched in its zone, although it proved more sensitive.

    That is a loosening: from the sensitivity the organisation has set, it takes two.
    """
    check_permission(user, JUDGE_HELD)
    held = data.get_held_version(version_id)
    looser = [_keeping(held)]
    reason = check_reason(reason, looser[0])
    with transaction.atomic():
        document = data.lock_document(held.document)
        held = data.get_held_version(version_id)
        two = takes_two(max(document.zone.sensitivity, held.detected_sensitivity or 0))
        change = _create_change(
            user,
            ZoneChange.Kind.KEEP_DOCUMENT,
            document,
            reason,
            waiting=two,
            version_id=version_id,
            before={"detected": held.detected},
            after={"zone": document.zone.slug},
        )
        if not two:
            carry_out_keeping(version_id, user.pk, requeue)
        control.record_event(
            action="document.keep_requested" if two else "document.kept",
            actor=user.get_username(),
            subject=str(document.pk),
            data={
                "change": str(change.pk),
                "version": str(version_id),
                "detected": held.detected,
                "zone": document.zone.slug,
                "reason": reason,
            },
        )
    return MoveOutcome(document.pk, looser, change if two else None)


def reject_version(user: AbstractUser, version_id: uuid.UUID, reason: str) -> None:
    """Turn a held version down: its content is dropped, the version before stays as it is."""
    check_permission(user, JUDGE_HELD)
    reason = check_reason(reason, "Whoever added the document will read it.")
    with transaction.atomic():
        held = data.get_held_version(version_id)
        data.lock_document(held.document)
        data.get_held_version(version_id)  # somebody else may have decided in between
        data.reject_held_version(version_id, f"Turned down by {user.get_username()}: {reason}")
        ZoneChange.objects.filter(version=version_id, status=ZoneChange.Status.WAITING).update(
            status=ZoneChange.Status.WITHDRAWN
        )
        control.record_event(
            action="document.rejected",
            actor=user.get_username(),
            subject=str(held.document),
            data={"version": str(version_id), "detected": held.detected, "reason": reason},
        )


def carry_out_move(document: Document, target: Zone, requeue: Requeue) -> None:
    """For a locked document, in the transaction of whoever decided it."""
    source = document.zone
    waiting = data.move_document(document, target)
    _grow_answers(document.pk, source, target)
    rights.announce_change()
    for version_id in waiting:
        _on_commit(requeue, version_id)


def carry_out_keeping(version_id: uuid.UUID, user_id: int, requeue: Requeue) -> None:
    data.confirm_version(version_id, user_id)
    _on_commit(requeue, version_id)


def list_looser(source: Zone, target: Zone) -> list[str]:
    """What a move from one to the other loosens."""
    readers = {group.name for group in target.readers.all()}
    return data.loosens(
        source.rules, target.rules, readers - {group.name for group in source.readers.all()}
    )


def describe_detected(detected: Mapping[str, int]) -> str:
    """Types and how many of each, never the text."""
    return (
        ", ".join(
            f"{count} × {kind.replace('_', ' ').lower()}"
            for kind, count in sorted(detected.items())
        )
        or "nothing that could be told"
    )


def _keeping(held: data.HeldVersion) -> str:
    detected = Sensitivity(held.detected_sensitivity or 0).name.lower()
    return (
        f"It holds what is {detected}, and stays in {held.zone.name}, "
        f"which is {Sensitivity(held.zone.sensitivity).name.lower()}."
    )


def _grow_answers(document_id: uuid.UUID, source: Zone, target: Zone) -> None:
    """What was made from a document belongs to its new zone too: whoever may not read that may
    not read the answer, and the conversation goes nowhere the new zone forbids.
    """
    with data.rights_of_system():
        made = Answer.objects.filter(
            zones__contains=[source.slug],
            receipt__passages__contains=[{"document": str(document_id)}],
        )
        chats = set()
        for answer in made.select_for_update(of=("self",)).select_related("message").defer("text"):
            answer.zones = sorted({*answer.zones, target.slug})
            if answer.made_from is not None:
                answer.made_from = sorted({*answer.made_from, target.slug})
            answer.save(update_fields=["zones", "made_from"])
            chats.add(answer.message.conversation_id)
        for chat in Conversation.objects.select_for_update().filter(pk__in=chats).order_by("pk"):
            Conversation.objects.filter(pk=chat.pk).update(zones=sorted({*chat.zones, target.slug}))


def _create_change(
    user: AbstractUser,
    kind: ZoneChange.Kind,
    document: Document,
    reason: str,
    *,
    waiting: bool,
    **values: object,
) -> ZoneChange:
    if document.moves.filter(status=ZoneChange.Status.WAITING).exists():
        raise InvalidRequest(
            "a change waits",
            code="change_waits",
            user_message="A change of this document waits for a second person already. "
            "It has to be decided or withdrawn first.",
        )
    change = ZoneChange(
        kind=kind,
        zone=document.zone,
        document=document,
        reason=reason,
        requested_by_id=user.pk,
        status=ZoneChange.Status.WAITING if waiting else ZoneChange.Status.APPLIED,
        **values,
    )
    change.save(force_insert=True)
    return change


def _zone(slug: str) -> Zone:
    zone = Zone.objects.filter(slug=slug).first()
    if zone is None:
        raise NotFound(f"zone {slug}", user_message="Choose one of the zones.")
    return zone


def _on_commit(requeue: Requeue, version_id: uuid.UUID) -> None:
    # A broker that is away loses nothing: what waits for too long is queued again.
    transaction.on_commit(lambda: requeue(str(version_id)), robust=True)
