"""Sealed prompts with their tickets, as the gate would let them through."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from assistants import compute
from assistants.tickets import encode_ticket, seed_of, sign_ticket
from assistants.types import DeploymentSpec, GenerationEvent, SealedPrompt


@dataclass
class Request:
    """What the trusted side hands to a cloud worker."""

    generation_id: str
    payload: str
    ticket: str
    deployment: DeploymentSpec

    def events(self) -> AsyncGenerator[GenerationEvent, None]:
        return compute.generate_sealed(
            self.payload, self.ticket, self.deployment, generation_id=self.generation_id
        )


def let_through(sealed: SealedPrompt, to: DeploymentSpec, **of_ticket: Any) -> Request:
    """With a valid ticket, but for what is said of it."""
    generation_id = str(uuid.uuid4())
    payload = compute.encode_sealed(generation_id, sealed, to)
    signed = {
        "record": "0190",
        "payload": payload,
        "deployment": to.slug,
        "place": to.place,
        "expires": int(time.time()) + 60,
        **of_ticket,
    }
    seed = seed_of(str(signed.pop("secret", settings.SECRET_KEY)))
    return Request(generation_id, payload, encode_ticket(sign_ticket(seed, **signed)), to)
