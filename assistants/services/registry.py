"""Deployments: the ones that come with the product, and the one the environment names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db.models.signals import m2m_changed, post_delete, post_save

from assistants import conf
from assistants.models import Assistant, Deployment, PromptVersion, Zone
from assistants.types import Capability, DeploymentSpec, ZoneRules

LOCAL = "local"
QUOTES = "quotes"
PREMISES_SERVER = "premises-server"


# What an admin changes holds everywhere within a second; each answer would read it otherwise.
REMEMBER_SECONDS = 0.6
READING_SECONDS = 0.2  # for so long, what was known serves the others while one reads afresh

T = TypeVar("T")


def remembered(read: Callable[[], T]) -> Callable[[], T]:
    """Read at most once in REMEMBER_SECONDS a process. Not for rights: those are read afresh."""
    known: tuple[float, T] | None = None
    reading = threading.Lock()

    def remember() -> T:
        nonlocal known
        before, now = known, time.monotonic()
        age = now - before[0] if before else float("inf")
        if before and age <= REMEMBER_SECONDS:
            return before[1]
        mine = reading.acquire(blocking=False)
        try:
            if before and not mine and age <= REMEMBER_SECONDS + READING_SECONDS:
                return before[1]
            fresh = read()
            known = (now, fresh)
            return fresh
        finally:
            if mine:
                reading.release()

    def forget() -> None:
        nonlocal known
        known = None

    _forgetters.append(forget)
    return remember


_forgetters: list[Callable[[], None]] = []


def also_forget(clear: Callable[[], None]) -> None:
    """Call this too where everything is to be read afresh."""
    _forgetters.append(clear)


def forget(**kwargs: object) -> None:
    """Read everything afresh: what this process changes, it sees at once."""
    for each in _forgetters:
        each()


@remembered
def _deployments() -> list[Deployment]:
    return list(Deployment.objects.all())


def list_deployments() -> list[DeploymentSpec]:
    """Every enabled deployment, preferred ones first."""
    return [deployment.spec for deployment in _deployments() if deployment.enabled]


def get_deployment_keys() -> dict[str, int]:
    """The primary key of each deployment, enabled or not, by slug."""
    return {deployment.slug: deployment.pk for deployment in _deployments()}


@remembered
def _zones() -> list[Zone]:
    return list(Zone.objects.all())


def get_zone_rules() -> dict[str, ZoneRules]:
    """The rules of every zone, by slug."""
    return {zone.slug: zone.rules for zone in _zones()}


def get_zone_names() -> dict[str, str]:
    """The names of every zone, by slug."""
    return {zone.slug: zone.name for zone in _zones()}


@remembered
def get_searched_zones() -> dict[int, list[int]]:
    """The primary keys of the zones that each assistant searches, by the assistant's."""
    zones: dict[int, list[int]] = {}
    for assistant, zone in Assistant.zones.through.objects.values_list("assistant", "zone"):
        zones.setdefault(assistant, []).append(zone)
    return zones


@remembered
def get_assistants() -> dict[int, Assistant]:
    """Every assistant with its prompt and the zone where its questions start, by primary key.

    They are shared between threads: not to be changed.
    """
    found = Assistant.objects.select_related("prompt", "question_zone").order_by()
    return {assistant.pk: assistant for assistant in found}


def connect_signals() -> None:
    for sender in (Assistant, Deployment, Zone, PromptVersion):
        post_save.connect(forget, sender=sender)
        post_delete.connect(forget, sender=sender)
    m2m_changed.connect(forget, sender=Assistant.zones.through)


def sync_deployments() -> None:
    """Register what ships with the product, once, and follow LOCAL_MODEL_URL at every start.

    What an admin has changed on a registered deployment stays; only the address and whether the
    premises server is enabled follow the environment.
    """
    Deployment.objects.get_or_create(
        slug=QUOTES,
        defaults={
            "provider": "quotes",
            "model": "quotes",
            "context_tokens": 32_000,
            "max_tokens": 2_000,
            "capabilities": [Capability.GROUNDED_ANSWER],
            "rank": 90,
        },
    )
    Deployment.objects.get_or_create(
        slug=LOCAL,
        defaults={
            "provider": "local",
            "model": "SmolLM2-135M-Instruct",
            "context_tokens": 2_048,
            "max_tokens": 400,
            # It writes fluently and is often wrong: never for answers from documents.
            "capabilities": [Capability.CHAT, Capability.DRAFT],
            "rank": 50,
        },
    )
    url = conf.load().local_model_url
    if url:
        Deployment.objects.update_or_create(
            slug=PREMISES_SERVER,
            defaults={"base_url": url, "enabled": True},
            create_defaults={
                "provider": "openai_compatible",
                "base_url": url,
                "enabled": True,
                "context_tokens": 8_192,
                "max_tokens": 1_024,
                "capabilities": [each for each in Capability if each is not Capability.RERANK],
                "rank": 10,
            },
        )
    else:
        Deployment.objects.filter(slug=PREMISES_SERVER).update(enabled=False)
