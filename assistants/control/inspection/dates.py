"""Dates in whatever way they are written, so that one that is known is found in another form."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections.abc import Iterator

Day = tuple[int, int, int]  # year, month, day

# A month a line, in English, German, Dutch, French, Spanish, Italian; without accents.
_MONTHS = """
january jan januar januari janvier janv enero ene gennaio gen
february feb februar februari fevrier fevr febrero febbraio
march mar marz maerz maart mrt mars marzo
april apr avril avr abril abr aprile
may mai mei mayo maggio mag
june jun juni juin junio giugno giu
july jul juli juillet juil julio luglio lug
august aug augustus aout agosto ago
september sept sep septembre septiembre settembre set
october oct oktober okt octobre octubre ottobre ott
november nov novembre noviembre
december dec dezember dez decembre diciembre dic dicembre
"""
_MONTH_OF = {
    word: str(number)
    for number, line in enumerate(_MONTHS.strip().splitlines(), 1)
    for word in line.split()
}
_BIG_FIRST = re.compile(
    r"(?<![\d.])(\d{4})(?:[./\-]| [./\-] ?)(\d{1,2})[./\- ]{1,3}(\d{1,2})(?!\d)"
)
_RUN_TOGETHER = re.compile(r"(?<![\w.])((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?![\w])")
_SMALL_FIRST = re.compile(r"(?<![\d.])(\d{1,2})[./\- ]{1,3}(\d{1,2})[./\- ]{1,3}(\d{4}|\d\d)(?!\d)")
_DAY_MONTH = re.compile(
    r"(?i)(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|º|\.)?[ \-]?(?:(?:of|de|di|day of)[ ])?([a-z]{3,10})\.?,?[ \-']{0,2}(?:(?:de|del)[ ])?(\d{4}|\d\d)(?!\d)"
)
# The numbers first, as every word could be a month.
_DAY_YEAR = re.compile(r"(?i)(?<!\d)(\d{1,2})(?:st|nd|rd|th)?,?[ ]{1,2}(\d{4}|\d\d)(?!\d)")
_MONTH_BEFORE = re.compile(r"(?<![^\W_])([A-Za-z]{3,10})\.?[ \-]?$")
_BEFORE = 13


def find_days(folded: str) -> Iterator[tuple[Day, str]]:
    """Each day that the text may mean, with how it is written there; 3/4/1984 means two."""
    for match in _BIG_FIRST.finditer(folded):
        yield from _days(match[1], ((match[2], match[3]), (match[3], match[2])), match[0])
    for match in _RUN_TOGETHER.finditer(folded):
        yield from _days(match[1], ((match[2], match[3]),), match[0])
    for match in _SMALL_FIRST.finditer(folded):
        yield from _days(match[3], ((match[1], match[2]), (match[2], match[1])), match[0])
    for match in _DAY_MONTH.finditer(folded):
        month = _MONTH_OF.get(match[2].lower(), "0")
        yield from _days(match[3], ((month, match[1]),), match[0])
    for match in _DAY_YEAR.finditer(folded):
        start = max(0, match.start() - _BEFORE)
        if before := _MONTH_BEFORE.search(folded[start : match.start()]):
            month = _MONTH_OF.get(before[1].lower(), "0")
            yield from _days(match[2], ((month, match[1]),), before[0] + match[0])


def day_of(folded: str) -> frozenset[Day]:
    """The days that a text which is nothing but a date may mean."""
    size = len(folded.strip(" .,()"))
    return frozenset(day for day, written in find_days(folded) if len(written) >= size)


def _days(
    year: str, readings: tuple[tuple[str, str], ...], written: str
) -> Iterator[tuple[Day, str]]:
    years = (int(year),) if len(year) == 4 else (1900 + int(year), 2000 + int(year))
    for month, day in readings:
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            for each in years:
                yield (each, int(month), int(day)), written
