"""Sound at rest: AES-256-GCM, a piece at a time, each bound to its place.

The key is derived as that of the redaction maps (data/keys.py), for a purpose of its own. What a
piece belongs to is authenticated with it: a piece cannot be put into another recording, nor take
another's place in its own. One that does not open is an error, never silence.
"""

from __future__ import annotations

import os
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assistants.data.keys import list_keys
from assistants.exceptions import AssistantsError

PURPOSE = b"recording"
NONCE = 12  # bytes, as GCM wants them


class RecordingUnreadable(AssistantsError):
    """What is kept does not open with any key there is."""

    code = "recording_unreadable"
    user_message = (
        "This recording cannot be opened any more. Ask your administrator to add the earlier "
        "secret key to SECRET_KEY_FALLBACKS, or record or upload it again."
    )
    permanent = True


def seal_sound(clear: bytes, owner: uuid.UUID, place: str) -> tuple[bytes, str]:
    """(sealed, id of the key). `owner` is what it belongs to, `place` where in it."""
    key_id, key = next(list_keys(PURPOSE))
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, clear, _bound(owner, place)), key_id


def open_sound(sealed: bytes, key_id: str, owner: uuid.UUID, place: str) -> bytes:
    """Raises RecordingUnreadable."""
    for known, key in list_keys(PURPOSE):
        if known == key_id:
            try:
                return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], _bound(owner, place))
            except (InvalidTag, ValueError) as error:
                raise RecordingUnreadable(f"{place} of {owner} was tampered with") from error
    raise RecordingUnreadable(f"no key {key_id} for {place} of {owner}")


def _bound(owner: uuid.UUID, place: str) -> bytes:
    return owner.bytes + place.encode()
