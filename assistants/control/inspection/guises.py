"""What looks hidden on purpose. No value is found here: nobody writes so who has nothing to hide,
and what cannot be read for certain stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistants.control.inspection.hits import Hit
from assistants.control.inspection.words import common_words, words_and_names

# One by one: "4 0 7 - 1 1", "o n e". With commas it is a list, with operators an expression.
_DIGITS = re.compile(r"(?<![\w.,])\d(?:[ \t._*\-]{1,4}\d(?!\d)){6,40}+(?![\w.,]\d)")
_LETTERS = re.compile(r"(?<!\w)[^\W\d_](?:[ \t._*\-]{1,3}[^\W\d_](?![^\W_])){5,60}+(?!\w)")
# Half of an address, or one with blanks or figures where none belong.
_HALF = re.compile(r"(?:(?<![\w@/.+-])|(?<=\ufffc[._-]))[a-z][\w.+-]{3,60}+@(?![\w.\[-])", re.I)
# Its host is cut short: "jane_doe41@n", and the rest in the next message.
_HALF_A_HOST = re.compile(
    r"(?<![\w@/.+-])(?=[a-z]*[._+\d])[a-z][\w.+-]{4,60}+@[a-z]{1,3}(?![\w.@(:/-])", re.I
)
_PARTED = re.compile(r"\w[ \t]{1,4}@[ \t]{0,2}[a-z][\w-]{1,60}+\.[a-z]{2,7}(?![\w(.])", re.I)
_WHOLE = re.compile(r"(?<![\w@/])[\w.+-]{2,60}+@[\w-]{1,60}+(?:\.[\w-]{1,30}+){1,5}")
_VERSION = re.compile(r"@v?\d+(?:\.[\dx*]+){0,4}(?:-[\w.]+)?\Z")
_HOST = re.compile(r"(?:git|hg)@(?:github\.com|gitlab\.com|bitbucket\.org)\Z", re.I)
# A name with a number behind it: "janedoe84".
_ACCOUNT = re.compile(
    r"(?<![\w./\-@'\"`])(?P<name>[a-z]{8,40}+)(?:\d{2,6}|(?<=[a-z]{11})\d)(?![\w./\-('\"`])"
)
# The same in two parts: "jane_doe84".
_TWO_PARTS = re.compile(
    r"(?<![\w./\-@'\"`])(?P<one>[a-z]{3,20}+)[._](?P<two>[a-z]{4,20}+)\d{1,6}(?![\w/\-('\"`]|\.\w)",
    re.I,
)
# Without a number it may be anything of a program, unless somebody is to be written to there.
_WRITTEN_TO = re.compile(
    r"(?<!\w)(?:write|reply|writes?|replies|mails?|e-?mails?|contact|user(?:name)?|login|account)"
    r"(?:[ \t]to)?[ \t:]{1,3}(?P<one>[a-z]{2,20}+)[._](?P<two>[a-z]{4,20}+)(?![\w@/(\[]|\.\w)",
    re.I,
)
# Backwards: a telephone's plus at the end, capitals at the ends of two words.
_PLUS_LAST = re.compile(r"(?<![\w+])\d[\d ()\-]{8,18}+(?<=\d)\+(?![\w+=])")
# The number of a record before its name, or an address whose groups are none until it is turned.
_NAME_LAST = re.compile(r"(?<!\w)\d{5,12}[ \t:#.]{0,3}(?:NRM|RHN|SHN|NSS|NIN|NABI)(?!\w)", re.I)
_QUAD = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_CAPITAL_LAST = re.compile(
    r"(?<!\w)[a-z]{2,20}[A-Z] (?:[a-z]{2,20}[A-Z](?!\w)|\ufffc)|\ufffc [a-z]{3,20}[A-Z](?!\w)"
)
# Figures for letters; what makers of keys begin them with; capitals and figures at random.
_FIGURED = re.compile(r"(?<![\w.\-/#])(?=[a-z]*\d)[a-z0-9]{4,20}(?![\w\-/])", re.I)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)", re.I)
_AS_LETTERS = str.maketrans("4310578", "aeiostb")
_KEY_BEGINS = re.compile(
    r"(?<![a-z0-9])(?:[spr]k[-_](?:live|test|ant|proj)[-_]|gh[opsur]_|github_pat_|glpat-|xox[abp]-)"
    r"[ \t]{0,3}[a-z0-9]|(?<![a-z0-9])(?-i:AKIA)|"
    r"(?<![a-z0-9])(?:akia|asia|aroa)(?=[a-z]{0,40}\d)[a-z0-9]{16,80}",
    re.I,
)
# Figures said one by one: three with blanks between them, or six with other marks.
_SAID = r"(?<![^\W_])(?:zero|one|two|three|four|five|six|seven|eight|nine)(?![^\W_])"
_SAID_IN_A_ROW = re.compile(
    rf"(?:{_SAID}[ \t]{{1,3}}){{2,9}}{_SAID}|(?:{_SAID}[^\w]{{1,5}}){{5,20}}{_SAID}", re.I
)
_AT_RANDOM = re.compile(r"(?<![A-Za-z0-9/])[A-Z0-9]{28,90}(?![A-Za-z0-9/])")
_LONG = 4  # letters of a word that is looked for inside of another


def find_guises(text: str) -> Iterator[Hit]:
    """Runs of single signs, addresses in parts, names joined to a number, what stands backwards or
    has figures for letters, keys by how they begin.
    """
    for pattern, kind in ((_DIGITS, "DIGITS_APART"), (_LETTERS, "LETTERS_APART")):
        yield from (Hit(kind, match[0]) for match in pattern.finditer(text))
    if "@" in text:
        yield from (Hit("HALF_AN_ADDRESS", match[0]) for match in _HALF.finditer(text))
        yield from (Hit("HALF_AN_ADDRESS", match[0]) for match in _HALF_A_HOST.finditer(text))
        yield from (Hit("ADDRESS_IN_PARTS", match[0]) for match in _PARTED.finditer(text))
        for match in _WHOLE.finditer(text):
            if not _VERSION.search(match[0]) and not _HOST.search(match[0]):
                yield Hit("ADDRESS", match[0])
    for pattern in (_PLUS_LAST, _NAME_LAST, _CAPITAL_LAST):
        yield from (Hit("BACKWARDS", match[0]) for match in pattern.finditer(text))
    for match in _QUAD.finditer(text):
        if not _is_quad(match[0]) and _is_quad(match[0][::-1]):
            yield Hit("BACKWARDS", match[0])
    for way in (text, text[::-1]):
        yield from (Hit("KEY", match[0]) for match in _KEY_BEGINS.finditer(way))
    for match in _AT_RANDOM.finditer(text):
        if sum(map(str.isdigit, match[0])) > 2 and re.search(r"[G-Z]", match[0]):
            yield Hit("RANDOM_TOKEN", match[0])
    for match in _FIGURED.finditer(text):
        if _ORDINAL.fullmatch(match[0]):
            continue
        word = match[0].lower().translate(_AS_LETTERS)
        inside = re.findall(r"\d+", match[0].rstrip("0123456789"))
        no_hex = sum("g" <= sign <= "z" for sign in match[0].lower())
        if inside and word.isalpha() and (word in common_words() or len(inside) > 2 < no_hex):
            yield Hit("FIGURES_FOR_LETTERS", match[0])
    yield from (Hit("DIGITS_IN_WORDS", match[0]) for match in _SAID_IN_A_ROW.finditer(text))
    for match in _ACCOUNT.finditer(text):
        if not _is_made_of_words(match["name"]):
            yield Hit("USER_NAME", match[0])
    for match in (*_TWO_PARTS.finditer(text), *_WRITTEN_TO.finditer(text)):
        if not {match["one"].lower(), match["two"].lower()} & common_words():
            yield Hit("USER_NAME", match[0])


def _is_quad(text: str) -> bool:
    return all(str(int(group)) == group and int(group) <= 255 for group in text.split("."))


def _is_made_of_words(name: str) -> bool:
    """A word of the language, or two of them: "windows", "checklist", "portfolio"."""
    known = common_words() | words_and_names()
    if name in common_words():
        return True
    cuts = range(_LONG, len(name) - _LONG + 1)
    return any(name[:cut] in common_words() and name[cut:] in known for cut in cuts)
