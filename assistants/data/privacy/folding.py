"""One plain spelling for matching, with the way back to the original's offsets.

Text made to defeat detection looks usual to people and models, and other to a pattern:
zero-width characters between letters, letters of another script, full-width digits. Here it is
folded to what it looks like.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Letters of Cyrillic and Greek that look like Latin ones (after Unicode's confusables).
_LOOK_ALIKES = dict(
    zip(
        "аеорсухіјѕһԁԛԝɡӏвкмнтАВЕКМНОРСТУХІЈЅԌԚԜҺ" + "ορνικυτΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ" + "ıɑ",
        "aeopcyxijshdqwglbkmhtABEKMHOPCTYXIJSGQWH" + "opvikutABEZHIKMNOPTYXcj" + "ia",
        strict=True,
    )
)
_WORD = re.compile(r"[^\W\d_]+(?:[0-9]+[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Folded:
    """A spelling of a text, with the way back.

    The i-th character of `text` stands for the original's from `origins[i]` to `ends[i]`.
    `origins` of None: nothing changed; `ends` of None: each stands for one character.
    """

    text: str
    origins: list[int] | None = None
    ends: list[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original of `text[start:end]`, unseen characters inside it included."""
        if self.origins is None:
            return start, end
        last = self.origins[end - 1] + 1 if self.ends is None else self.ends[end - 1]
        return self.origins[start], last


def fold(text: str) -> Folded:
    """Compatibility forms (NFKC) by character, unseen characters dropped, look-alikes replaced."""
    if text.isascii():
        return Folded(text)
    characters: list[str] = []
    origins: list[int] = []
    for position, character in enumerate(text):
        if character < "\x80":
            characters.append(character)
            origins.append(position)
            continue
        for plain in _plain(character):
            characters.append(plain)
            origins.append(position)
    joined = "".join(characters)
    return Folded(_WORD.sub(_latin, joined) if not joined.isascii() else joined, origins)


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Cc", "Co", "Cn") or character in "\u034f\u115f\u1160\u3164\uffa0":
        return ""
    if category == "Me" or "\u0334" <= character <= "\u0338" or "\u20d0" <= character <= "\u20f0":
        return ""  # strokes and keys drawn over a character
    if category == "Mn" and unicodedata.name(character, "").startswith("VARIATION"):
        return ""
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character == "\u2212":
        return "-"
    if character in "’ʼ＇":
        return "'"
    return unicodedata.normalize("NFKC", character)


def _latin(match: re.Match[str]) -> str:
    """A word that mixes scripts, or is made of look-alikes only, as its Latin twin."""
    word = match[0]
    if word.isascii():
        return word
    twin = "".join(_LOOK_ALIKES.get(character, character) for character in word)
    mixed = any(c.isascii() for c in word) and any(c in _LOOK_ALIKES for c in word)
    return twin if mixed or (twin.isascii() and len(twin) == len(word)) else word
