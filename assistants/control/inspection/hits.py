"""What a detector found, and the patterns most detectors are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BEFORE, AFTER = 64, 24  # characters in which a telling word counts
_MANY, _SOME = 6, 4
_NUMBERS = re.compile(r"(?<!\S)[^\s\d]*+\d\S*+(?:[ \t][^\s\d]{0,12}+\d\S*+)*+")
_SIGNS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """`type` is for the record. `value` stays in this package: what a person marked as harmless is
    compared with it.
    """

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Form:
    """A pattern; `check` gets the bare characters in capitals, `near` a word that must stand by.

    The value is the group `value` where there is one. Patterns begin where a token begins and are
    bounded or possessive, so that their time is linear in the text. They are tried only on a text
    that has one of `needs`, in small letters: looking for those costs next to nothing.
    """

    type: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    near: re.Pattern[str] | None = None
    needs: tuple[str, ...] = ()

    def find(self, text: str, lower: str) -> Iterator[Hit]:
        if self.needs and not any(need in lower for need in self.needs):
            return
        group = "value" if "value" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            value = match[group]
            if self.check and not self.check(bare(value)):
                continue
            if self.near and not is_near(self.near, text, match.start(), match.end()):
                continue
            yield Hit(self.type, value)


def around_numbers(text: str) -> str:
    """The stretches of a text around its longer numbers: all that a form made of digits can be in.

    Each a line, with the words around. A number is a row of words with digits, of six digits, or a
    word of capitals and four digits.
    """
    stretches: list[str] = []
    last = 0
    for match in _NUMBERS.finditer(text):
        digits = sum(map(str.isdigit, match[0]))
        if digits >= _MANY or (digits >= _SOME and not match[0].islower()):
            start, end = max(last, match.start() - BEFORE), match.end() + AFTER
            stretches.append(text[start:end])
            last = match.end()
    return "\n".join(stretches)


def bare(value: str) -> str:
    """Letters and digits only, in capitals."""
    return _SIGNS.sub("", value).upper()


def is_near(words: re.Pattern[str], text: str, start: int, end: int) -> bool:
    return bool(
        words.search(text[max(0, start - BEFORE) : start]) or words.search(text[end : end + AFTER])
    )


def words(alternatives: str) -> re.Pattern[str]:
    """Any of these, in any case, not inside of a longer word."""
    return re.compile(rf"(?i)(?<![^\W_])(?:{alternatives})(?![^\W_])")


def form(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Not inside of a longer word or number."""
    return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])", flags)
