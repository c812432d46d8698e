"""Deployments: the ones that come with the product, and the one the environment names."""

from __future__ import annotations

from assistants import conf
from assistants.models import Deployment
from assistants.types import Capability, DeploymentSpec

LOCAL = "local"
QUOTES = "quotes"
PREMISES_SERVER = "premises-server"


def list_deployments() -> list[DeploymentSpec]:
    """Every enabled deployment, preferred ones first."""
    return [deployment.spec for deployment in Deployment.objects.filter(enabled=True)]


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
                "capabilities": list(Capability),
                "rank": 10,
            },
        )
    else:
        Deployment.objects.filter(slug=PREMISES_SERVER).update(enabled=False)
