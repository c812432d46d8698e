"""What holds: publishing a draft, the way back, and the switch. With a reason, and recorded."""

from __future__ import annotations

import hashlib
import uuid

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest
from assistants.models import Answer, Assistant, AssistantTrial, AssistantVersion
from assistants.services import registry
from assistants.services.assistant_states import (
    Difference,
    fill,
    list_differences,
    read_state,
    validate,
)
from assistants.services.assistant_versions import (
    PUBLISH,
    Stage,
    check_draft,
    get_version,
    lock_assistant,
    lock_version,
    record,
    record_active,
    retire,
)
from assistants.services.second_person import check_permission, check_reason

# How the answer of a trial may have ended: what policy holds or stops was answered, too.
TRIED = (Answer.Status.COMPLETED, Answer.Status.HELD, Answer.Status.BLOCKED)
WHY = "What holds is changed for everybody who asks this assistant."


def publish(
    user: AbstractUser,
    version_id: uuid.UUID,
    reason: str,
    *,
    instead_of: uuid.UUID | None,
) -> AssistantVersion:
    """The draft holds from now on. `instead_of` is the active version that the person saw.

    InvalidRequest where a test question was not put to the draft as it is, or there is none.
    """
    check_permission(user, PUBLISH)
    reason = check_reason(reason, WHY)
    record_active(get_version(version_id).assistant)  # kept, so that the page shows it next
    with transaction.atomic():
        version = lock_version(version_id)
        check_draft(version)
        _check_tried(version)
        active = record_active(version.assistant)
        _check_seen(active, instead_of)
        version.before = active
        _put_in_force(user, version, active, reason)
        record(
            "assistant.published",
            user,
            version.assistant,
            version=version.number,
            instead_of=active.number if active else None,
            changed=[each.label for each in _changes(active, version)],
            reason=reason,
        )
    registry.forget()
    return version


def roll_back(
    user: AbstractUser, assistant: Assistant, reason: str, *, instead_of: uuid.UUID | None
) -> AssistantVersion:
    """The version before the active one holds again, at once. Returns it."""
    check_permission(user, PUBLISH)
    reason = check_reason(reason, WHY)
    record_active(assistant)
    with transaction.atomic():
        assistant = lock_assistant(assistant.pk)
        active = record_active(assistant)
        _check_seen(active, instead_of)
        if active is None or active.before is None:
            raise InvalidRequest(
                f"{assistant.slug} has no version before",
                user_message="There is no version before this one. Make a draft instead.",
            )
        back = active.before
        _put_in_force(user, back, active, reason)
        record(
            "assistant.rolled_back",
            user,
            assistant,
            version=back.number,
            instead_of=active.number,
            reason=reason,
        )
    registry.forget()
    return back


def switch(user: AbstractUser, assistant: Assistant, enabled: bool, reason: str) -> None:
    """Let people ask it, or nobody; what was said is kept."""
    check_permission(user, PUBLISH)
    reason = check_reason(reason, "Its people see the assistant come or go.")
    with transaction.atomic():
        locked = lock_assistant(assistant.pk)
        if record_active(locked) is None and enabled:
            raise InvalidRequest(
                f"{locked.slug} was never published",
                user_message="Nothing of it is published yet. Publish its draft.",
            )
        locked.enabled = enabled
        locked.save(update_fields=["enabled"])
        action = "assistant.enabled" if enabled else "assistant.disabled"
        record(action, user, locked, reason=reason)
    registry.forget()


def switch_on(slug: str, reason: str, *, actor: str) -> Assistant:
    """The same for whoever has the machine, by `manage.py`. Harmless where it is on already."""
    with transaction.atomic():
        assistant = lock_assistant(Assistant.objects.get(slug=slug).pk)
        if not assistant.enabled:
            assistant.enabled = True
            assistant.save(update_fields=["enabled"])
            control.record_event(
                action="assistant.enabled", actor=actor, subject=slug, data={"reason": reason}
            )
    registry.forget()
    return assistant


def hash_question(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def list_untried(version: AssistantVersion) -> list[str]:
    """The test questions that the draft has not answered as it is: of each, whoever tried it."""
    trials = AssistantTrial.objects.filter(version=version, ran=version, edits=version.edits)
    with data.rights_of_system():
        answered = set(
            trials.filter(conversation__messages__answers__status__in=TRIED).values_list(
                "question_sha256", flat=True
            )
        )
    return [
        each["text"] for each in version.questions if hash_question(each["text"]) not in answered
    ]


def _put_in_force(
    user: AbstractUser, version: AssistantVersion, active: AssistantVersion | None, reason: str
) -> None:
    if active is not None:
        retire(active)
    assistant = lock_assistant(version.assistant_id)
    zones = fill(assistant, read_state(version))
    validate(assistant)
    assistant.enabled = True
    assistant.save()
    assistant.zones.set(zones)
    version.stage, version.staged, version.staged_by_id = Stage.ACTIVE, timezone.now(), user.pk
    version.reason = reason
    version.save(update_fields=["stage", "staged", "staged_by", "reason", "before"])


def _check_tried(version: AssistantVersion) -> None:
    if not version.questions:
        raise InvalidRequest(
            f"{version} has no test question",
            code="untried",
            user_message="Give it a test question first, and try it: so that the next version can "
            "be held against this one.",
        )
    if untried := list_untried(version):
        raise InvalidRequest(
            f"{len(untried)} questions untried",
            code="untried",
            user_message="Try it first. This draft, as it is now, has not answered: "
            + " ".join(f"“{text}”" for text in untried[:3]),
        )


def _check_seen(active: AssistantVersion | None, seen: uuid.UUID | None) -> None:
    if (active.pk if active else None) != seen:
        raise InvalidRequest(
            f"active is {active}",
            code="changed_meanwhile",
            user_message="Another version was published meanwhile. Look at what holds now, "
            "and try again.",
        )


def _changes(before: AssistantVersion | None, after: AssistantVersion) -> list[Difference]:
    return list_differences(read_state(before) if before else None, read_state(after))
