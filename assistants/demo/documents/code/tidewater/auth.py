"""Request signing for the machine clients of the payments API.

Each client shares a secret with tidewater and signs every request with HMAC-SHA-256. The signature
covers the method, the path, the time, a nonce and the hash of the body, so that none of them can be
changed on the way and no captured request can be sent again. People do not sign requests: the
console's users come through the group's single sign-on and get a `Principal` from there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_SKEW = timedelta(seconds=300)
"""How far the timestamp of a request may lie from our clock, either way."""

NONCE_TTL = 2 * MAX_SKEW
"""How long a nonce is remembered: the widest window in which its request could be replayed."""

SCOPES = frozenset({"payments:write", "payments:read", "ledger:read", "lanes:admin"})

MAX_KEYS_PER_CLIENT = 2
"""One key in use and one being rolled in; a third is refused until the oldest is retired."""


class AuthError(Exception):
    """A refusal; `status` and `code` go to the client, the message goes to the log only."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class SignedRequest:
    """The parts of an HTTP request that the signature covers, and the signature itself."""

    client_id: str
    key_id: str
    method: str
    path: str
    timestamp: datetime
    nonce: str
    body: bytes
    signature: str


@dataclass(frozen=True)
class Principal:
    """Who is asking, and what they may do."""

    client_id: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raise a 403 unless the principal holds the scope."""
        if scope not in SCOPES:
            raise ValueError(f"{scope} is not a scope of this service")
        if scope not in self.scopes:
            raise AuthError(403, "scope_missing", f"{self.client_id} lacks {scope}")


@dataclass(frozen=True)
class ClientKey:
    """One shared secret of a client; a retired key no longer verifies anything."""

    key_id: str
    secret: bytes
    retired: bool = False


class NonceCache:
    """Remembers the nonces of recent requests, per client."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], datetime] = {}

    def first_use(self, client_id: str, nonce: str, now: datetime) -> bool:
        """Record the nonce and say whether it was new; forget those past their time."""
        self._seen = {k: t for k, t in self._seen.items() if now - t < NONCE_TTL}
        if (client_id, nonce) in self._seen:
            return False
        self._seen[client_id, nonce] = now
        return True


class KeyRing:
    """The clients' keys and scopes."""

    def __init__(self) -> None:
        self._keys: dict[str, list[ClientKey]] = {}
        self._scopes: dict[str, frozenset[str]] = {}

    def register(self, client_id: str, scopes: Iterable[str]) -> None:
        """Add a client with its scopes; unknown scopes are refused."""
        wanted = frozenset(scopes)
        if not wanted <= SCOPES:
            raise ValueError(f"unknown scopes: {sorted(wanted - SCOPES)}")
        self._scopes[client_id] = wanted
        self._keys.setdefault(client_id, [])

    def add_key(self, client_id: str, key: ClientKey) -> None:
        """Add a key next to the one in use, so that the client can switch without a gap."""
        live = [k for k in self._keys[client_id] if not k.retired]
        if len(live) >= MAX_KEYS_PER_CLIENT:
            raise ValueError(f"{client_id} already has {MAX_KEYS_PER_CLIENT} live keys")
        self._keys[client_id].append(key)

    def find(self, client_id: str, key_id: str) -> ClientKey | None:
        """Return the live key with this id, or None."""
        for key in self._keys.get(client_id, []):
            if key.key_id == key_id and not key.retired:
                return key
        return None

    def principal(self, client_id: str) -> Principal:
        """Return the client with its scopes."""
        return Principal(client_id, self._scopes[client_id])


def string_to_sign(request: SignedRequest) -> bytes:
    """Join the covered parts with newlines; the body goes in as its SHA-256."""
    parts = (
        request.method.upper(),
        request.path,
        request.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
        request.nonce,
        hashlib.sha256(request.body).hexdigest(),
    )
    return "\n".join(parts).encode("utf-8")


def sign(secret: bytes, request: SignedRequest) -> str:
    """Return the signature in hex, as clients put it in the `X-Tidewater-Signature` header."""
    return hmac.new(secret, string_to_sign(request), hashlib.sha256).hexdigest()


def verify(request: SignedRequest, ring: KeyRing, nonces: NonceCache, now: datetime) -> Principal:
    """Check a signed request and return its principal.

    The nonce is looked at last, after the signature has been found good: otherwise anyone could
    use up a client's nonces without holding its key.
    """
    if abs(now - request.timestamp) > MAX_SKEW:
        raise AuthError(401, "stale_request", f"clock of {request.client_id} is off")
    key = ring.find(request.client_id, request.key_id)
    if key is None:
        raise AuthError(401, "bad_signature", f"no live key {request.key_id}")
    if not hmac.compare_digest(sign(key.secret, request), request.signature):
        raise AuthError(401, "bad_signature", f"signature of {request.client_id} does not match")
    if not nonces.first_use(request.client_id, request.nonce, now):
        raise AuthError(401, "replayed_request", f"nonce {request.nonce} was used before")
    return ring.principal(request.client_id)
