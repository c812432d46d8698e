"""Who or what several spellings stand for: one number for "Jane Doe", "Ms Doe" and "DOE, Jane".

A placeholder stands for one spelling, for ever: that is what makes an echo come back byte for
byte. Linking spellings only tells the model that they mean the same; where that is not certain
(a lone surname that two people have), a spelling gets a number of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from assistants.data.privacy.folding import fold
from assistants.data.privacy.tokens import key
from assistants.data.sealing.dates import read_date
from assistants.data.sealing.marks import name_of

_NAMED = frozenset({"PERSON", "ORGANIZATION", "NAME", "LOCATION"})
_BY_DIGITS = frozenset({"PHONE", "CARD", "PATIENT_ID"})
_WORD = re.compile(r"[^\W\d_]+|\d+")
_OF_FORM = frozenset(
    {
        *("ltd", "limited", "llc", "llp", "inc", "corp", "corporation", "co", "company", "plc"),
        *("gmbh", "ag", "kg", "se", "sa", "sas", "sarl", "spa", "srl", "bv", "nv", "ab", "as"),
        *("oy", "group", "holding", "holdings", "the", "and"),
    }
)
_SHARED_DIGITS = 7  # the last ones of two spellings of one telephone number, at least
_SHARED_LETTERS = 4  # of a short name of an organisation, at least
_AT = re.compile(r"\s*[\[({<]\s*at\s*[\])}>]\s*|\s+at\s+")
_DOT = re.compile(r"\s*[\[({<]\s*dot\s*[\])}>]\s*|\s+dot\s+")


@dataclass(slots=True, eq=False)
class Referent:
    """`spellings[i]` is what its i-th name stands for, exactly as it was written.

    `number` is 0 until it has appeared; `fullest` is the spelling with the most words.
    """

    label: str
    number: int = 0
    spellings: list[str] = field(default_factory=list, repr=False)
    fullest: str = field(default="", repr=False)


class Referents:
    """Those of one conversation. They are only ever added to."""

    def __init__(self) -> None:
        self.all: list[Referent] = []
        self.names: dict[str, str] = {}  # by exact spelling
        self.values: dict[str, str] = {}  # spellings by name
        self._by_form: dict[tuple[str, str], Referent] = {}
        self._by_label: defaultdict[str, list[Referent]] = defaultdict(list)
        self._last: defaultdict[str, int] = defaultdict(int)

    def load(self, label: str, number: int, spellings: Sequence[str]) -> bool:
        """One as it was kept. False, and nothing changed, if its number here means another value
        or one of its spellings already has another name."""
        here = next((r for r in self._by_label[label] if r.number == number), None)
        mine = here.spellings if here else []
        shared = min(len(mine), len(spellings))
        new = spellings[shared:]
        if mine[:shared] != list(spellings[:shared]) or any(each in self.names for each in new):
            return False
        referent = here or self._create(label)
        referent.number = number
        self._last[label] = max(self._last[label], number)
        for spelling in new:
            self._meet(referent, spelling)
            self._name(referent, spelling)
        return True

    def add(self, items: Iterable[tuple[str, str]]) -> None:
        """(label, spelling) in the order in which they appear, which is that of new numbers.

        Of a new referent's spellings the fullest comes first, whichever appears first.
        """
        new: dict[str, str] = {}
        for label, spelling in items:
            if spelling not in self.names:
                new.setdefault(spelling, label)
        meant: dict[str, Referent] = {}
        for spelling in sorted(new, key=lambda spelling: -_fullness(spelling)):
            label = new[spelling]
            referent = self._find(label, spelling) or self._create(label)
            self._meet(referent, spelling)
            meant[spelling] = referent
        for spelling in new:
            referent = meant[spelling]
            if not referent.number:
                self._last[referent.label] += 1
                referent.number = self._last[referent.label]
        for spelling, referent in meant.items():
            self._name(referent, spelling)

    def _create(self, label: str) -> Referent:
        referent = Referent(label)
        self.all.append(referent)
        self._by_label[label].append(referent)
        return referent

    def _meet(self, referent: Referent, spelling: str) -> None:
        self._by_form.setdefault(_form(referent.label, spelling), referent)
        if _fullness(spelling) > _fullness(referent.fullest):
            referent.fullest = spelling

    def _name(self, referent: Referent, spelling: str) -> None:
        name = name_of(referent.label, referent.number, len(referent.spellings))
        referent.spellings.append(spelling)
        self.names[spelling] = name
        self.values[name] = spelling

    def _find(self, label: str, spelling: str) -> Referent | None:
        if known := self._by_form.get(_form(label, spelling)):
            return known
        if label == "PERSON":
            same = _same_person
        elif label in ("ORGANIZATION", "NAME"):
            same = _same_organization
        elif label == "PHONE":
            same = _same_number
        else:
            return None
        alike = [each for each in self._by_label[label] if same(spelling, each.fullest)]
        return alike[0] if len(alike) == 1 else None


def _form(label: str, spelling: str) -> tuple[str, str]:
    """Equal for spellings that differ in case, accents, spacing or marks only."""
    plain = fold(spelling).text.lower()
    if label in _NAMED:
        words = _words(spelling)
        return "NAMED", " ".join(sorted(words) if label == "PERSON" else words) or plain
    if label == "EMAIL":
        return label, re.sub(r"\s+", "", _DOT.sub(".", _AT.sub("@", plain)))
    if label == "DATE" and (day := read_date(spelling)):
        return label, day.isoformat()
    if label in _BY_DIGITS and any(map(str.isdigit, plain)):
        return label, "".join(filter(str.isdigit, plain))
    if label in ("SECRET", "LITERAL", "URL"):
        return label, spelling
    return label, "".join(filter(str.isalnum, plain)) or plain


def _words(spelling: str) -> list[str]:
    return [key(word) for word in _WORD.findall(fold(spelling).text)]


def _fullness(spelling: str) -> int:
    """Words but initials, and what is spelled letter by letter."""
    return sum(len(word) > 1 for word in _words(spelling))


def _same_person(one: str, other: str) -> bool:
    """All words of the shorter name are in the longer one; an initial stands for a word."""
    short, long = sorted((_words(one), _words(other)), key=len)
    left = list(long)
    for word in sorted(short, key=len, reverse=True):
        fits = [
            each
            for each in left
            if each == word or (1 in (len(each), len(word)) and each[0] == word[0])
        ]
        if not fits:
            return False
        left.remove(fits[0])
    return any(len(word) > 1 for word in short)


def _same_organization(one: str, other: str) -> bool:
    """One begins with all of the other, apart from words such as Ltd."""
    short, long = sorted((_core(one), _core(other)), key=len)
    return long[: len(short)] == short and len("".join(short)) >= _SHARED_LETTERS


def _core(spelling: str) -> Sequence[str]:
    return [word for word in _words(spelling) if word not in _OF_FORM]


def _same_number(one: str, other: str) -> bool:
    """With and without the country's code."""
    short, long = sorted(
        ("".join(filter(str.isdigit, fold(each).text)).lstrip("0") for each in (one, other)),
        key=len,
    )
    return len(short) >= _SHARED_DIGITS and long.endswith(short)
