"""The cloud worker: sends sealed prompts to clouds and writes what comes back to the broker.

    celery -A assistants.compute.cloud worker -Q cloud -n cloud@%h -P threads -c 50

It has no Django, no database, no documents and no redaction map. It holds the keys of the clouds,
and the public key by which it checks egress tickets; it can make none. Its account at the broker
reaches `cloud:*` and nothing else. A payload without a valid ticket is refused, one that was
sent before is dropped. See docs/adr/0015-cloud-workers.md.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import time
from typing import Any
from urllib.parse import urlsplit

from celery import signals

from assistants.compute import liveness, loop, relay, wire
from assistants.compute.dispatch import celery_app
from assistants.compute.lanes import CLOUD
from assistants.compute.providers import provider_class
from assistants.compute.providers.base import failure
from assistants.compute.providers.keys import held_key, list_held
from assistants.exceptions import ProviderError, TicketRefused
from assistants.tickets import decode_ticket, from_base64url, verify_ticket
from assistants.types import CLOUD as IN_A_CLOUD
from assistants.types import DeploymentSpec

logger = logging.getLogger(__name__)

PROVIDERS = frozenset({"anthropic", "openai_compatible"})
PUBLIC_KEY = "EGRESS_PUBLIC_KEY"
# With one of these it could open what it must not: then it does not start.
NOT_FOR_HERE = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS")

app = celery_app(CLOUD)
app.set_current()
liveness.announce(also=lambda: [held_key(variable) for variable in list_held()])


@signals.worker_init.connect
def _check_environment(**kwargs: Any) -> None:
    if given := [name for name in NOT_FOR_HERE if os.environ.get(name)]:
        raise SystemExit(f"the cloud worker must not be given {', '.join(given)}")
    try:
        _public_key()
    except ValueError as error:
        raise SystemExit(f"the cloud worker cannot start: {error}") from None
    held = list_held()
    # Seconds of loading, in which the loop would give no sign of life; not where nothing can come.
    for kind in PROVIDERS if held else ():
        provider_class(kind)
    logger.info("this cloud worker holds %s", ", ".join(held) or "no key yet")


@app.task(name=CLOUD.task)
def generate_sealed(payload: str, ticket: str) -> None:
    """Run one generation that the gate has let through."""
    loop.run(_run(payload, ticket))


async def _run(payload: str, ticket: str) -> None:
    try:
        generation_id, prompt, deployment = wire.decode_sealed(payload)
    except ValueError as error:
        logger.error("a payload was dropped: %s", error)
        return

    def start() -> relay.Events:
        return provider_class(deployment.provider)(deployment).generate(prompt)

    try:
        check_payload(payload, ticket, deployment)
    except ProviderError as refusal:
        logger.error("generation %s: %s: %s", generation_id, refusal.code, refusal)
        await relay.refuse(CLOUD, generation_id, refusal)
    else:
        await relay.run(CLOUD, generation_id, start)


def check_payload(payload: str, ticket: str, deployment: DeploymentSpec) -> None:
    """Return if the payload may be sent to the deployment that it names.

    Raises ProviderError (`egress_refused`).
    """
    try:
        verify_ticket(
            _public_key(),
            decode_ticket(ticket),
            payload=payload,
            deployment=deployment.slug,
            place=deployment.place,
            now=time.time(),
        )
    except (TicketRefused, ValueError) as error:
        raise failure("egress_refused", str(error)) from None
    if deployment.environment != IN_A_CLOUD:
        raise failure("egress_refused", f"{deployment.slug} is in no cloud")
    if deployment.provider not in PROVIDERS:
        raise failure("egress_refused", f"no cloud speaks {deployment.provider!r}")
    if deployment.base_url and not _is_private_on_the_way(deployment.base_url):
        raise failure("egress_refused", "the base_url is not https")


def _public_key() -> bytes:
    """Raises ValueError."""
    try:
        key = from_base64url(os.environ.get(PUBLIC_KEY, "").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError(f"{PUBLIC_KEY} is not what `manage.py egress_public_key` prints")
    return key


def _is_private_on_the_way(url: str) -> bool:
    """https, or an address of this very machine, where a stand-in may be."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"
