"""The plain spelling of a text: what it looks like to a person, whatever code points it is made of.

Unseen characters go, compatibility forms and accents become plain letters, and letters of other
scripts that look like Latin ones become those. All of it is one pass by `str.translate`.
"""

# ruff: noqa: E501 (a table is read in lines)

from __future__ import annotations

import re
import unicodedata

# Unicode's confusables (UTS 39), those that are drawn alike in common fonts.
_ALIKE = {
    # Cyrillic
    "а": "a", "в": "b", "е": "e", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p", "с": "c",
    "т": "t", "у": "y", "х": "x", "і": "i", "ї": "i", "ј": "j", "ѕ": "s", "ԁ": "d", "ԛ": "q",
    "ԝ": "w", "һ": "h", "ӏ": "l", "ѵ": "v", "ґ": "r", "ь": "b", "ո": "n",
    "А": "A", "В": "B", "Е": "E", "К": "K", "М": "M", "Н": "H", "О": "O", "Р": "P", "С": "C",
    "Т": "T", "У": "Y", "Х": "X", "І": "I", "Ї": "I", "Ј": "J", "Ѕ": "S", "Ԛ": "Q", "Ԝ": "W",
    "Һ": "H", "Ӏ": "I", "Ѵ": "V",
    # Greek
    "α": "a", "β": "b", "γ": "y", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v", "ο": "o",
    "ρ": "p", "σ": "o", "τ": "t", "υ": "u", "χ": "x", "ω": "w", "ϲ": "c", "ϳ": "j",
    "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N",
    "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X",
    # Latin letters and signs that NFKD leaves alone
    "ı": "i", "ȷ": "j", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ʟ": "L", "ɪ": "i", "ø": "o", "Ø": "O",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "Ð": "D",
    "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ß": "ss",
    "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ð": "d",
    "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e", "ꜰ": "f", "ɢ": "g", "ʜ": "h", "ᴊ": "j",
    "ᴋ": "k", "ᴍ": "m", "ɴ": "n", "ᴏ": "o", "ᴘ": "p", "ʀ": "r", "ꜱ": "s", "ᴛ": "t", "ᴜ": "u",
    "ᴠ": "v", "ᴡ": "w", "ʏ": "y", "ᴢ": "z",
    "‘": "'", "’": "'", "ʼ": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"',
    "⁄": "/", "∕": "/", "∶": ":", "。": ".", "·": ".",
}  # fmt: skip
_REMEMBERED = 0x20000  # planes beyond are rare, and remembering all of them would cost memory
_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800"
_LATIN_PAIRS = re.compile(
    "[\U0001f170-\U0001f189\U0001f150-\U0001f169\U0001f1e6-\U0001f1ff\U000e0020-\U000e007e]"
)


class _Plain(dict[int, str]):
    """What each code point becomes; filled as they come up, so that a known one costs a look-up."""

    def __missing__(self, code: int) -> str:
        plain = _plain(chr(code))
        if code < _REMEMBERED:
            self[code] = plain
        return plain


_TABLE = _Plain()


def fold(text: str) -> str:
    """The plain spelling, in the case it was written in; about as long as the text."""
    if text.isascii():
        return text.translate(_ASCII) if _CONTROL.search(text) else text
    return text.translate(_TABLE)


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ASCII = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


def _plain(character: str) -> str:
    if character < "\x80":
        return "" if _CONTROL.match(character) else character
    if (alike := _ALIKE.get(character)) is not None:
        return alike
    if _LATIN_PAIRS.match(character):
        return _letter_of_block(ord(character))
    category = unicodedata.category(character)
    if category in ("Cf", "Cc", "Co", "Cn", "Mn", "Me") or character in _UNSEEN:
        return ""
    if category in ("Zs", "Zl", "Zp"):
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character == "\u2212":
        return "-"
    decomposed = unicodedata.normalize("NFKD", character)
    if decomposed == character:
        return character
    return "".join(_plain(each) if each != character else each for each in decomposed)


def _letter_of_block(code: int) -> str:
    """Squared and circled letters, flags, and the unseen tag characters that spell ASCII."""
    if code >= 0xE0000:
        return chr(code - 0xE0000)
    for first in (0x1F1E6, 0x1F170, 0x1F150):
        if code >= first:
            return chr(65 + code - first) if code - first < 26 else " "
    return ""
