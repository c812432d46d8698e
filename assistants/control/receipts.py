"""Receipts: what an answer was made of, as one JSON object with a hash that shows tampering."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces (after RFC 8785, for strings, integers and booleans).

    Floats are refused: they have no one spelling that every reader agrees on.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def verify_receipt(receipt: Mapping[str, object], sha256: str) -> bool:
    return sha256_of(receipt) == sha256


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a receipt holds no floats; write a decimal as a string")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
