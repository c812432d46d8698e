"""A worker's answer to whoever waits for it, through the broker."""

from __future__ import annotations

import base64

from assistants.compute.broker import sync_client


def wait_for_answer(identity: str, seconds: float) -> tuple[bytes, str] | None:
    """(sealed, id of the key), or None after so long. Raises one of BROKER_DOWN."""
    found = sync_client().blpop([_key(identity)], timeout=seconds)
    if found is None:
        return None
    key_id, _, sealed = str(found[1]).partition(" ")
    return base64.b64decode(sealed), key_id


def send_answer(identity: str, sealed: bytes, key_id: str, kept_seconds: int) -> None:
    pipeline = sync_client().pipeline()
    pipeline.rpush(_key(identity), f"{key_id} {base64.b64encode(sealed).decode()}")
    pipeline.expire(_key(identity), kept_seconds)
    pipeline.execute()


def _key(identity: str) -> str:
    return f"dictation:answer:{identity}"
