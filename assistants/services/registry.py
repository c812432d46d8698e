"""Deployments: the ones that come with the product, and the one the environment names."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.db.models.signals import m2m_changed, post_delete, post_save

from assistants import conf
from assistants.models import Assistant, Deployment, PromptVersion, Zone
from assistants.types import CLOUD, Capability, DeploymentSpec, ZoneRules

LOCAL = "local"
QUOTES = "quotes"
PREMISES_SERVER = "premises-server"
ANTHROPIC = "anthropic"
DEMO_CLOUD = "demo-cloud"


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


def get_deployment_places() -> dict[int, tuple[str, str]]:
    """The slug and environment of each deployment, enabled or not, by primary key."""
    return {each.pk: (each.slug, each.environment) for each in _deployments()}


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


def get_zones_of(assistant: Assistant) -> list[int]:
    """The primary keys of the zones that it searches; of a version that is tried, its own."""
    if assistant.tried_zones is not None:
        return list(assistant.tried_zones)
    return get_searched_zones().get(assistant.pk, [])


@remembered
def get_assistants() -> dict[int, Assistant]:
    """Every assistant with its prompt, its department and the zone where its questions start, by
    primary key.

    They are shared between threads: not to be changed.
    """
    found = Assistant.objects.select_related("prompt", "department", "question_zone").order_by()
    return {assistant.pk: assistant for assistant in found}


def connect_signals() -> None:
    for sender in (Assistant, Deployment, Zone, PromptVersion):
        post_save.connect(forget, sender=sender)
        post_delete.connect(forget, sender=sender)
    m2m_changed.connect(forget, sender=Assistant.zones.through)


CLOUD_PROVIDERS = ("anthropic", "openai_compatible")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{1,90}_(KEY|TOKEN)")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def find_mistakes(deployment: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a deployment that an admin fills in: a sentence a field. Pure."""
    variable = str(deployment.get("key_variable") or "")
    if variable and not _VARIABLE.fullmatch(variable):
        # Not repeated: it may be the key itself.
        return {
            "key_variable": "This is no name of a variable, such as MISTRAL_API_KEY. If it is the "
            "key itself, put it into an environment variable, and that one's name here."
        }
    of_a_cloud = variable.endswith(conf.CLOUD_KEY_SUFFIX)
    if deployment.get("environment") != CLOUD:
        if of_a_cloud:
            return {
                "key_variable": "Variables that end in _API_KEY are given to the cloud worker "
                "alone. Give the key of this server another name, such as SERVER_KEY."
            }
        return {}
    mistakes: dict[str, str] = {}
    if deployment.get("provider") not in CLOUD_PROVIDERS:
        mistakes["provider"] = f"A cloud speaks {' or '.join(CLOUD_PROVIDERS)}."
    if not deployment.get("region"):
        mistakes["region"] = "Say where it processes, as zones name it, such as eu or us."
    if not of_a_cloud:
        mistakes["key_variable"] = (
            "Name the variable that holds its key; it ends in _API_KEY, so that only the cloud "
            "worker is given it."
        )
    address = urlsplit(str(deployment.get("base_url") or ""))
    if not address.netloc and deployment.get("provider") != "anthropic":
        mistakes["base_url"] = "Name its address, such as https://api.mistral.ai/v1."
    elif address.scheme == "http" and address.hostname not in _THIS_MACHINE:
        mistakes["base_url"] = "A cloud is reached by https only."
    return mistakes


def sync_deployments() -> None:
    """Register what ships with the product, once, and follow the environment at every start.

    What an admin has changed on a registered deployment stays; only addresses, and whether what
    the environment names is enabled, follow it: the premises server LOCAL_MODEL_URL, `anthropic`
    the key given to the cloud worker, the demo cloud whether it was started.
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
    found = conf.load()
    _follow(
        PREMISES_SERVER,
        enabled=bool(found.local_model_url),
        base_url=found.local_model_url,
        provider="openai_compatible",
        context_tokens=8_192,
        max_tokens=1_024,
        rank=10,
    )
    _follow(
        ANTHROPIC,
        enabled="ANTHROPIC_API_KEY" in found.cloud_keys,
        base_url=found.anthropic_base_url,
        provider="anthropic",
        environment=CLOUD,
        region=found.anthropic_region,
        model=found.anthropic_model,
        key_variable="ANTHROPIC_API_KEY",
        context_tokens=200_000,
        max_tokens=2_048,
        input_price=2.8,
        output_price=14.0,
        rank=20,
    )
    _follow(
        DEMO_CLOUD,
        enabled=bool(found.demo_cloud_url),
        base_url=found.demo_cloud_url,
        provider="anthropic",
        environment=CLOUD,
        region="demo",
        model="demo cloud (stand-in)",
        key_variable="DEMO_CLOUD_API_KEY",
        # It answers with the small model, whose context it shares.
        context_tokens=2_048,
        max_tokens=400,
        rank=21,
    )


def _follow(slug: str, *, enabled: bool, base_url: str, **defaults: object) -> None:
    """Register a deployment when the environment first names it; then only follow it."""
    if not enabled:
        Deployment.objects.filter(slug=slug).update(enabled=False)
        return
    followed = {"base_url": base_url, "enabled": True}
    generates = [each for each in Capability if each is not Capability.RERANK]
    Deployment.objects.update_or_create(
        slug=slug,
        defaults=followed,
        create_defaults={"capabilities": generates, **defaults, **followed},
    )
