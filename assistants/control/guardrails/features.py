"""What a learned guardrail sees of a text: hashed pieces of it, as counts in a fixed width.

Character n-grams and word n-grams are hashed into one vector (Weinberger et al., 2009,
https://arxiv.org/abs/0902.2206), without signs: a piece is there or not. Length must not tell
more than the words do, so the vector has length 1.
"""

from __future__ import annotations

import functools
import re
import zlib
from typing import Any

import numpy as np

from assistants.control.inspection.folding import fold

Array = np.ndarray[Any, Any]

WIDTH = 1 << 14
LONGEST = (
    6_000  # characters that are looked at: two thirds from the beginning, the rest from the end
)
_CHARACTERS = (3, 4, 5)
_WORDS = 3
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?|[<\[{|#*/=:]{2,}|[?!]", re.UNICODE)
_BLANKS = re.compile(r"\s+")
_NUMBERS = re.compile(r"\d+")
_MULTIPLIER = np.uint32(0x01000193)


def plain(text: str) -> str:
    """In small letters and plain spelling, blanks and numbers alike, cut to `LONGEST`."""
    if len(text) > LONGEST:
        text = f"{text[: 2 * LONGEST // 3]}\n{text[-LONGEST // 3 :]}"
    return _NUMBERS.sub("0", _BLANKS.sub(" ", fold(text).lower())).strip()


@functools.lru_cache(maxsize=16)  # a message is looked at two or three times in a row
def hashed(text: str) -> tuple[Array, Array]:
    """The places (sorted, below `WIDTH`) and values of a text's pieces; its length is 1."""
    text = plain(text)
    found = [*_character_pieces(f" {text} "), _word_pieces(text)]
    places = np.unique(np.concatenate(found))
    if not len(places):
        return places.astype(np.int64), np.zeros(0, dtype=np.float32)
    values = np.full(len(places), 1 / np.sqrt(len(places)), dtype=np.float32)
    return places.astype(np.int64), values


def _character_pieces(text: str) -> list[Array]:
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
    pieces = []
    for length in _CHARACTERS:
        count = len(codes) - length + 1
        if count <= 0:
            continue
        value = np.full(count, length, dtype=np.uint32)
        for offset in range(length):
            value = (value ^ codes[offset : offset + count]) * _MULTIPLIER
        value ^= value >> np.uint32(15)
        pieces.append(value % np.uint32(WIDTH))
    return pieces


def _word_pieces(text: str) -> Array:
    words = _WORD.findall(text)
    pieces = [
        zlib.crc32(" ".join(words[start : start + length]).encode()) % WIDTH
        for length in range(1, _WORDS + 1)
        for start in range(len(words) - length + 1)
    ]
    return np.array(pieces, dtype=np.uint32)
