"""What is looked for, of one known value: its forms and its parts.

The rule. Looked for is

- a value of at least four letters and digits, in any form; a number has at least five digits;
- a value of three letters, as a word of its own and as it is written;
- a name of two characters or more in a script that puts no blanks between words;
- of a name (up to five words, no digits) also each word by itself of at least three letters, as a
  word of its own: in any case, unless it is plain English; a word that is as often a name ("King",
  "Rose") only with a capital.

Not looked for is a single plain English word ("Bank", "May"), and anything shorter ("10", "Li"): a
gate that stops those stops everything. The sealer replaces them where it knows them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from assistants.control.inspection.dates import Day, day_of
from assistants.control.inspection.folding import fold
from assistants.control.inspection.words import common_words, words_and_names

SHORTEST, SHORTEST_WORD, SHORTEST_NUMBER = 4, 3, 5
SHORTEST_DIGITS = 7  # of a number that is found among other digits
_CODED_BYTES = 6  # a value of fewer has no form in base64 that is its own
_WITHOUT_BLANKS = "\u2e80"  # from here on scripts of Asia, which put no blanks between words
_MOST_WORDS = 5

TOKEN = re.compile(r"[^\W_]+")
_ROT13 = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
# Letters, digits and signs that pass for each other; both sides of a comparison become the class.
CLASSES = str.maketrans("01l|!3€4@5$7+8962", "oiiiieeaassttbggz")


@dataclass(frozen=True, slots=True)
class Needles:
    """Strings of small letters and digits, but `exact` and `base64`.

    `wholes` and `parts` are looked for in the text without its signs, by what disguise they are;
    `words` among its words; `exact` among its words as written; `classes` where letters stand for
    digits and the other way round; `digits` among all digits, `anywhere` in a
    script without blanks.
    """

    wholes: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    exact: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    letters: str = ""
    digits: tuple[str, ...] = ()
    base64: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    days: frozenset[Day] = frozenset()
    anywhere: str = ""
    one_word: bool = False


@lru_cache(maxsize=8192)
def needles_of(value: str) -> Needles:
    """All that is looked for, of one value; empty for what is too short or too common."""
    folded = fold(value).strip()
    tokens = TOKEN.findall(folded)
    small = [token.lower() for token in tokens]
    compact = "".join(small)
    if len(compact) >= 2 and all(c >= _WITHOUT_BLANKS and c.isalpha() for c in compact):
        return Needles(anywhere=compact, base64=_base64(value), hashes=_hashes(value))
    if len(small) == 1 and small[0].isalpha():
        return _of_word(value, tokens[0], small[0])
    if len(compact) < SHORTEST or (compact.isdigit() and len(compact) < SHORTEST_NUMBER):
        return Needles(days=day_of(folded))
    digits = "".join(filter(str.isdigit, compact))
    numeric = len(digits) >= SHORTEST_DIGITS and 2 * len(digits) > len(compact)
    return Needles(
        wholes=_disguises(small),
        parts=tuple(
            (part, "in clear") for part, word in _parts(tokens) if len(part) >= SHORTEST and word
        ),
        words=tuple(pair for part, word in _parts(tokens) if word for pair in _word_forms(part)),
        exact=tuple(part for part, word in _parts(tokens) if not word),
        classes=_classes(compact),
        letters=compact if not digits and len(compact) >= 8 else "",
        digits=_digits(digits) if numeric else (),
        base64=_base64(value),
        hashes=_hashes(value),
        days=day_of(folded),
    )


def _of_word(value: str, token: str, small: str) -> Needles:
    if small in common_words() or len(small) < SHORTEST_WORD:
        return Needles()
    if small in words_and_names():
        return Needles(exact=_written(token), hashes=_hashes(value))
    if len(small) < SHORTEST:
        return Needles(exact=(token,), hashes=_hashes(value))
    return Needles(
        parts=_disguises([small]),
        words=_word_forms(small),
        classes=_classes(small),
        letters=small if len(small) >= 8 else "",
        base64=_base64(value),
        hashes=_hashes(value),
        one_word=True,
    )


def _parts(tokens: list[str]) -> list[tuple[str, bool]]:
    """Words of a name, and whether they are looked for in any case (else as they are here)."""
    if not 2 <= len(tokens) <= _MOST_WORDS or not all(token.isalpha() for token in tokens):
        return []
    found: list[tuple[str, bool]] = []
    for token in tokens:
        small = token.lower()
        if len(small) < SHORTEST_WORD or small in common_words():
            continue
        if small in words_and_names():
            found += ((written, False) for written in _written(token))
        else:
            found.append((small, True))
    return found


def _written(token: str) -> tuple[str, ...]:
    return (token.capitalize(), token.upper())


def _word_forms(small: str) -> tuple[tuple[str, str], ...]:
    forms = [(small, "in clear")]
    if len(small) >= SHORTEST:
        forms += [
            (form, how)
            for form, how in (
                (small[::-1], "written backwards"),
                (small.translate(_ROT13), "in ROT13"),
            )
            if form not in common_words() and form not in words_and_names()
        ]
    return tuple(forms)


def _disguises(small: list[str]) -> tuple[tuple[str, str], ...]:
    compact = "".join(small)
    forms = {
        compact: "in clear",
        compact[::-1]: "written backwards",
        "".join(word[::-1] for word in small): "written backwards",
        compact.translate(_ROT13): "in ROT13",
    }
    if 2 <= len(small) <= _MOST_WORDS:
        forms.setdefault("".join((small[-1], *small[:-1])), "in another order")
        forms.setdefault("".join(small[::-1]), "in another order")
    return tuple(
        (form, how)
        for form, how in forms.items()
        if how == "in clear" or form not in common_words()
    )


def _classes(compact: str) -> tuple[str, ...]:
    if len(compact) < SHORTEST_NUMBER:
        return ()
    as_class = compact.translate(CLASSES)
    return (as_class, as_class[::-1]) if len(set(as_class)) > 2 or len(as_class) > 8 else ()


def _digits(digits: str) -> tuple[str, ...]:
    """A telephone number is written with or without its country's code."""
    national = (digits[-9:],) if len(digits) in (11, 12, 13) else ()
    return (digits, digits[::-1], *national)


def _base64(value: str) -> tuple[str, ...]:
    """What is in the middle of a run that holds the value, at each of the three alignments."""
    found = set[str]()
    for written in {value, value.lower(), value.upper(), fold(value)}:
        encoded = written.encode("utf-8", "replace")
        if len(encoded) < _CODED_BYTES:
            continue
        for shift in range(3):
            run = base64.b64encode(b"\0" * shift + encoded).decode().rstrip("=")
            # The first characters hold bits of what comes before, the last one of what comes after.
            found.add(run[(0, 2, 3)[shift] : len(run) - ((len(encoded) + shift) % 3 > 0)])
    return tuple(found)


def _hashes(value: str) -> tuple[str, ...]:
    """Who knows the value recognises these; unsalted, they are the value in another form."""
    written = {value, value.lower(), value.upper(), value.strip()}
    return tuple(
        hashlib.new(name, each.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
        for each in written
        for name in ("md5", "sha1", "sha256")
    )
