"""The key that egress tickets are signed with. Only the gate uses the private half."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from assistants.tickets import public_key_of, seed_of, to_base64url


def signing_seed() -> bytes:
    """32 bytes, made from SECRET_KEY."""
    return _derive(str(settings.SECRET_KEY))


def get_egress_public_key() -> str:
    """What a cloud worker checks tickets with, in base64url: its EGRESS_PUBLIC_KEY."""
    return to_base64url(public_key_of(signing_seed()))


_derive = lru_cache(maxsize=4)(seed_of)
