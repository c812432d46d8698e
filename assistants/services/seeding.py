"""The demo: users, zones, assistants and documents on an empty database. Safe to run again."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from assistants import control
from assistants.models import Assistant, AuditEvent, PromptVersion, Zone
from assistants.services import documents, library, notes, policy_stages, ready_actions
from assistants.services.registry import sync_deployments
from assistants.services.second_person import get_organisation
from assistants.types import CLOUD, ON_PREM, Sensitivity, Treatment

# Another folder of the same shape, a folder a zone, may take the demo's place.
DOCUMENTS = Path(
    os.environ.get("DEMO_DOCUMENTS")
    or Path(__file__).resolve().parent.parent / "demo" / "documents"
)

USERS = {
    "alice": "compliance",
    "carol": "clinical",
    "dave": "code",
    "rita": "reviewers",
    "adam": "admins",
}

EVERYWHERE = [ON_PREM, CLOUD]


@dataclass(frozen=True, slots=True)
class DemoZone:
    name: str
    description: str
    sensitivity: Sensitivity
    residency: list[str]
    treatment: Treatment
    readers: list[str]


ZONES = {
    "general": DemoZone(
        "General",
        "Internal matters of every department; where questions start.",
        Sensitivity.INTERNAL,
        EVERYWHERE,
        Treatment.REDACT,
        ["compliance", "clinical", "code", "reviewers", "admins"],
    ),
    "compliance": DemoZone(
        "Compliance",
        "Policies, procedures and client matters of the bank.",
        Sensitivity.CONFIDENTIAL,
        EVERYWHERE,
        Treatment.REDACT,
        ["compliance"],
    ),
    "clinical": DemoZone(
        "Clinical",
        "Protocols and patient records of the clinic; never leaves the premises.",
        Sensitivity.RESTRICTED,
        [ON_PREM],
        Treatment.DENY,
        ["clinical"],
    ),
    "code": DemoZone(
        "Code",
        "Source code, design notes and logs of the software house.",
        Sensitivity.CONFIDENTIAL,
        EVERYWHERE,
        Treatment.REDACT,
        ["code"],
    ),
}


@dataclass(frozen=True, slots=True)
class DemoAssistant:
    name: str
    description: str
    keyword_weight: float
    prompt: str
    starters: list[str]
    widen_by_links: bool = True  # measured for each: benchmarks/links.py


ASSISTANTS = {
    "compliance": DemoAssistant(
        "Compliance",
        "Policies, regulations and procedures of the bank, by clause.",
        0.4,
        "You are the assistant of a bank's compliance department. Be exact: name clause numbers, "
        "thresholds and deadlines as the documents give them. Say when a rule has exceptions. "
        "You inform colleagues; you do not give legal advice.",
        [
            "What is the limit for gifts from business partners?",
            "How long do we keep customer due diligence records?",
            "When must a suspicious activity report be filed?",
        ],
    ),
    "clinical": DemoAssistant(
        "Clinical",
        "Protocols, reference ranges and visit notes of the clinic.",
        0.3,
        "You are the assistant of a clinic's medical staff. Give doses, thresholds and times as "
        "the documents give them, with units. Say when something is for adults only. You support "
        "clinicians; decisions are theirs.",
        [
            "How is hypoglycaemia in a conscious adult treated?",
            "What is the reference range for potassium?",
            "When is warfarin stopped before a procedure?",
        ],
    ),
    "code": DemoAssistant(
        "Code",
        "Source code, design notes, runbooks and logs of the software house.",
        0.1,
        "You are the assistant of a software development team. Quote code in fenced blocks and "
        "name the file and the function it comes from. Prefer what the code does over what a "
        "note says it should do, and say when they differ.",
        [
            "How does the retry backoff work?",
            "What caused the incident on 14 March 2025?",
            "How do idempotency keys expire?",
        ],
    ),
}


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a first start tells the operator; `password` is None when the users were there."""

    users: list[str]
    password: str | None


def seed() -> Seeded:
    """Bring an empty database to the demo; on a later start only follow the environment.

    An interrupted first run is taken up again by the next one: each step is idempotent, and the
    audit event that marks the end is written last.
    """
    sync_deployments()
    get_organisation()
    policy_stages.sync_shipped()
    users = get_user_model().objects
    if AuditEvent.objects.filter(action="demo.seeded").exists():
        return Seeded(list(users.values_list("username", flat=True).order_by("pk")[:20]), None)
    password = None
    if not users.exists():
        password = os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(9)
        _seed_users(password)
    _seed_zones()
    _seed_assistants()
    policy_stages.sync_shipped()  # the departments are there now
    notes.seed_templates()
    _seed_prompts()
    for slug in ZONES:
        documents.ingest_path(DOCUMENTS / slug, slug)
    control.record_event(action="demo.seeded", subject="demo")
    return Seeded(list(USERS), password)


@transaction.atomic
def _seed_users(password: str) -> None:
    for username, group in USERS.items():
        user = get_user_model().objects.create_user(username, password=password)
        user.groups.add(Group.objects.get_or_create(name=group)[0])
        user.is_staff = group in ("reviewers", "admins")
        user.is_superuser = group == "admins"
        user.save()
    # Reviewers may see the values behind placeholders, with a reason, and what people say of
    # answers; admins decide what is escalated.
    Group.objects.get(name="reviewers").permissions.add(
        *Permission.objects.filter(codename__in=["unseal_reviewitem", "view_feedback"])
    )
    organisation = get_organisation()
    organisation.review_escalation = Group.objects.get(name="admins")
    organisation.save()


@transaction.atomic
def _seed_zones() -> None:
    for slug, demo in ZONES.items():
        zone, created = Zone.objects.get_or_create(
            slug=slug,
            defaults={
                "name": demo.name,
                "description": demo.description,
                "sensitivity": demo.sensitivity,
                "residency": demo.residency,
                "treatment": demo.treatment,
            },
        )
        if created:
            for name in demo.readers:
                zone.readers.add(Group.objects.get_or_create(name=name)[0])


@transaction.atomic
def _seed_assistants() -> None:
    for position, (slug, demo) in enumerate(ASSISTANTS.items()):
        prompt, _ = PromptVersion.objects.get_or_create(
            name=slug, number=1, defaults={"text": demo.prompt}
        )
        assistant, created = Assistant.objects.get_or_create(
            slug=slug,
            defaults={
                "name": demo.name,
                "description": demo.description,
                "department": Group.objects.get_or_create(name=slug)[0],
                "prompt": prompt,
                "question_zone": Zone.objects.get(slug="general"),
                "keyword_weight": demo.keyword_weight,
                "widen_by_links": demo.widen_by_links,
                "starters": demo.starters,
                "position": position,
            },
        )
        if created:
            assistant.zones.set(Zone.objects.filter(slug__in=["general", slug]))


@transaction.atomic
def _seed_prompts() -> None:
    for slug, actions in ready_actions.ACTIONS.items():
        library.seed_prompts(Group.objects.get(name=slug), actions)
