"""The demo: users, zones, assistants and documents on an empty database. Safe to run again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from assistants import control
from assistants.exceptions import InvalidRequest
from assistants.models import Assistant, AuditEvent, PromptVersion, Zone
from assistants.services import (
    assistant_versions,
    documents,
    library,
    notes,
    policy_stages,
    publishing,
    ready_actions,
)
from assistants.services.registry import sync_deployments
from assistants.services.second_person import get_organisation
from assistants.types import CLOUD, ON_PREM, ReleaseMode, Sensitivity, Treatment

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
        ["compliance", "clinical", "code", "marketing", "reviewers", "admins"],
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
    "brand": DemoZone(
        "Brand",
        "Brand rules, claims and terms; how the house speaks stays in the house.",
        Sensitivity.CONFIDENTIAL,
        [ON_PREM],
        Treatment.DENY,
        ["marketing"],
    ),
    "campaigns": DemoZone(
        "Campaigns",
        "Product facts, briefs and results, from which texts are made.",
        Sensitivity.INTERNAL,
        EVERYWHERE,
        Treatment.REDACT,
        ["marketing"],
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
    own_zones: tuple[str, ...] = ()  # the zone of its name, unless others are named
    enabled: bool = True
    release_mode: ReleaseMode = ReleaseMode.TOKEN
    questions: tuple[str, ...] = ()  # tried before a next version is published


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
    # Ready, and switched off: for whoever wants a fourth department.
    "marketing": DemoAssistant(
        "Marketing",
        "Brand rules, product facts and campaigns; texts, variants and translations.",
        0.3,
        "You are the assistant of a marketing department. Take facts, prices, rates and "
        "conditions from the product sheets and keep each with its condition. Keep to the brand's "
        "names, terms and tone: short sentences, no superlatives without a source, no pressure, no "
        "guarantee. Say which claims still need an approval, and whose. What you write is a draft "
        "that a person reads before it is published.",
        [
            "What may we say about the Harbour Account?",
            "Who approves a health claim, and how quickly?",
            "How do we write amounts and percentages?",
        ],
        widen_by_links=False,
        own_zones=("brand", "campaigns"),
        enabled=False,
        release_mode=ReleaseMode.BLOCK,
        questions=(
            "What may not be said about Tideline Savings?",
            "Who approves a comparison with another bank?",
        ),
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
        _seed_documents(slug)
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
def _seed_zones(zones: Mapping[str, DemoZone] = ZONES) -> None:
    for slug, demo in zones.items():
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
def _seed_assistants(slugs: Collection[str] = tuple(ASSISTANTS)) -> None:
    for position, (slug, demo) in enumerate(ASSISTANTS.items()):
        if slug not in slugs:
            continue
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
                "enabled": demo.enabled,
                "release_mode": demo.release_mode,
            },
        )
        if created:
            named = demo.own_zones or (slug,)
            assistant.zones.set(Zone.objects.filter(slug__in=["general", *named]))
            if not demo.enabled:  # it can be switched on, since something of it is published
                assistant_versions.record_shipped(assistant, demo.questions)


@transaction.atomic
def _seed_prompts(slugs: Collection[str] = tuple(ready_actions.ACTIONS)) -> None:
    for slug in slugs:
        library.seed_prompts(Group.objects.get(name=slug), ready_actions.ACTIONS[slug])


def _seed_documents(zone: str) -> None:
    folder = DOCUMENTS / zone
    if folder.exists():  # another folder in the demo's place need not have all of them
        documents.ingest_path(folder, zone)


def switch_on(slug: str, reason: str, *, actor: str) -> Assistant:
    """Let the people of a department that ships ask its assistant; what an older install lacks of
    it comes first, with its demo documents. Raises InvalidRequest.
    """
    demo = ASSISTANTS.get(slug)
    if demo is None:
        known = ", ".join(ASSISTANTS)
        raise InvalidRequest(user_message=f"No department “{slug}” ships. These do: {known}.")
    if not Assistant.objects.filter(slug=slug).exists():
        own = demo.own_zones or (slug,)
        with transaction.atomic():
            _seed_zones({name: ZONES[name] for name in ("general", *own)})
            _seed_assistants([slug])
            group = Group.objects.get(name=slug)
            Zone.objects.get(slug="general").readers.add(group)
        policy_stages.sync_shipped()
        _seed_prompts([slug])
        for name in own:
            _seed_documents(name)
    return publishing.switch_on(slug, reason, actor=actor)
