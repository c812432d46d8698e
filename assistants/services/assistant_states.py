"""What an assistant is told to be, as a version holds it, and the assistant made from that."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.core.exceptions import ValidationError

from assistants.exceptions import InvalidRequest
from assistants.models import (
    Assistant,
    AssistantTrial,
    AssistantVersion,
    Conversation,
    Deployment,
    PromptVersion,
    Zone,
)
from assistants.types import DeploymentSpec, ReleaseMode

MOST_STARTERS = 6
LONGEST_LINE = 200  # characters of a starter, as of a test question


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
    zones = fill(tried, state)
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


def fill(assistant: Assistant, state: AssistantState, *, keep_prompt: bool = True) -> list[Zone]:
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


def validate(assistant: Assistant) -> None:
    if len(assistant.starters) > MOST_STARTERS:
        raise InvalidRequest("starters", user_message=f"Keep to {MOST_STARTERS} starters.")
    try:
        assistant.full_clean(validate_unique=False, exclude=["slug", "department"])
        Assistant._meta.get_field("slug").clean(assistant.slug, assistant)
    except ValidationError as error:
        raise InvalidRequest(
            f"{assistant.slug}: {error}", user_message=" ".join(error.messages)
        ) from error


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "; ".join(str(each) for each in value) or "none"
    return "–" if value in (None, "") else str(value)
