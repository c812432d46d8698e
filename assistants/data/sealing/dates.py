"""Dates moved by whole weeks: the same for all dates of a conversation, and back again exactly.

Weekdays and distances between dates stay, so that a model can reckon with them (the method is
that of clinical de-identification: one offset a record). Only forms that say for certain what
is day, month and year are moved; what is ambiguous (04/05/2024), or has no year, is for the
caller to replace by a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_SHORT = tuple(month[:3] for month in _MONTHS)
_NUMBER_OF = {month.lower(): number % 12 + 1 for number, month in enumerate((*_MONTHS, *_SHORT))}
_MONTH = "|".join((*_MONTHS, *_SHORT))
_YEAR = r"(?:1[89]|20)[0-9]{2}"
LONGEST = 18  # 30 September 2024

# Years with four digits only, and no digit or letter on either side.
DATE = re.compile(
    rf"(?<![\w.\-/])(?:"
    rf"(?P<y1>{_YEAR})-(?P<m1>[0-9]{{2}})-(?P<d1>[0-9]{{2}})"
    rf"|(?P<d2>[0-9]{{2}})\.(?P<m2>[0-9]{{2}})\.(?P<y2>{_YEAR})"
    rf"|(?P<d3>[0-9]{{1,2}}) (?P<m3>(?i:{_MONTH})) (?P<y3>{_YEAR})"
    rf"|(?P<m4>(?i:{_MONTH})) (?P<d4>[0-9]{{1,2}}), (?P<y4>{_YEAR})"
    rf")(?![\w]|[.\-/][0-9])"
)


def read_date(text: str) -> date | None:
    """The day that `text` is, as a whole, without doubt."""
    match = DATE.fullmatch(text)
    return _day(match) if match else None


def _day(match: re.Match[str]) -> date | None:
    form = _form(match)
    month = match[f"m{form}"]
    number = int(month) if month.isdigit() else _NUMBER_OF[month.lower()]
    try:
        return date(int(match[f"y{form}"]), number, int(match[f"d{form}"]))
    except ValueError:
        return None


def _form(match: re.Match[str]) -> int:
    return next(form for form in (1, 2, 3, 4) if match[f"y{form}"])


def _moved(match: re.Match[str], by: timedelta) -> str | None:
    """The moved day in the form of the match; None if there is no such day or form."""
    day = _day(match)
    try:
        moved = day + by if day else None
    except OverflowError:
        moved = None
    if moved is None or not 1800 <= moved.year < 2100:
        return None
    form = _form(match)
    if form == 1:
        return moved.isoformat()
    if form == 2:
        return f"{moved.day:02}.{moved.month:02}.{moved.year}"
    month, number = match[f"m{form}"], match[f"d{form}"]
    name = (_SHORT if len(month) == 3 and month.lower() != "may" else _MONTHS)[moved.month - 1]
    if month.isupper():
        name = name.upper()
    elif month.islower():
        name = name.lower()
    written = f"{moved.day:02}" if number.startswith("0") else str(moved.day)
    return f"{written} {name} {moved.year}" if form == 3 else f"{name} {written}, {moved.year}"


class ShiftedDates:
    """A conversation's dates, moved by `weeks`.

    `shown` maps what stands in the sealed text to what it was. A day that the conversation does
    not have, such as one that the model reckoned, is not moved back: nobody can tell whether it
    followed from moved days or is a fact of the world.
    """

    def __init__(self, weeks: int, shown: Mapping[str, str] | None = None) -> None:
        self.weeks = weeks
        self.shown: dict[str, str] = dict(shown or {})
        self._days = {day for text in self.shown if (day := read_date(text))}

    def shift(self, text: str) -> str | None:
        """What stands for this date; None if it is ambiguous, and needs a placeholder."""
        match = DATE.fullmatch(text)
        moved = _moved(match, timedelta(weeks=self.weeks)) if match else None
        if moved is None or self.shown.setdefault(moved, text) != text:
            return None
        self._days.add(read_date(moved) or date.min)
        return moved

    def restore(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, str | None]]:
        """(start, end, what it was) of the dates in `text[start:end]`; None: not one of ours."""
        for match in DATE.finditer(text, start):
            if match.end() > end:
                return
            original = self.shown.get(match[0])
            if original is None and _day(match) in self._days:
                original = _moved(match, -timedelta(weeks=self.weeks))
            yield match.start(), match.end(), original

    def find_beginning(self, text: str, start: int) -> int:
        """From where on `text` may still become a date when more of it comes."""
        match = _BEGUN.search(text, max(start, len(text) - LONGEST - 3))
        return match.start() if match else len(text)


def _begun(*atoms: str) -> str:
    pattern = ""
    for atom in reversed(atoms):
        pattern = f"{atom}(?:{pattern})?" if pattern else atom
    return pattern


_DIGIT = "[0-9]"
_MONTH_BEGUN = "|".join(_begun(*month) for month in (*_MONTHS, *_SHORT))
# After a whole date one character more may show that it is none.
_REST = r"[.\-/]?"
_BEGUN = re.compile(
    r"(?<![\w.\-/])(?:"
    + "|".join(
        (
            _begun(*[_DIGIT] * 4, "-", _DIGIT, _DIGIT, "-", _DIGIT, _DIGIT) + _REST,
            _begun(_DIGIT, _DIGIT, r"\.", _DIGIT, _DIGIT, r"\.", *[_DIGIT] * 4) + _REST,
            rf"[0-9]{{1,2}}(?: (?:(?i:{_MONTH_BEGUN})|(?i:{_MONTH}) (?:[0-9]{{1,4}}{_REST})?)?)?",
            rf"(?i:{_MONTH_BEGUN})",
            rf"(?i:{_MONTH}) (?:{_begun('[0-9]{1,2}', ',', ' ', '[0-9]{1,4}')}{_REST})?",
        )
    )
    + r")\Z"
)
