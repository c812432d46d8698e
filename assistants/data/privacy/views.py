"""Other spellings of the same text, in which what was disguised is plain again.

Numbers in words ("four one five ..."), one by one ("4 1 5 ..."), in groups or with letters for
digits, letters replaced by digits, words letter by letter, runs that decode to something, and text
written backwards.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from assistants.data.privacy.folding import Folded

_UNITS = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "nought": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "niner": "9",
}
_TEENS = {
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
}
_TENS = {
    "twenty": "2",
    "thirty": "3",
    "forty": "4",
    "fourty": "4",
    "fifty": "5",
    "sixty": "6",
    "seventy": "7",
    "eighty": "8",
    "ninety": "9",
}
_TIMES = {"double": 2, "triple": 3}
_SPOKEN = "|".join(
    sorted({*_UNITS, *_TEENS, *_TENS, *_TIMES, "hundred", "dash", "hyphen"}, key=len)[::-1]
)
_RUN = re.compile(
    rf"(?i)(?<!\w)(?:{_SPOKEN}|\d{{1,4}})(?:[\s,.\-]{{1,3}}(?:{_SPOKEN}|\d{{1,4}})){{4,60}}(?!\w)"
)
_SPOKEN_WORD = re.compile(r"[A-Za-z]+|\d+")
_SINGLES = re.compile(r"(?<![\w.,])\d(?:[ .\-_/*|,]{1,2}\d){6,40}(?![\w])")
_DISGUISED_NUMBER = re.compile(
    r"(?<!\w)(?=[A-Za-z \-]{0,20}\d)[0-9OoIlSsBZz|][0-9OoIlSsBZz|\- ]{7,40}[0-9OoIlSsBZz|](?!\w)"
)
_AS_DIGITS = str.maketrans("OoIl|SsBZz", "0011155822")
_DISGUISED_WORD = re.compile(
    r"(?<![\w@$])(?=[^\W\d_]{0,20}[0134578@$!])(?=[\d@$!]{0,3}[^\W\d_])[\w@$!]{3,24}(?<!!)(?![\w@$])"
)
_AS_LETTERS = str.maketrans("0134578@$!", "oieastbasi")

_WORD = re.compile(r"[^\W\d_]{3,}")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{12,20000}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9A-Fa-f]{2}[ :]?){7,10000}[0-9A-Fa-f]{2}(?![0-9A-Za-z])"
)
_BASE64_LINES = re.compile(
    r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{16,200}(?:\r?\n[A-Za-z0-9+/_-]{4,200}){1,200}={0,2}"
    r"(?![A-Za-z0-9+/_=-])"
)
_BASE32 = re.compile(r"(?<![A-Za-z0-9=])[A-Z2-7]{16,8000}={0,6}(?![A-Za-z0-9=])")
_BITS = re.compile(r"(?<![01])(?:[01]{8}[ ,]{0,2}){4,2000}[01]{8}(?![01])")
_CODES = re.compile(r"(?<![\d.,])\d{2,3}(?:[ ,;]{1,2}\d{2,3}){4,2000}(?![\d.])")
# One character at a time, with a blank or with one mark between.
_SPELLED = re.compile(r"(?<!\S)\S(?: {1,3}\S(?!\S)){4,300}")
_MARKED = re.compile(r"(?<![^\W_])[^\W\d_](?:([.\-_*|·/])[^\W\d_])(?:\1[^\W\d_]){3,100}(?![^\W_])")
_GROUPS = re.compile(r"(?<![\w.,])\d{2,6}(?:[ ]?[/_*|xX·•.,:;\n-][ ]?\d{2,6}){1,9}(?!\w)")
_ESCAPED = re.compile(
    r"(?:\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]{2,4}\}|&#x?[0-9A-Fa-f]{2,4};){4,4000}"
)
_PERCENT = re.compile(r"[^\s\"'<>]{0,200}(?:%[0-9A-Fa-f]{2}[^\s\"'<>%]{0,60}){2,400}")
_NUMBER_IN_ESCAPE = re.compile(
    r"\\x([0-9A-Fa-f]{2})|\\u(?:00|\{)([0-9A-Fa-f]{2,4})\}?|&#x([0-9A-Fa-f]{2,4});|&#(\d{2,4});"
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the whole run from `start` to `end` says."""

    start: int
    end: int
    text: str


def numbers(text: str) -> Iterator[Folded]:
    """Views in which numbers are written in digits; each holds its surroundings too."""
    for pattern, respell in ((_RUN, _in_digits), (_SINGLES, _joined)):
        runs = [run for match in pattern.finditer(text) if (run := respell(match))]
        if runs:
            yield _replaced(text, runs)
    if _DISGUISED_NUMBER.search(text):
        view = _DISGUISED_NUMBER.sub(lambda m: m[0].translate(_AS_DIGITS), text)
        if view != text:
            yield Folded(view)


def words(text: str) -> Folded | None:
    """The view in which digits and signs inside words are letters; None if there are none."""
    if not _DISGUISED_WORD.search(text):
        return None
    return Folded(_DISGUISED_WORD.sub(lambda m: m[0].translate(_AS_LETTERS), text))


def backwards(text: str) -> Folded:
    size = len(text)
    return Folded(text[::-1], list(range(size - 1, -1, -1)), list(range(size, 0, -1)))


def words_backwards(text: str) -> Folded:
    """Each word by itself written backwards, in its place."""
    return Folded(_WORD.sub(lambda match: match[0][::-1], text))


def groups(text: str) -> Folded | None:
    """The view in which groups of digits stand together; None if there are none."""
    runs = [_joined(match) for match in _GROUPS.finditer(text)]
    runs = [run for run in runs if len(run[2]) >= 12]
    return _replaced(text, runs) if runs else None


def decoded(text: str) -> Iterator[Decoded]:
    """Runs in base64, hexadecimal, escapes or percent encoding that hold text."""
    for match in _BASE64.finditer(text):
        yield from _read(match, _from_base64(match[0]))
    for match in _HEX.finditer(text):
        digits = re.sub(r"0x|[ :]", "", match[0])
        yield from _read(match, bytes.fromhex(digits) if len(digits) % 2 == 0 else b"")
    for match in _BASE64_LINES.finditer(text):
        yield from _read(match, _from_base64(re.sub(r"\s", "", match[0])))
    for match in _BASE32.finditer(text):
        bare = match[0].rstrip("=")
        try:
            yield from _read(match, base64.b32decode(bare + "=" * (-len(bare) % 8)))
        except binascii.Error:
            continue
    for match in _BITS.finditer(text):
        yield from _read(match, bytes(int(bits, 2) for bits in re.findall("[01]{8}", match[0])))
    for match in _CODES.finditer(text):
        said = [int(code) for code in re.findall(r"\d+", match[0])]
        if all(32 <= code < 127 for code in said):
            yield Decoded(match.start(), match.end(), "".join(map(chr, said)))
    for match in _SPELLED.finditer(text):
        yield Decoded(match.start(), match.end(), re.sub(r" (?! )", "", match[0]))
    for match in _MARKED.finditer(text):
        yield Decoded(match.start(), match.end(), match[0].replace(match[1], ""))
    if "\\x" in text or "\\u" in text or "&#" in text:
        for match in _ESCAPED.finditer(text):
            codes = (
                int(m[1] or m[2] or m[3], 16) if not m[4] else int(m[4])
                for m in _NUMBER_IN_ESCAPE.finditer(match[0])
            )
            yield Decoded(match.start(), match.end(), "".join(map(chr, codes)))
    if "%" in text:
        for match in _PERCENT.finditer(text):
            yield from _read(match, unquote_to_bytes(match[0]))


def _read(match: re.Match[str], raw: bytes) -> Iterator[Decoded]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    if len(text) >= 4 and sum(c.isprintable() or c.isspace() for c in text) == len(text):
        yield Decoded(match.start(), match.end(), text)


def _from_base64(run: str) -> bytes:
    bare = run.rstrip("=")
    try:
        return base64.urlsafe_b64decode(
            bare.replace("+", "-").replace("/", "_") + "=" * (-len(bare) % 4)
        )
    except binascii.Error:
        return b""


# -- numbers --------------------------------------------------------------------------------------

Run = tuple[int, int, list[tuple[str, int, int]]]  # start, end, digits with where each is from


def _in_digits(match: re.Match[str]) -> Run | None:
    digits: list[tuple[str, int, int]] = []
    pending, times, spoken = "", 1, False
    for word in _SPOKEN_WORD.finditer(match[0]):
        start, end = match.start() + word.start(), match.start() + word.end()
        said = word[0].lower()
        if pending and said not in _UNITS:
            digits.append(("0", start - 1, start))
            pending = ""
        if said in _TIMES:
            times = _TIMES[said]
            continue
        if said in _TENS:
            digits.append((_TENS[said], start, end))
            pending = said
        elif said == "hundred":
            digits += [("0", start, end), ("0", start, end)]
        elif said in _UNITS or said in _TEENS:
            value = _UNITS.get(said) or _TEENS[said]
            digits += [(digit, start, end) for digit in value * times]
            pending = ""
        elif said.isdigit():
            digits += [(digit, start + i, start + i + 1) for i, digit in enumerate(said)]
        times = 1
        spoken |= said.isalpha()
    if pending:
        digits.append(("0", match.end() - 1, match.end()))
    return (match.start(), match.end(), digits) if spoken and len(digits) >= 7 else None


def _joined(match: re.Match[str]) -> Run:
    digits = [
        (c, match.start() + i, match.start() + i + 1) for i, c in enumerate(match[0]) if c.isdigit()
    ]
    return match.start(), match.end(), digits


def _replaced(text: str, runs: list[Run]) -> Folded:
    characters: list[str] = []
    origins: list[int] = []
    ends: list[int] = []

    def copy(first: int, last: int) -> None:
        characters.append(text[first:last])
        origins.extend(range(first, last))
        ends.extend(range(first + 1, last + 1))

    place = 0
    for start, end, digits in runs:
        copy(place, start)
        for digit, first, last in digits:
            characters.append(digit)
            origins.append(first)
            ends.append(last)
        place = end
    copy(place, len(text))
    return Folded("".join(characters), origins, ends)
