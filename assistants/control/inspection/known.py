"""The conversation's own values, looked for in every form.

The text is brought to a few plain forms once (only its letters and digits, only its digits, …), and
each form of each value is looked for in those by `str.find`, whose time is linear. Where a value
was found, the words around decide whether it is one: "annlee" is no part of "scann leeks".
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator
from copy import copy
from functools import cached_property
from itertools import accumulate

from assistants.control.inspection.dates import Day, find_days
from assistants.control.inspection.hits import Hit
from assistants.control.inspection.needles import (
    CLASSES,
    TOKEN,
    Needles,
    needles_of,
)
from assistants.control.inspection.spoken import in_digits

_INSIDE = 7  # letters of a part inside of a longer word
_ANYWHERE = 10  # letters of a value that begin or end inside of a word are no accident
_MOST_PLACES = 1_000  # where it may begin and be no accident: more is nobody's prose, and blocks

_HUMP = re.compile(r"[^\W\d_A-Z]+|[A-Z]+(?![a-z])|[A-Z][^\W\d_A-Z]*")
_SIGN_IN_WORD = re.compile(r"[@$€]|(?<=[^\W_]|[@$€])[|!+](?=[^\W_]|[@$€])")
_HASH = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32,64}(?![0-9A-Fa-f])")
# A part of a run in base64 as no word is written; without any there is no such run.
_CODED = re.compile(r"[a-z][A-Z0-9]|[A-Z]{2}[a-z]|[0-9][A-Za-z]")
_CODED_LETTERS = 4
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_URL_SAFE = str.maketrans("-_", "+/")
_FILLED = re.compile(r"[^\W\d_]\d[^\W\d_]")
_NO_LETTER = re.compile(r"[\W\d_]+")
_NO_DIGIT = re.compile(r"\D+")


def find_known(text: str, values: Iterable[str], harmless: Container[str] = ()) -> Iterator[Hit]:
    """Of a folded text. A hit's type says in which form: KNOWN_VALUE, written backwards.

    `harmless` are words, in small letters, that are no part of a name here.
    """
    needles = [(value, needles_of(value)) for value in dict.fromkeys(values)]
    if not needles:
        return
    plain = Compact(text)
    spoken = in_digits(text)
    signs = _SIGN_IN_WORD.sub(lambda match: match[0].translate(CLASSES), text)
    disguised = (plain if signs == text else Compact(signs)).in_classes()
    texts = _Texts(
        text, plain, Compact(spoken) if spoken is not text else None, disguised, harmless
    )
    for value, each in needles:
        for how in texts.find(each):
            yield Hit(how, value)


class Compact:
    """A text's letters and digits alone, small, with the places where its words begin and end."""

    def __init__(self, text: str) -> None:
        tokens = TOKEN.findall(text)
        self.written = "".join(tokens)
        self.text = self.written.lower()
        if len(self.text) != len(self.written):  # a capital that becomes two letters
            self.written = self.text
            tokens = TOKEN.findall(text.lower())
        self.edges = [0, *accumulate(map(len, tokens))]
        self.tokens = tokens

    def in_classes(self) -> Compact:
        """The same, with characters that pass for each other as one."""
        other = copy(self)
        other.text = self.text.translate(CLASSES)
        return other

    def has(self, needle: str, whole: bool) -> bool:
        """`whole` is a value of several words; a part of one has to be a word, or spelled out."""
        start = self.text.find(needle)
        for _ in range(_MOST_PLACES):
            if start < 0:
                return False
            if self._is_one(start, start + len(needle), whole):
                return True
            start = self.text.find(needle, start + 1)
        return True

    def _is_one(self, start: int, end: int, whole: bool) -> bool:
        size = end - start
        inside = bisect_left(self.edges, end) - bisect_right(self.edges, start)
        bounded = self._is_edge(start) and self._is_edge(end)
        if inside == 0:
            return bounded or size >= _INSIDE
        if bounded:
            return whole or size >= _INSIDE or inside + 1 == size
        return whole and size >= _ANYWHERE

    def _is_edge(self, place: int) -> bool:
        """Between words, at a capital inside of one, or between letters and digits."""
        if place in (0, len(self.written)):
            return True
        found = bisect_left(self.edges, place)
        if found < len(self.edges) and self.edges[found] == place:
            return True
        before, after = self.written[place - 1], self.written[place]
        return (before.islower() and after.isupper()) or before.isdigit() != after.isdigit()


class _Texts:
    """The plain forms of one text."""

    def __init__(
        self,
        text: str,
        plain: Compact,
        spoken: Compact | None,
        disguised: Compact,
        harmless: Container[str],
    ) -> None:
        self._plain, self._spoken, self._disguised = plain, spoken, disguised
        self._harmless = harmless
        self._exact = set(plain.tokens)
        self._words = {token.lower() for token in plain.tokens}
        for token in plain.tokens:
            if not (token[1:].islower() or token.isupper() or token.isdigit() or len(token) < 2):
                humps = _HUMP.findall(token)
                self._exact.update(humps)
                self._words.update(hump.lower() for hump in humps)
        self._text = text
        self._hashes = {digest.lower() for digest in _HASH.findall(text)}
        digits = _NO_DIGIT.sub("", text)
        if spoken:
            digits += "|" + _NO_DIGIT.sub("", spoken.text)
        self._digits = digits
        filled = (token for token in plain.tokens if _FILLED.search(token))
        self._letters = _NO_LETTER.sub("", "".join(filled)).lower()
        base64 = ""
        if sum(map(len, _CODED.findall(text))) >= _CODED_LETTERS:
            base64 = _NO_BASE64.sub("", text.translate(_URL_SAFE))
        self._base64 = f"{base64}\n{base64[::-1]}"

    @cached_property
    def _days(self) -> set[Day]:
        return {day for day, _ in find_days(self._text)}

    def find(self, needles: Needles) -> Iterator[str]:
        """Each form that it stands there in; several names for one place are no harm."""
        for words, how in needles.words:
            if words in self._words and words not in self._harmless:
                yield _type(how)
        if needles.anywhere and needles.anywhere in self._plain.text:
            yield _type("in clear")
        if any(w in self._exact and w.lower() not in self._harmless for w in needles.exact):
            yield _type("in clear")
        for whole, compact in ((True, needles.wholes), (False, needles.parts)):
            for needle, how in compact:
                if needle in self._harmless:
                    continue
                if self._plain.has(needle, whole):
                    yield _type(how)
                if self._spoken and self._spoken.has(needle, whole):
                    yield _type("in words")
        if any(self._disguised.has(each, not needles.one_word) for each in needles.classes):
            yield _type("with letters and digits swapped")
        if needles.letters and needles.letters in self._letters:
            yield _type("with digits between")
        if any(digits in self._digits for digits in needles.digits):
            yield _type("among other digits")
        if any(run in self._base64 for run in needles.base64):
            yield _type("in base64")
        if self._hashes and not self._hashes.isdisjoint(needles.hashes):
            yield _type("as its hash")
        years = {f"{year % 100:02}" for year, _, _ in needles.days}
        if any(year in self._digits for year in years) and not needles.days.isdisjoint(self._days):
            yield _type("as a date in another form")


def _type(how: str) -> str:
    return "KNOWN_VALUE" if how == "in clear" else f"KNOWN_VALUE, {how}"
