"""Entities as they are compared: a kind and a key; two spellings of one thing share it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

LONGEST = 300  # characters of a key or name


class Kind:
    DOCUMENT = "document"  # by title or number; also what a table lists by number
    SECTION = "section"  # key: whose section it is, "#", its number
    REGULATION = "regulation"
    TERM = "term"
    PERSON = "person"
    ROLE = "role"
    FILE = "file"  # also the module that a source file is
    SYMBOL = "symbol"  # what source code defines: functions, classes, constants, tables


class Predicate:
    """What a mention alone cannot say. A mention that does not define is a reference already."""

    CALLS = "calls"
    IMPORTS = "imports"
    RESPONSIBLE_FOR = "responsible_for"  # a person or role, for a document
    HOLDS = "holds"  # a person, a role


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """An entity, before it has a row. `key` is the name as it is compared."""

    kind: str
    key: str


DOCUMENT_WORDS = (
    *("policy", "procedure", "protocol", "standard", "schedule", "guideline", "guidelines"),
    *("guide", "handbook", "rules", "plan", "manual", "charter", "framework", "agreement"),
    *("contract", "runbook", "pathway", "code", "summary", "memo", "note", "statement"),
)
LAW_WORDS = ("act", "ordinance", "regulation", "directive", "law")

NUMBER = re.compile(
    r"(?<![\w-])[A-Z][A-Z0-9]{1,5}(?:-[A-Z]{1,4})?-\d{2,4}(?:-\d{2,4})?(?![\w-])", re.ASCII
)
_STOP = frozenset(
    (
        *("a", "an", "and", "at", "by", "edition", "for", "from", "in", "internal", "of", "on"),
        *("or", "our", "the", "this", "to", "under", "version"),
    )
)
_BRACKETED = re.compile(r"\([^()]{0,100}\)")
_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LAW = re.compile(rf"\b(?:{'|'.join(LAW_WORDS)})\b", re.I)
# Source files of these names stand for their folder, or for nothing.
_NAMELESS = {"__init__", "__main__", "index", "main", "mod", "readme", "license", "changelog"}


def title_words(title: str) -> frozenset[str]:
    """The telling words of a title: lower case, singular, without edition and year."""
    words = _WORD.findall(_BRACKETED.sub(" ", title).lower())
    return frozenset(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
        if word not in _STOP and not _YEAR.fullmatch(word)
    )


def title_key(title: str) -> str:
    """The order of words does not matter: "design note on retries" is "Design note: retries"."""
    return " ".join(sorted(title_words(title)))[:LONGEST]


def document_names(title: str, number: str, origin: str) -> Iterator[Named]:
    """All names under which other texts may speak of a document."""
    titles = [title] if title else []
    before, colon, _ = title.partition(":")
    if colon and (len(title_words(before)) >= 3 or _LAW.search(before)):
        titles.append(before)
    for each in titles:
        if len(title_words(each)) > 1:
            yield Named(Kind.DOCUMENT, title_key(each))
        if _LAW.search(each):
            yield Named(Kind.REGULATION, title_key(each))
    if number:
        yield Named(Kind.DOCUMENT, number.lower())
    yield from (Named(Kind.FILE, key) for key in file_keys(origin))


def law_of(title: str) -> str:
    """The key of the law that a document is about, by its title; "" if it is about none."""
    before = title.partition(":")[0]
    return title_key(before) if _LAW.search(before) else ""


def file_keys(origin: str) -> Iterator[str]:
    """The path and its ends, also without suffix: `src/app/retry.py`, `app/retry`, `retry.py`."""
    path = PurePosixPath(origin)
    parts = [part for part in path.parts if part not in ("/", ".", "..")][-3:]
    if not parts or not path.suffix:
        return
    for length in range(len(parts), 0, -1):
        end = "/".join(parts[-length:])
        if length > 1 or path.stem.lower() not in _NAMELESS:
            yield end[:LONGEST]
            if length > 1:
                yield end[: -len(path.suffix)][:LONGEST]


def section_of(owner: str, number: str) -> Named:
    """`owner`: a document's id or key, or a law's; `number`: such as 4.2, 6(1), "appendix b"."""
    return Named(Kind.SECTION, f"{owner}#{number.lower()}"[:LONGEST])
