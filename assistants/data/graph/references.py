"""What prose refers to: sections, other documents, regulations. Pure.

Time grows with the length of the text: each repetition is bounded. Patterns begin with what is
rare, or are tried only where a rare word stands, since every text that comes in is read by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistants.data.graph.names import (
    DOCUMENT_WORDS,
    LAW_WORDS,
    NUMBER,
    Kind,
    Named,
    section_of,
    title_key,
    title_words,
)

OWN = ""  # the owner of a section of the text's own document
LONGEST_RANGE = 20  # "sections 3 to 40" names its ends only

_COUNT = r"\d{1,3}(?:\.\d{1,3}){0,4}(?:\(\w{1,3}\)){0,3}(?![\w%])"
_WORDS = "|".join(word.capitalize() for word in (*DOCUMENT_WORDS, *LAW_WORDS))
_NAME = r"[A-Z][\w’'-]{0,30}"
_TITLE = (
    rf"{_NAME}(?:\s{{1,8}}(?:and|of|for|on|to|in|&|{_NAME})){{0,9}}?\s{{1,8}}(?:{_WORDS})"
    r"(?![\w-])(?!\s[A-Z])"
)
_CODE = NUMBER.pattern
_LAW = r"(?:[A-Z]{2,8}|[A-Z][a-z]{0,3}[A-Z]{1,3})(?![\w-])"

SECTIONS = re.compile(
    r"(?<!\w)(?P<unit>[Ss](?:ub-?s)?ections?|[Cc](?:lauses?|hapters?)|[Pp]ara(?:graph)?s?\b\.?"
    rf"|[Aa]rt(?:icles?|s?\.)|§{{1,2}})\s{{0,8}}(?P<counts>{_COUNT}"
    rf"(?:\s{{0,8}}(?:,|and|or|to|–|-)\s{{0,8}}{_COUNT}){{0,5}})"
    rf"(?:,?\s{{1,8}}(?:of|in)\s{{1,8}}(?:the\s{{1,8}}|our\s{{1,8}})?"
    rf"(?P<of>{_CODE}|{_TITLE}|{_LAW})|\s{{1,8}}(?P<law>{_LAW}))?"
)
_BEFORE = re.compile(rf"(?:{_CODE}),?\s{{1,8}}\Z")  # "CLN-P-01, section 4"
_LONGEST_BEFORE = 30
APPENDICES = re.compile(
    r"\b(?P<unit>[Aa](?:ppendix|nnex|ttachment)|Schedule)\s{1,8}"
    r"(?P<count>[A-Z]|\d{1,2}|[IVX]{1,5})(?![\w.-])"
    rf"(?:\s{{1,8}}(?:of|to|in)\s{{1,8}}(?:the\s{{1,8}})?(?P<of>{_CODE}|{_TITLE}))?"
)
_APPENDIX_WORDS = ("ppendix ", "nnex ", "ttachment ", "Schedule ")
REGULATION = (
    r"(?:GDPR|DSGVO|HIPAA|HITECH|CCPA|DORA|SOX|PSD2|MiFID II|MiFIR|PCI DSS|WpHG|KWG|GwG|AMLD\d?"
    r"|Regulation \((?:EU|EC)\) (?:No )?\d{1,4}/\d{2,4}"
    r"|Directive (?:\(EU\) )?\d{2,4}/\d{1,4}(?:/E[CU])?)(?![\w-])"
)
NAMES = re.compile(
    rf"(?<![\w-])(?=[A-Z])(?:(?P<regulation>{REGULATION})|(?P<number>{_CODE})|(?P<title>{_TITLE}))"
)
# "the design note on idempotency"
LOWER_TITLES = re.compile(
    r"\b(?:the|our)\s(?P<title>(?:[a-z]{3,15}\s){0,2}(?:note|policy|procedure|protocol|runbook|guide)"
    r"\s(?:on|for)\s[a-z]{3,20}(?:\s[a-z]{4,20})?)"
)
_LOWER_WORDS = tuple(
    f"{end} {joined} "
    for end in ("ote", "licy", "dure", "tocol", "book", "uide")
    for joined in ("on", "for")
)
_COUNTS = re.compile(_COUNT)
_RANGE = re.compile(r"(\d{1,3})\s{0,8}(?:to|–|-)\s{0,8}(\d{1,3})(?![\w.(])")


@dataclass(frozen=True, slots=True)
class Reference:
    """Characters `start` to `end` speak of an entity; `own`: a section of the same document."""

    entity: Named
    start: int
    end: int
    own: bool = False


def find_references(text: str, law: str = "") -> Iterator[Reference]:
    """`law`: the key of the law whose articles are meant where a text names none."""
    for match in SECTIONS.finditer(text):
        yield from _sections(match, law)
    if any(word in text for word in _APPENDIX_WORDS):
        for match in APPENDICES.finditer(text):
            owner = owner_key(match["of"] or "")
            entity = section_of(owner, f"appendix {match['count']}")
            yield Reference(entity, match.start(), match.end(), own=not owner)
    for match in NAMES.finditer(text):
        if named := _named(match):
            yield Reference(named, match.start(), match.end())
    if any(words in text for words in _LOWER_WORDS):
        for match in LOWER_TITLES.finditer(text):
            named = Named(Kind.DOCUMENT, title_key(match["title"]))
            yield Reference(named, *match.span("title"))


def _sections(match: re.Match[str], law: str) -> Iterator[Reference]:
    of_law = match["unit"].lower().startswith(("art", "para", "§"))
    named_law = match["law"] if of_law else None  # "section 3 INR" names no law
    start = match.start()
    before = _BEFORE.search(match.string[max(0, start - _LONGEST_BEFORE) : start])
    name = match["of"] or named_law or ""
    if not name and before:
        name = before.group().rstrip(", \n\t")
        start -= len(before.group())
    owner = owner_key(name) or (law if of_law else OWN)
    for number in counted(match["counts"]):
        yield Reference(section_of(owner, number), start, match.end(), own=not owner)
    if named_law:
        named = Named(Kind.REGULATION, title_key(named_law))
        yield Reference(named, *match.span("law"))


def _named(match: re.Match[str]) -> Named | None:
    if match["number"]:
        return Named(Kind.DOCUMENT, match["number"].lower())
    if match["regulation"]:
        return Named(Kind.REGULATION, title_key(match["regulation"]))
    title = match["title"]
    if len(title_words(title)) < 2:
        return None
    law = title.split()[-1].lower() in LAW_WORDS
    return Named(Kind.REGULATION if law else Kind.DOCUMENT, title_key(title))


def counted(numbers: str) -> list[str]:
    """ "3 to 5" is 3, 4 and 5; "2, 4.1 and 7" are three."""
    found = dict.fromkeys(_COUNTS.findall(numbers))
    for match in _RANGE.finditer(numbers):
        first, last = int(match[1]), int(match[2])
        if first < last <= first + LONGEST_RANGE:
            found.update(dict.fromkeys(str(number) for number in range(first, last + 1)))
    return list(found)


def owner_key(name: str) -> str:
    """A document's number, or the key of a title or law; "" for no name."""
    if not name:
        return OWN
    return name.lower() if NUMBER.fullmatch(name) else title_key(name)
