"""Words, numbers and marks, and what the tagger sees of each."""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass

TOKEN = re.compile(r"[^\W\d_]+|\d+|\n|[^\w\s]|_")

WORDS, PREFIXES, SUFFIXES, SHAPES = 12_288, 4_096, 6_144, 64

# What a lexicon knows of a word; bits of its flags.
FLAGS = (
    "first_name",
    "common_first_name",
    "surname",
    "place",
    "country",
    "nationality",
    "english",
    "job",
    "company",
    "street",
    "clinical",
)
_LENGTHS = 8


@dataclass(frozen=True, slots=True)
class Token:
    start: int
    end: int
    text: str


def tokenise(text: str) -> list[Token]:
    """Line ends are tokens, other blanks are not."""
    return [Token(m.start(), m.end(), m[0]) for m in TOKEN.finditer(text)]


def key(word: str) -> str:
    """How lexicons spell a word: lower case, without accents."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def digest(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "replace"))


def identify(word: str) -> tuple[int, int, int]:
    """Rows of the word, of its first three letters and of its last three, from 1 (0 is unknown)."""
    plain = key(word)
    if word.isdigit():
        plain = "0" * min(len(word), 8)
    return (
        1 + digest(plain) % (WORDS - 1),
        1 + digest("p" + plain[:3]) % (PREFIXES - 1),
        1 + digest("s" + plain[-3:]) % (SUFFIXES - 1),
    )


def shape(word: str) -> int:
    """Case and length, below `SHAPES`."""
    length = min(len(word), _LENGTHS) - 1
    if word.isdigit():
        return length
    if not word.isalpha():
        return 8 + "\n.,:;-'\"()/@#&[]!?>_*".find(word[0]) + 1
    if word.islower():
        return 32 + length
    if word.isupper() and len(word) > 1:
        return 40 + length
    if word[0].isupper() and (word[1:].islower() or len(word) == 1):
        return 48 + length
    return 56 + length
