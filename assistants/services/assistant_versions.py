"""Assistants by version: the drafts, and what holds now. `publishing` changes what holds.

Publishing writes a version into the assistant's own row, from which a turn reads what holds; so
versions cost a turn nothing, and an open page has the new one at its next question.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.contrib.auth.models import AbstractUser, Group
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Assistant, AssistantVersion, Conversation
from assistants.services import registry
from assistants.services.assistant_states import (
    AssistantState,
    fill,
    get_state,
    read_state,
    validate,
)
from assistants.services.messages import clean_text
from assistants.services.second_person import check_permission

VIEW_ASSISTANTS = "assistants.view_assistant"
ADD_ASSISTANTS = "assistants.add_assistant"
CHANGE_ASSISTANTS = "assistants.change_assistant"
PUBLISH = "assistants.publish_assistantversion"

Stage = AssistantVersion.Stage
MOST_QUESTIONS = 20
AS_IT_WAS = "As it was set up before it had versions."
SHIPPED = "It comes with the product."


# ---- Drafts --------------------------------------------------------------------------------------


def create_assistant(
    user: AbstractUser,
    slug: str,
    department: Group,
    state: AssistantState,
    questions: Sequence[Mapping[str, str]] = (),
) -> AssistantVersion:
    """A new assistant with its first draft. Nobody can ask it before that is published."""
    check_permission(user, ADD_ASSISTANTS)
    if Assistant.objects.filter(slug=slug).exists():
        raise InvalidRequest(
            f"assistant {slug}",
            code="slug_taken",
            user_message=f"There is an assistant “{slug}” already. Choose another short name.",
        )
    with transaction.atomic():
        assistant = Assistant(slug=slug, department=department, enabled=False)
        zones = fill(assistant, state)
        validate(assistant)
        assistant.save(force_insert=True)
        assistant.zones.set(zones)
        version = _new_version(user, assistant, state, _check_questions(questions))
        record("assistant.created", user, assistant, version=version.number)
    registry.forget()
    return version


def create_draft(
    user: AbstractUser, assistant: Assistant, of: AssistantVersion | None = None
) -> AssistantVersion:
    """A draft to work on, of what holds now or of any version."""
    check_permission(user, CHANGE_ASSISTANTS)
    with transaction.atomic():
        active = record_active(lock_assistant(assistant.pk))
        base = of or active
        version = _new_version(
            user,
            assistant,
            read_state(base) if base else get_state(assistant),
            base.questions if base else [],
        )
        record("assistant.drafted", user, assistant, version=version.number)
    return version


def save_draft(
    user: AbstractUser,
    version_id: uuid.UUID,
    state: AssistantState,
    questions: Sequence[Mapping[str, str]],
    *,
    edits: int,
) -> AssistantVersion:
    """`edits` is that of the draft which the person looked at: InvalidRequest where somebody else
    has saved it since.
    """
    check_permission(user, CHANGE_ASSISTANTS)
    with transaction.atomic():
        version = lock_version(version_id)
        check_draft(version)
        if version.edits != edits:
            raise InvalidRequest(
                f"{version} was edited",
                code="edited_meanwhile",
                user_message="Somebody has changed this draft meanwhile. Open it anew in another "
                "tab and compare; what you filled in is still here.",
            )
        tried = copy.copy(version.assistant)
        fill(tried, state, keep_prompt=False)  # a draft's wording is no version of its own yet
        validate(tried)
        version.state = asdict(state)
        version.questions = _check_questions(questions)
        version.edits += 1
        version.save(update_fields=["state", "questions", "edits"])
    return version


def delete_draft(user: AbstractUser, version_id: uuid.UUID) -> None:
    """With its trials, whoever tried it."""
    check_permission(user, CHANGE_ASSISTANTS)
    with data.rights_of_system():
        version = lock_version(version_id)
        check_draft(version)
        Conversation.objects.filter(trial__version=version).delete()
        version.delete()
        record("assistant.draft_deleted", user, version.assistant, version=version.number)


# ---- Reading, and what publishing needs ----------------------------------------------------------


def get_active(assistant: Assistant) -> AssistantVersion | None:
    active = assistant.versions.select_related("before__assistant", "assistant")
    return active.filter(stage=Stage.ACTIVE).first()


def record_active(assistant: Assistant) -> AssistantVersion | None:
    """The active version; where the row says otherwise, or never had one, what it says becomes it.

    None for an assistant that was never published.
    """
    with transaction.atomic():
        return _record_active(lock_assistant(assistant.pk))


def _record_active(assistant: Assistant) -> AssistantVersion | None:
    active = get_active(assistant)
    if active is None and not assistant.enabled:
        return None
    state = get_state(assistant)
    if active is not None and read_state(active) == state:
        return active
    if active is not None:
        retire(active)
    recorded = _new_version(None, assistant, state, active.questions if active else [])
    recorded.stage, recorded.staged = Stage.ACTIVE, timezone.now()
    recorded.before = active
    recorded.reason = "Changed without a version." if active else AS_IT_WAS
    recorded.save(update_fields=["stage", "staged", "before", "reason"])
    return recorded


def record_shipped(assistant: Assistant, questions: Sequence[str]) -> AssistantVersion:
    """The first version of an assistant that comes with the product, switched off: it holds."""
    asked = _check_questions([{"text": text} for text in questions])
    version = _new_version(None, assistant, get_state(assistant), asked)
    version.stage, version.staged, version.reason = Stage.ACTIVE, timezone.now(), SHIPPED
    version.save(update_fields=["stage", "staged", "reason"])
    return version


def get_version(version_id: uuid.UUID) -> AssistantVersion:
    related = ("assistant__department", "author", "staged_by", "before")
    version = AssistantVersion.objects.select_related(*related).filter(pk=version_id).first()
    if version is None:
        raise NotFound(f"assistant version {version_id}")
    return version


# ---- Inside --------------------------------------------------------------------------------------


def _check_questions(questions: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    if len(questions) > MOST_QUESTIONS:
        raise InvalidRequest("questions", user_message=f"Keep to {MOST_QUESTIONS} test questions.")
    # As they will be asked: by its text, it is known which of them was tried.
    return [
        {"text": clean_text(each["text"]), "expect": each.get("expect", "")} for each in questions
    ]


def _new_version(
    user: AbstractUser | None,
    assistant: Assistant,
    state: AssistantState,
    questions: Sequence[Mapping[str, str]],
) -> AssistantVersion:
    last = assistant.versions.order_by("-number").values_list("number", flat=True).first() or 0
    return AssistantVersion.objects.create(
        assistant=assistant,
        number=last + 1,
        state=asdict(state),
        questions=list(questions),
        author_id=user.pk if user else None,
    )


def retire(version: AssistantVersion) -> None:
    AssistantVersion.objects.filter(pk=version.pk).update(
        stage=Stage.RETIRED, staged=timezone.now()
    )


def check_draft(version: AssistantVersion) -> None:
    if version.stage != Stage.DRAFT:
        raise InvalidRequest(
            f"{version} is {version.stage}",
            code="not_a_draft",
            user_message="This version was published and stays as it is. Make a draft of it.",
        )


def lock_assistant(pk: int) -> Assistant:
    """Changes of one assistant take turns."""
    Assistant.objects.select_for_update(of=("self",)).get(pk=pk)
    return Assistant.objects.select_related("prompt", "question_zone", "department").get(pk=pk)


def lock_version(version_id: uuid.UUID) -> AssistantVersion:
    found = AssistantVersion.objects.filter(pk=version_id)
    assistant = found.values_list("assistant", flat=True).first()
    if assistant is None:
        raise NotFound(f"assistant version {version_id}")
    locked = lock_assistant(assistant)
    version = get_version(version_id)
    version.assistant = locked
    return version


def record(action: str, user: AbstractUser, assistant: Assistant, **more: object) -> None:
    control.record_event(
        action=action, actor=user.get_username(), subject=assistant.slug, data=more
    )
