"""Egress tickets: what a payload needs to leave the premises, signed by whoever checked it.

The control plane signs with a private seed; a cloud worker holds the public key only, so it can
check a ticket and never make one. Signatures are Ed25519 (RFC 8032).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from assistants.exceptions import TicketRefused
from assistants.types import EgressTicket

TICKET_SECONDS = 120
CLOCK_SKEW_SECONDS = 30
# Signed with the fields, so that no signature made for another purpose passes for a ticket.
_DOMAIN = b"hybridapp egress ticket, version 1\n"
_MAX_TEXT = 4096
_FIELDS = {
    "record": str,
    "payload_sha256": str,
    "deployment": str,
    "place": str,
    "expires": int,
    "signature": str,
}


def seed_of(secret_key: str) -> bytes:
    """The private seed, 32 bytes, from SECRET_KEY by HKDF-SHA256 (RFC 5869): no more to keep."""
    return HKDF(SHA256(), length=32, salt=None, info=b"egress ticket").derive(secret_key.encode())


def public_key_of(private_seed: bytes) -> bytes:
    """The public key, 32 bytes, of a private seed of 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private_seed).public_key().public_bytes_raw()


def sign_ticket(
    private_seed: bytes, *, record: str, payload: str, deployment: str, place: str, expires: int
) -> EgressTicket:
    """A ticket for this payload, to this deployment, until `expires` (Unix seconds).

    Only `control.check_egress` calls it: a guard test looks. Raises ValueError for a payload
    that is no valid Unicode.
    """
    ticket = EgressTicket(
        record=record,
        payload_sha256=_sha256(payload),
        deployment=deployment,
        place=place,
        expires=expires,
        signature="",
    )
    signature = Ed25519PrivateKey.from_private_bytes(private_seed).sign(_signed(ticket))
    return EgressTicket(**{**asdict(ticket), "signature": to_base64url(signature)})


def verify_ticket(
    public_key: bytes,
    ticket: EgressTicket,
    *,
    payload: str,
    deployment: str,
    place: str,
    now: float,
) -> None:
    """Return for a valid ticket for exactly this payload, deployment and place; else raise.

    Raises TicketRefused, and nothing else, whatever it is handed. Clocks may differ by
    `CLOCK_SKEW_SECONDS`; a ticket that claims a longer life than tickets have is refused as well.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            from_base64url(ticket.signature), _signed(ticket)
        )
        sha256 = _sha256(payload)
    except InvalidSignature:
        raise TicketRefused("the ticket's signature does not verify") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise TicketRefused(f"the ticket cannot be checked ({type(error).__name__})") from None
    if ticket.payload_sha256 != sha256:
        raise TicketRefused("the ticket is for another payload")
    if ticket.deployment != deployment:
        raise TicketRefused("the ticket is for another deployment")
    if ticket.place != place:
        raise TicketRefused("the ticket is for another place")
    if type(ticket.expires) is not int:
        raise TicketRefused("the ticket does not say until when it is valid")
    # Written so that a clock that reads NaN refuses.
    if not now <= ticket.expires + CLOCK_SKEW_SECONDS:
        raise TicketRefused("the ticket has expired")
    if not ticket.expires <= now + TICKET_SECONDS + CLOCK_SKEW_SECONDS:
        raise TicketRefused("the ticket is valid for longer than tickets are: compare the clocks")


def encode_ticket(ticket: EgressTicket) -> str:
    """One line of JSON, for the wire."""
    return _canonical_json(asdict(ticket))


def decode_ticket(text: str) -> EgressTicket:
    """The ticket that `encode_ticket` wrote. Raises TicketRefused, and nothing else."""
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise TicketRefused("the ticket cannot be read")
    try:
        fields = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise TicketRefused("the ticket cannot be read") from None
    if not isinstance(fields, dict) or fields.keys() != _FIELDS.keys():
        raise TicketRefused("the ticket has other fields than tickets have")
    if any(type(fields[name]) is not kind for name, kind in _FIELDS.items()):
        raise TicketRefused("the ticket has fields of another type")
    return EgressTicket(**fields)


def to_base64url(value: bytes) -> str:
    """Without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError for anything but the one spelling that `to_base64url` writes."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if to_base64url(value) != text:
        raise ValueError("not the one spelling in base64url")
    return value


def _signed(ticket: EgressTicket) -> bytes:
    fields = asdict(ticket)
    del fields["signature"]
    return _DOMAIN + _canonical_json(fields).encode()


def _sha256(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()


def _canonical_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError("a field stands there twice")
        fields[name] = value
    return fields
