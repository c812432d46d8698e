"""Numbers said in words, in the languages that are spoken around here, and disguised digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A language a line, from 0 to 9; without accents.
_DIGITS = (
    "zero one two three four five six seven eight nine",
    "null eins zwei drei vier funf sechs sieben acht neun",
    "nul een twee drie vier vijf zes zeven acht negen",
    "zero un deux trois quatre cinq six sept huit neuf",
    "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "zero uno due tre quattro cinque sei sette otto nove",
    "zero um dois tres quatro cinco seis sete oito nove",
)
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SPOKEN = {
    **{word: str(n) for line in _DIGITS for n, word in enumerate(line.split())},
    **dict.fromkeys(("oh", "o", "nought", "nil"), "0"),
    "ein": "1",
    "une": "1",
    "uma": "1",
    "zwo": "2",
    "fuenf": "5",
    "niner": "9",
    **{word: str(n) for n, word in enumerate(_TEENS.split(), 10)},
}
_TENS = {word: str(n) for n, word in enumerate(_TENS_WORDS.split(), 2)}
_TIMES = {"double": 2, "triple": 3}
_NUMBER_WORDS = frozenset({*_SPOKEN, *_TENS, *_TIMES})
_LEAST = 4  # words in a row: fewer are prose
_NEAR = 2 * _LEAST  # words, with an "and" after each
_PIECE = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN = re.compile(r"[\s,.\-–/]{1,3}")

_AROUND = 64  # characters before, for a word that tells what it is
_LETTERS_FOR_DIGITS = str.maketrans("OoIl|SsBZz", "0011155822")
_NEARLY_DIGITS = re.compile(
    r"(?<![^\W_])[0-9OoIl|SsBZz]{2,}(?:[ \-./][0-9OoIl|SsBZz]{2,})*(?![^\W_])"
)


def in_digits(folded: str) -> str:
    """The text with numbers of several words as digits ("four one one double two" is 41122).

    The same object where there are none.
    """
    lower = folded.lower()
    words = _WORD.findall(lower)
    if _NUMBER_WORDS.isdisjoint(words):
        return folded
    places = [place for place, word in enumerate(words) if word in _NUMBER_WORDS]
    if not any(b - a < _NEAR for a, b in zip(places, places[_LEAST - 1 :], strict=False)):
        return folded
    written: list[str] = []
    run: list[str] = []
    gap = ""
    found = False
    for piece in (*_PIECE.findall(lower), ""):
        if piece in _NUMBER_WORDS or (run and piece.isdigit()):
            if not run:
                written.append(gap)
            run.append(piece)
            gap = ""
        elif run and not gap and (_BETWEEN.fullmatch(piece) or piece == "and"):
            gap = piece
        else:
            said = sum(map(_NUMBER_WORDS.__contains__, run)) >= _LEAST
            found = found or said
            written += (_run_in_digits(run) if said else " ".join(run), gap, piece)
            run = []
            gap = ""
    return "".join(written) if found else folded


def undisguised(folded: str) -> Iterator[str]:
    """Numbers in which letters stand for digits, as those: where most of a number is digits."""
    for match in _NEARLY_DIGITS.finditer(folded):
        digits = sum(map(str.isdigit, match[0]))
        if digits < len(match[0]) <= 2 * digits and digits >= _LEAST:
            respelled = match[0].translate(_LETTERS_FOR_DIGITS)
            yield f"{folded[max(0, match.start() - _AROUND) : match.start()]}{respelled}"


def _run_in_digits(run: list[str]) -> str:
    digits: list[str] = []
    times = 1
    for at, word in enumerate(run):
        if word in _TIMES:
            times = _TIMES[word]
            continue
        said = _SPOKEN.get(word, word)
        if word in _TENS:
            follows = _SPOKEN.get(run[at + 1], "") if at + 1 < len(run) else ""
            said = _TENS[word] + ("" if len(follows) == 1 and follows != "0" else "0")
        digits.append(said * times)
        times = 1
    return "".join(digits)
