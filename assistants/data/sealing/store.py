"""A conversation's seal, kept encrypted in the database.

AES-256-GCM with a fresh nonce each time; the conversation's id is authenticated with it, so that a
map cannot be put under another conversation. The key is derived (HKDF, RFC 5869) from the
installation's secret key; the fallback keys still open what was written with them, and the next
write uses the current one. A map that cannot be opened is an error, never an empty map: its
numbers would be given out a second time.

Two answers of one conversation may be sealed at once. `get_seal(..., lock=True)` holds the
conversation's row until the transaction ends, so that whoever comes second loads what the first
has saved: get, seal and save in one transaction, and no number is given twice. Without the lock
`save_seal` compares what was stored meanwhile, and raises SealConflict rather than let one
placeholder stand for two values; then load, seal and save again.
"""

from __future__ import annotations

import json
import os
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assistants.data.keys import list_keys
from assistants.data.sealing.seal import Dates, Seal
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Conversation, RedactionMap

NONCE = 12  # bytes, as GCM wants them
PURPOSE = b"redaction map"


class SealUnreadable(AssistantsError):
    """The stored map does not open with any key there is. Nothing of it may leave, or come back."""

    code = "seal_unreadable"
    user_message = (
        "What was sealed in this conversation cannot be read any more, so it stays on the "
        "premises. Ask your administrator to add the earlier secret key to SECRET_KEY_FALLBACKS, "
        "or start a new conversation."
    )
    permanent = True


def get_seal(
    conversation_id: str | uuid.UUID, *, lock: bool = False, dates: Dates = "placeholder"
) -> Seal:
    """The conversation's seal; an empty one where nothing was sealed yet.

    Runs with the rights of `data.rights_of_…`. `lock` keeps others from sealing this conversation
    until the transaction ends. Raises NotFound where the rights do not reach, SealUnreadable.
    """
    identity = _reach(conversation_id, lock=lock)
    seal = Seal(dates=dates)
    if row := RedactionMap.objects.filter(conversation_id=identity).first():
        seal.load(_opened(identity, bytes(row.sealed), row.key_id))
    return seal


def save_seal(conversation_id: str | uuid.UUID, seal: Seal) -> None:
    """Store it, with what others stored meanwhile, under a lock; nothing to do if not `changed`.

    Raises NotFound where the rights do not reach, SealConflict, SealUnreadable.
    """
    if not seal.changed:
        return
    identity = _reach(conversation_id, lock=True)
    row = RedactionMap.objects.filter(conversation_id=identity).first()
    if row:
        seal.load(_opened(identity, bytes(row.sealed), row.key_id))
    key_id, key = next(list_keys(PURPOSE))
    nonce = os.urandom(NONCE)
    clear = json.dumps(seal.dump(), ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    RedactionMap.objects.update_or_create(
        conversation_id=identity,
        defaults={
            "sealed": nonce + AESGCM(key).encrypt(nonce, clear, identity.bytes),
            "key_id": key_id,
        },
    )
    seal.changed = False


def _reach(conversation_id: str | uuid.UUID, *, lock: bool) -> uuid.UUID:
    conversations = Conversation.objects.filter(pk=conversation_id)
    if lock:
        conversations = conversations.select_for_update(no_key=True)
    identity = conversations.values_list("pk", flat=True).first()
    if identity is None:
        raise NotFound
    return identity


def _opened(identity: uuid.UUID, sealed: bytes, key_id: str) -> dict[str, object]:
    for known, key in list_keys(PURPOSE):
        if known == key_id:
            try:
                clear = AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], identity.bytes)
            except (InvalidTag, ValueError) as error:
                raise SealUnreadable(f"the map of {identity} was tampered with") from error
            kept: dict[str, object] = json.loads(clear.decode("utf-8", "surrogatepass"))
            return kept
    raise SealUnreadable(f"no key {key_id} for the map of {identity}")
