"""Values that were found once, wherever they come up again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from assistants.data.privacy import SensitiveSpan, TermList, find_known, is_common_word
from assistants.data.privacy.folding import fold
from assistants.data.privacy.tokens import key
from assistants.data.sealing.marks import LITERAL, UNNAMED

SCORE = 0.62  # surer than a name that only looks like one, less sure than any form
_WORD = re.compile(r"[^\W\d_]+|\d+")
_NUMBER = re.compile(r"\d(?:[ .\-/()]{0,2}\d){5,}")
_DIGITS = 6  # a number has at least, to be looked for elsewhere
_LETTERS = 3
_OF_MONEY_AND_SECRETS = 4  # digits of a PIN or a code


def is_distinctive(label: str, value: str) -> bool:
    """Whether `value` means the same wherever it stands, in any case: what no text may hold that
    leaves. A common word, a short number or a day without its year may mean anything.
    """
    if label == LITERAL:
        return False
    words = _WORD.findall(fold(value).text)
    letters = sum(len(word) for word in words if word[0].isalpha())
    digits = sum(len(word) for word in words if word[0].isdigit())
    if label == "DATE":
        return digits >= _DIGITS or len(words) > 2
    if label == "SECRET":
        return letters + digits >= _OF_MONEY_AND_SECRETS
    if not letters:
        return digits >= _DIGITS
    if len(words) == 1:
        return letters >= _LETTERS and not is_common_word(words[0])
    return letters + digits >= _LETTERS and not (letters < _LETTERS and digits < _DIGITS)


def plain(value: str) -> str:
    """Letters and digits in lower case, without accents: equal for spellings of one value."""
    return "".join(key(word) for word in _WORD.findall(fold(value).text))


class Known:
    """Values by spelling, with their labels; `names` are further ones, of people."""

    def __init__(self, labels: Mapping[str, str], names: Iterable[str] = ()) -> None:
        distinctive = {v: label for v, label in labels.items() if is_distinctive(label, v)}
        people = (value for value, label in labels.items() if label == "PERSON")
        self._names = tuple(dict.fromkeys((*names, *people)))
        self._words = TermList(distinctive)
        self._labels = {plain(value): label for value, label in distinctive.items()}
        self._numbers = {form for form in self._labels if form.isdigit() and len(form) >= _DIGITS}

    def find(self, text: str) -> Iterator[SensitiveSpan]:
        """Their types are labels. They may overlap."""
        for span in find_known(text, self._words, self._names):
            label = span.type if span.type == "PERSON" else self._label(text[span.start : span.end])
            yield SensitiveSpan(span.start, span.end, label, SCORE, "known")
        if self._numbers:
            for match in _NUMBER.finditer(text):
                if (form := plain(match[0])) in self._numbers:
                    label = self._labels[form]
                    yield SensitiveSpan(match.start(), match.end(), label, SCORE, "known")

    def _label(self, found: str) -> str:
        form = plain(found)
        for each in (form, form.removesuffix("s"), form[::-1]):
            if each in self._labels:
                return self._labels[each]
        return UNNAMED
