"""The key that egress tickets are signed with. Only the gate uses the private half."""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from assistants.tickets import public_key_of, to_base64url


def signing_seed() -> bytes:
    """32 bytes, by HKDF-SHA256 (RFC 5869) from SECRET_KEY: nothing more to keep or to lose."""
    return _derive(str(settings.SECRET_KEY))


def get_egress_public_key() -> str:
    """What a cloud worker checks tickets with, in base64url: its EGRESS_PUBLIC_KEY."""
    return to_base64url(public_key_of(signing_seed()))


@lru_cache(maxsize=4)
def _derive(secret_key: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"egress ticket").derive(secret_key.encode())
