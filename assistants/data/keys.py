"""Keys for what is kept encrypted, derived from the installation's secret key.

One a purpose (HKDF, RFC 5869), so that what is sealed for one never opens as another. The fallback
keys still open what was written with them; the current one writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY = 32  # bytes: AES-256


def list_keys(purpose: bytes) -> Iterator[tuple[str, bytes]]:
    """(id, key), the current one first."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield _derived(str(secret), purpose)


@lru_cache(maxsize=16)
def _derived(secret: str, purpose: bytes) -> tuple[str, bytes]:
    key = HKDF(SHA256(), KEY, salt=None, info=purpose).derive(secret.encode())
    return sha256(b"id of " + key).hexdigest()[:16], key
