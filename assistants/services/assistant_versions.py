"""Assistants by version: drafts, what is published, and the way back. The page is in the admin.

Publishing writes a version into the assistant's own row, from which a turn reads what holds; so
versions cost a turn nothing, and an open page has the new one at its next question.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.contrib.auth.models import AbstractUser, Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import (
    Answer,
    Assistant,
    AssistantTrial,
    AssistantVersion,
    Conversation,
    Deployment,
    PromptVersion,
    Zone,
)
from assistants.services import registry
from assistants.services.second_person import check_permission, check_reason
from assistants.types import DeploymentSpec, ReleaseMode

VIEW_ASSISTANTS = "assistants.view_assistant"
ADD_ASSISTANTS = "assistants.add_assistant"
CHANGE_ASSISTANTS = "assistants.change_assistant"
PUBLISH = "assistants.publish_assistantversion"

Stage = AssistantVersion.Stage
# How the answer of a trial may have ended: what policy holds or stops was answered, too.
TRIED = (Answer.Status.COMPLETED, Answer.Status.HELD, Answer.Status.BLOCKED)
MOST_QUESTIONS = 20
MOST_STARTERS = 6
LONGEST_LINE = 200  # characters of a starter, as of a test question
WHY = "What holds is changed for everybody who asks this assistant."
AS_IT_WAS = "As it was set up before it had versions."


@dataclass(frozen=True, slots=True)
class AssistantState:
    """All of an assistant that a version holds. Zones and deployments by slug; no deployment named
    permits all that the zones do.
    """

    name: str
    description: str
    prompt: str
    zones: tuple[str, ...]
    question_zone: str
    deployments: tuple[str, ...] = ()
    release_mode: str = ReleaseMode.TOKEN.value
    starters: tuple[str, ...] = ()
    keyword_weight: float = 0.2
    crowding_weight: float = 0.1
    widen_by_links: bool = False
    rewrite_questions: bool = True
    polish: bool = False
    blind_share: float = 0.0
    position: int = 0


# Those that are called the same in the assistant's row.
SAME = (
    *("name", "description", "release_mode", "keyword_weight", "crowding_weight"),
    *("widen_by_links", "rewrite_questions", "polish", "blind_share", "position"),
)
LABELS = {
    "name": "Name",
    "description": "Description",
    "prompt": "Prompt",
    "zones": "Zones it searches",
    "question_zone": "Zone where questions start",
    "deployments": "Permitted models",
    "release_mode": "Release",
    "starters": "Starters",
    "keyword_weight": "Share of the keyword side",
    "crowding_weight": "Weight of crowding",
    "widen_by_links": "Follows links",
    "rewrite_questions": "Completes follow-up questions",
    "polish": "Polishes in a cloud",
    "blind_share": "Blind samples",
    "position": "Place in the list",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs, in words."""

    label: str
    before: str
    after: str


def get_state(assistant: Assistant) -> AssistantState:
    """What holds now."""
    return AssistantState(
        prompt=assistant.prompt.text,
        zones=tuple(sorted(zone.slug for zone in assistant.zones.all())),
        question_zone=assistant.question_zone.slug,
        deployments=tuple(sorted(assistant.permitted_deployments)),
        starters=tuple(assistant.starters),
        **{name: getattr(assistant, name) for name in SAME},
    )


def read_state(version: AssistantVersion) -> AssistantState:
    known = {field.name for field in fields(AssistantState)}
    stored = {name: value for name, value in version.state.items() if name in known}
    for name in ("zones", "deployments", "starters"):
        stored[name] = tuple(stored.get(name, ()))
    return AssistantState(**stored)


def list_differences(before: AssistantState | None, after: AssistantState) -> list[Difference]:
    old = asdict(before) if before else {}
    return [
        Difference(LABELS[name], _in_words(old.get(name)), _in_words(value))
        for name, value in asdict(after).items()
        if old.get(name) != value
    ]


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
        zones = _fill(assistant, state)
        _validate(assistant)
        assistant.save(force_insert=True)
        assistant.zones.set(zones)
        version = _new_version(user, assistant, state, _check_questions(questions))
        _record("assistant.created", user, assistant, version=version.number)
    registry.forget()
    return version


def create_draft(
    user: AbstractUser, assistant: Assistant, of: AssistantVersion | None = None
) -> AssistantVersion:
    """A draft to work on, of what holds now or of any version."""
    check_permission(user, CHANGE_ASSISTANTS)
    with transaction.atomic():
        active = record_active(_lock(assistant.pk))
        base = of or active
        version = _new_version(
            user,
            assistant,
            read_state(base) if base else get_state(assistant),
            base.questions if base else [],
        )
        _record("assistant.drafted", user, assistant, version=version.number)
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
        version = _lock_version(version_id)
        _check_draft(version)
        if version.edits != edits:
            raise InvalidRequest(
                f"{version} was edited",
                code="edited_meanwhile",
                user_message="Somebody has changed this draft meanwhile. Open it anew in another "
                "tab and compare; what you filled in is still here.",
            )
        tried = copy.copy(version.assistant)
        _fill(tried, state, keep_prompt=False)  # a draft's wording is no version of its own yet
        _validate(tried)
        version.state = asdict(state)
        version.questions = _check_questions(questions)
        version.edits += 1
        version.save(update_fields=["state", "questions", "edits"])
    return version


def delete_draft(user: AbstractUser, version_id: uuid.UUID) -> None:
    """With its trials, whoever tried it."""
    check_permission(user, CHANGE_ASSISTANTS)
    with data.rights_of_system():
        version = _lock_version(version_id)
        _check_draft(version)
        Conversation.objects.filter(trial__version=version).delete()
        version.delete()
        _record("assistant.draft_deleted", user, version.assistant, version=version.number)


# ---- What holds ----------------------------------------------------------------------------------


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
    with transaction.atomic():
        version = _lock_version(version_id)
        _check_draft(version)
        _check_tried(version)
        active = record_active(version.assistant)
        _check_seen(active, instead_of)
        version.before = active
        _put_in_force(user, version, active, reason)
        _record(
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
    with transaction.atomic():
        assistant = _lock(assistant.pk)
        active = record_active(assistant)
        _check_seen(active, instead_of)
        if active is None or active.before is None:
            raise InvalidRequest(
                f"{assistant.slug} has no version before",
                user_message="There is no version before this one. Make a draft instead.",
            )
        back = active.before
        _put_in_force(user, back, active, reason)
        _record(
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
        locked = _lock(assistant.pk)
        if enabled and get_active(locked) is None and not locked.enabled:
            raise InvalidRequest(
                f"{locked.slug} was never published",
                user_message="Nothing of it is published yet. Publish its draft.",
            )
        locked.enabled = enabled
        locked.save(update_fields=["enabled"])
        action = "assistant.enabled" if enabled else "assistant.disabled"
        _record(action, user, locked, reason=reason)
    registry.forget()


def get_active(assistant: Assistant) -> AssistantVersion | None:
    active = assistant.versions.select_related("before__assistant", "assistant")
    return active.filter(stage=Stage.ACTIVE).first()


def record_active(assistant: Assistant) -> AssistantVersion | None:
    """The active version; where the row says otherwise, or never had one, what it says becomes it.

    None for an assistant that was never published. In the caller's transaction.
    """
    active = get_active(assistant)
    if active is None and not assistant.enabled:
        return None
    state = get_state(assistant)
    if active is not None and read_state(active) == state:
        return active
    if active is not None:
        _retire(active)
    recorded = _new_version(None, assistant, state, active.questions if active else [])
    recorded.stage, recorded.staged = Stage.ACTIVE, timezone.now()
    recorded.before = active
    recorded.reason = "Changed without a version." if active else AS_IT_WAS
    recorded.save(update_fields=["stage", "staged", "before", "reason"])
    return recorded


def get_version(version_id: uuid.UUID) -> AssistantVersion:
    related = ("assistant__department", "author", "staged_by", "before")
    version = AssistantVersion.objects.select_related(*related).filter(pk=version_id).first()
    if version is None:
        raise NotFound(f"assistant version {version_id}")
    return version


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


# ---- What a turn asks ----------------------------------------------------------------------------


def get_refusal(assistant: Assistant, deployment: DeploymentSpec) -> str | None:
    """Why this assistant may not use it; None if it may. Zones and policies have their say too."""
    permitted = assistant.permitted_deployments
    if permitted and deployment.slug not in permitted:
        return f"The assistant {assistant.name} may not use it."
    return None


def as_tried(version: AssistantVersion) -> Assistant:
    """The assistant as this version has it, for a trial; its own row is not touched.

    Its prompt becomes a version of its own, which the receipt names.
    """
    state = read_state(version)
    tried = copy.copy(version.assistant)
    zones = _fill(tried, state)
    tried.tried_zones = tuple(zone.pk for zone in zones)
    return tried


def get_tried(chat: Conversation) -> Assistant | None:
    """The assistant as the version has it that this trial asks; None where that is gone, or names
    a zone that is.
    """
    trial = AssistantTrial.objects.filter(conversation=chat.pk)
    found = trial.select_related(
        "ran__assistant__department", "ran__assistant__prompt", "ran__assistant__question_zone"
    ).first()
    try:
        return as_tried(found.ran) if found else None
    except InvalidRequest:
        return None


# ---- Inside --------------------------------------------------------------------------------------


def _fill(assistant: Assistant, state: AssistantState, *, keep_prompt: bool = True) -> list[Zone]:
    """Write a state into the row, unsaved; the zones it searches, which the row does not hold."""
    for name in SAME:
        setattr(assistant, name, getattr(state, name))
    if not state.prompt.strip():
        raise InvalidRequest("no prompt", user_message="Write a prompt: what it is, and for whom.")
    if keep_prompt:
        assistant.prompt = _get_prompt(assistant.slug, state.prompt)
    assistant.starters = list(state.starters)
    assistant.permitted_deployments = list(state.deployments)
    known = {zone.slug: zone for zone in Zone.objects.all()}
    missing = sorted({*state.zones, state.question_zone} - set(known))
    if missing:
        raise InvalidRequest(
            f"zones {missing}",
            user_message=f"There is no zone “{missing[0]}” any more. Choose another.",
        )
    unknown = set(state.deployments) - set(Deployment.objects.values_list("slug", flat=True))
    if unknown:
        raise InvalidRequest(
            f"deployments {unknown}",
            user_message=f"There is no model “{min(unknown)}” any more. Choose another.",
        )
    assistant.question_zone = known[state.question_zone]
    return [known[slug] for slug in state.zones]


def _get_prompt(name: str, text: str) -> PromptVersion:
    """The version of the prompt with this text; a new number for a new text."""
    known = PromptVersion.objects.filter(name=name)
    same = known.filter(text=text).first()
    if same:
        return same
    last = known.order_by("-number").values_list("number", flat=True).first() or 0
    return PromptVersion.objects.create(name=name, number=last + 1, text=text)


def _validate(assistant: Assistant) -> None:
    if len(assistant.starters) > MOST_STARTERS:
        raise InvalidRequest("starters", user_message=f"Keep to {MOST_STARTERS} starters.")
    try:
        assistant.full_clean(validate_unique=False, exclude=["slug", "department"])
        Assistant._meta.get_field("slug").clean(assistant.slug, assistant)
    except ValidationError as error:
        raise InvalidRequest(
            f"{assistant.slug}: {error}", user_message=" ".join(error.messages)
        ) from error


def _check_questions(questions: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    if len(questions) > MOST_QUESTIONS:
        raise InvalidRequest("questions", user_message=f"Keep to {MOST_QUESTIONS} test questions.")
    return [{"text": each["text"], "expect": each.get("expect", "")} for each in questions]


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


def _put_in_force(
    user: AbstractUser, version: AssistantVersion, active: AssistantVersion | None, reason: str
) -> None:
    if active is not None:
        _retire(active)
    assistant = _lock(version.assistant_id)
    zones = _fill(assistant, read_state(version))
    _validate(assistant)
    assistant.enabled = True
    assistant.save()
    assistant.zones.set(zones)
    version.stage, version.staged, version.staged_by_id = Stage.ACTIVE, timezone.now(), user.pk
    version.reason = reason
    version.save(update_fields=["stage", "staged", "staged_by", "reason", "before"])


def _retire(version: AssistantVersion) -> None:
    AssistantVersion.objects.filter(pk=version.pk).update(
        stage=Stage.RETIRED, staged=timezone.now()
    )


def _check_draft(version: AssistantVersion) -> None:
    if version.stage != Stage.DRAFT:
        raise InvalidRequest(
            f"{version} is {version.stage}",
            code="not_a_draft",
            user_message="This version was published and stays as it is. Make a draft of it.",
        )


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


def _lock(pk: int) -> Assistant:
    """Changes of one assistant take turns."""
    Assistant.objects.select_for_update(of=("self",)).get(pk=pk)
    return Assistant.objects.select_related("prompt", "question_zone", "department").get(pk=pk)


def _lock_version(version_id: uuid.UUID) -> AssistantVersion:
    found = AssistantVersion.objects.filter(pk=version_id)
    assistant = found.values_list("assistant", flat=True).first()
    if assistant is None:
        raise NotFound(f"assistant version {version_id}")
    locked = _lock(assistant)
    version = get_version(version_id)
    version.assistant = locked
    return version


def _record(action: str, user: AbstractUser, assistant: Assistant, **more: object) -> None:
    control.record_event(
        action=action, actor=user.get_username(), subject=assistant.slug, data=more
    )


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "; ".join(str(each) for each in value) or "none"
    return "–" if value in (None, "") else str(value)
