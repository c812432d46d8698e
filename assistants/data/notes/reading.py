"""How a note and what was said are compared: words without their endings, figures without words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

WORD = re.compile(r"[a-zà-öø-ÿ0-9][a-zà-öø-ÿ0-9'’.-]*[a-zà-öø-ÿ0-9]|[a-zà-öø-ÿ0-9]|%", re.I)
# Said without saying anything of the matter.
EMPTY_WORDS = """
a about actually all alright also am an and any anything are as at be because been before being
bit but by can come could day did do does doing done down else even feel for from get getting go
going gon gonna good got great had has have having he her here hers hi him his hello how i if in
into is it its just kind know let like little look looking lot make maybe me mean mm more much
my na nice now of off oh ok okay on one or other our out over patient please probably really
right said say see she should so some something sort states still sure take tell than thank
thanks that the their them then there these they thing things think this those time to today too
uh um until up us very wan wanna want was way we well were what when where which while who why
will with would yeah yep yes you your reports
"""
EMPTY = frozenset(EMPTY_WORDS.split())
_UNITS = {
    "mg": "mg milligram milligrams mgs",
    "mcg": "mcg microgram micrograms ug µg",
    "g": "g gram grams",
    "kg": "kg kilo kilos kilogram kilograms",
    "ml": "ml milliliter milliliters millilitre millilitres cc",
    "l": "liter liters litre litres",
    "units": "unit units iu",
    "%": "% percent",
    "mmhg": "mmhg",
    "bpm": "bpm",
    "degrees": "degree degrees",
    "tablets": "tablet tablets pill pills capsule capsules",
    "puffs": "puff puffs",
    "drops": "drop drops",
    "eur": "euro euros eur €",
    "usd": "dollar dollars usd $",
    "days": "day days",
    "weeks": "week weeks",
    "months": "month months",
    "years": "year years",
    "hours": "hour hours",
    "minutes": "minute minutes",
}
UNITS = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings.split()}
# A wrong one of these is a wrong dose; the others are ages, durations and sums.
DOSES = frozenset({"mg", "mcg", "g", "ml", "units", "tablets", "puffs", "drops", "per day"})
_ONES_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_ONES_WORDS.split())}
_TENS = {word: 10 * value for value, word in enumerate(_TENS_WORDS.split(), start=2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_A_DAY = {"daily": 1, "once": 1, "twice": 2, "thrice": 3, "bid": 2, "tid": 3, "qid": 4}
_GLUED = re.compile(r"(\d+(?:\.\d+)?)([a-zµ]+|%)")  # 20mg
_PER = frozenset({"a", "per", "each", "every"})


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with what it counts: ("40", "mg"), ("2", "per day"), ("0.5", "")."""

    figure: str
    unit: str

    def __str__(self) -> str:
        return f"{self.figure} {self.unit}".strip()


def split_words(text: str) -> list[str]:
    """In lower case, without punctuation; figures in digits ("twenty five" is "25")."""
    return list(_with_figures([word.lower().replace("’", "'") for word in WORD.findall(text)]))


def stem(word: str) -> str:
    """Without the endings that differ between saying and noting; no more than that."""
    for ending, kept in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending) + kept
            break
    return word.removesuffix("e") if len(word) > 4 else word


def content_of(text: str) -> list[str]:
    """The stems of the words that say something, in order."""
    return [stem(word) for word in split_words(text) if word not in EMPTY]


def find_measures(text: str) -> list[Measure]:
    """Every figure with its unit, in order; those in words too. How often a day is one as well."""
    words = split_words(text)
    found = []
    for index, word in enumerate(words):
        following = words[index + 1 : index + 4]
        if word in _A_DAY and (word not in {"once", "twice", "thrice"} or _is_a_day(following)):
            found.append(Measure(str(_A_DAY[word]), "per day"))
        elif _is_figure(word):
            if following[:1] == ["times"] and _is_a_day(following[1:]):
                found.append(Measure(word, "per day"))
            else:
                unit = UNITS.get(following[0], "") if following else ""
                found.append(Measure(word, unit))
        elif (glued := _GLUED.fullmatch(word)) and glued[2] in UNITS:
            found.append(Measure(_plain(glued[1]), UNITS[glued[2]]))
    return found


def _is_a_day(words: list[str]) -> bool:
    return words[:1] == ["daily"] or (len(words) > 1 and words[0] in _PER and words[1] == "day")


def _is_figure(word: str) -> bool:
    return re.fullmatch(r"\d+(?:\.\d+)?", word) is not None


def _plain(figure: str) -> str:
    figure = figure.replace(",", "")
    return figure.rstrip("0").rstrip(".") if "." in figure else figure


def _with_figures(words: list[str]) -> Iterator[str]:
    """Runs of number words become one figure: "one hundred and five point two" is "105.2"."""
    index = 0
    while index < len(words):
        length, figure = _read_figure(words[index:])
        if length:
            yield figure
            index += length
        else:
            yield _plain(words[index]) if _is_figure(words[index]) else words[index]
            index += 1


def _read_figure(words: list[str]) -> tuple[int, str]:
    total, current, length, allowed = 0, 0, 0, 1_000_000_000
    for word in words:
        parts = word.split("-")
        if all(part in _SMALL or part in _TENS for part in parts) and len(parts) <= 2:
            value = sum(_TENS.get(part, _SMALL.get(part, 0)) for part in parts)
            if value >= allowed:
                break  # "five six": two figures
            current, length = current + value, length + 1
            allowed = 10 if value % 10 == 0 and value >= 20 else 1
        elif word in _SCALES and length:
            scale = _SCALES[word]
            if scale == 100:
                current, allowed = current * 100, 100
            else:
                total, current, allowed = total + current * scale, 0, 1000
            length += 1
        elif (
            word == "and"
            and length
            and words[length - 1] in _SCALES
            and _starts(words[length + 1 :])
        ):
            length += 1
        else:
            break
    if not length:
        return 0, ""
    figure = str(total + current)
    rest = words[length:]
    if rest[:1] == ["point"] and len(rest) > 1 and rest[1] in _SMALL and _SMALL[rest[1]] < 10:
        digits = ""
        for word in rest[1:]:
            if _SMALL.get(word, 10) > 9:
                break
            digits += str(_SMALL[word])
        return length + 1 + len(digits), _plain(f"{figure}.{digits}")
    return length, figure


def _starts(words: list[str]) -> bool:
    return bool(words) and (words[0] in _SMALL or words[0].split("-")[0] in _TENS)
