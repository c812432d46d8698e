"""What an empty install wants of its admin, each step checked by what is really there."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser, User
from django.db.models import Q

from assistants.models import Assistant, DocumentVersion, Zone
from assistants.services import dismissals, registry
from assistants.services.dismissals import FIRST_STEPS
from assistants.services.second_person import VIEW_ZONES
from assistants.types import Capability

WRITERS = {Capability.CHAT, Capability.DRAFT, Capability.GROUNDED_ANSWER}


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is the admin page (a URL's name) where it is done."""

    title: str
    told: str
    url: str
    done: bool


def get_first_steps(user: AbstractUser) -> list[Step]:
    """The steps that this person has the rights for; none once they have closed them or all is
    done. With the system's rights (services/home.py): it is only asked whether there is anything.
    """
    if not user.has_perm(VIEW_ZONES) or dismissals.is_dismissed(user, FIRST_STEPS):
        return []
    steps = [step for permission, step in _list_steps() if user.has_perm(permission)]
    return [] if all(step.done for step in steps) else steps


def _list_steps() -> list[tuple[str, Step]]:
    # Both that ship are for a first look: one quotes, the other writes fluently and errs.
    capable = [
        each
        for each in registry.list_deployments()
        if each.provider not in ("local", "quotes") and each.capabilities & WRITERS
    ]
    zones = Zone.objects.filter(readers__user__is_active=True).exists()
    documents = DocumentVersion.objects.filter(current=True).exists()
    people = (
        User.objects.filter(is_active=True, groups__assistants__enabled=True)
        .exclude(Q(is_superuser=True))
        .exists()
    )
    asked = Assistant.objects.filter(enabled=True).exists()
    return [
        (
            "assistants.view_deployment",
            Step(
                "A model that may answer",
                "What ships quotes documents and drafts. Name a server on the premises or a cloud.",
                "admin:assistants_deployment_changelist",
                bool(capable),
            ),
        ),
        (
            VIEW_ZONES,
            Step(
                "A zone with readers",
                "Where data may be processed, whether it may leave, and who may read it.",
                "admin:assistants_zone_changelist",
                zones,
            ),
        ),
        (
            "assistants.view_document",
            Step(
                "Documents that can be searched",
                "Upload them to a zone, or name a folder, a repository or a bucket.",
                "admin:assistants_source_changelist",
                documents,
            ),
        ),
        (
            "assistants.view_assistant",
            Step(
                "An assistant for a department",
                "From one form: try a draft, then publish it.",
                "admin:assistants_assistant_changelist",
                asked,
            ),
        ),
        (
            "auth.view_user",
            Step(
                "People in the department",
                "Who is in an assistant's department may ask it.",
                "admin:auth_user_changelist",
                people,
            ),
        ),
    ]
