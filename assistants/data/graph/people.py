"""Who answers for a document, who holds a role, and which terms a text defines. Pure, bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistants.data.graph.names import LONGEST, Kind, Named

_PERSON = r"[A-Z][a-z’'-]{1,20}(?:\s[A-Z][a-z’'-]{1,20}){1,2}"
_ROLE_WORDS = (
    r"(?:[Oo]fficer|[Ll]ead|[Mm]anager|[Dd]irector|[Cc]oordinator|[Cc]ounsel|[Aa]uditor|[Pp]harmacist"
    r"|[Nn]urse|[Pp]hysician)"
)
HEADER = 1_500  # characters; further down "Owner:" is about something else
# such as "Owner: Head of Conduct Compliance."
RESPONSIBLE = re.compile(
    r"\b(?:Owner|Author|Issued by|Approved by|Responsible|Contact):?\s{1,3}"
    r"(?P<who>[A-Z][^.|;:\n(),]{2,80})"
)
# such as "the team lead, Joel Hartnett"
HOLDER = re.compile(rf"[:,]\s(?P<person>{_PERSON})(?![\w’'-])")
_ROLE_BEFORE = re.compile(rf"(?:[A-Z][\w-]{{1,20}}\s){{0,4}}(?:[a-z]{{2,12}}\s)?{_ROLE_WORDS}\Z")
# such as "Lotte Maarsen (relationship manager)"
HELD = re.compile(rf"\((?P<role>(?:[\w-]{{1,20}}\s){{0,4}}{_ROLE_WORDS})\)")
_PERSON_BEFORE = re.compile(rf"(?P<person>{_PERSON})\s\Z")
_LOOK_BACK = 80
_IS_ROLE = re.compile(
    rf"{_ROLE_WORDS}|\b(?:Head|Chair|Team|Group|Unit|Committee|Department|Office|MLRO)\b"
)
_MEANS = (
    re.compile(r"[“\"](?P<term>[^”\"\n]{2,60})[”\"]\s(?:means|refers to|is defined as)\b"),
    re.compile(
        r"^\s{0,4}(?:\d[\d.]{0,8}\s{1,3})?(?P<term>[A-Z][\w-]{1,30}(?:\s[\w-]{1,30}){0,4}?)"
        r"(?:\s\([A-Z]{2,8}\))?\smeans\b",
        re.M,
    ),
)
_MEANING_WORDS = (" means", " refers to", " is defined as")
# such as "politically exposed person (PEP)"
_SHORT = re.compile(r"\((?:the\s)?[“\"]?(?P<term>[A-Z]{2,8})s?[”\"]?\)")


def term_key(term: str) -> str:
    return " ".join(term.split()).lower()[:LONGEST]


def responsible(text: str) -> Iterator[tuple[Named, int, int]]:
    """Who the head of a document names as its owner or author."""
    for match in RESPONSIBLE.finditer(text, 0, HEADER):
        kind = Kind.ROLE if _IS_ROLE.search(match["who"]) else Kind.PERSON
        yield Named(kind, term_key(match["who"])), *match.span("who")


def holders(text: str) -> Iterator[tuple[tuple[Named, int, int], tuple[Named, int, int]]]:
    """Persons, each with the role that the text gives them; with the characters of both."""
    for match in HOLDER.finditer(text):
        border = match.start()
        role = _ROLE_BEFORE.search(text[max(0, border - _LOOK_BACK) : border])
        if role:
            start = border - len(role.group())
            yield (
                (Named(Kind.PERSON, term_key(match["person"])), *match.span("person")),
                (Named(Kind.ROLE, term_key(role.group())), start, border),
            )
    for match in HELD.finditer(text):
        border = match.start()
        person = _PERSON_BEFORE.search(text[max(0, border - _LOOK_BACK) : border])
        if person:
            start = border - len(person.group())
            yield (
                (Named(Kind.PERSON, term_key(person["person"])), start, border - 1),
                (Named(Kind.ROLE, term_key(match["role"])), *match.span("role")),
            )


def terms(text: str) -> Iterator[tuple[Named, int, int]]:
    """What the text defines, by the place of the word."""
    patterns = (*_MEANS, _SHORT) if any(word in text for word in _MEANING_WORDS) else (_SHORT,)
    for pattern in patterns:
        for match in pattern.finditer(text):
            yield Named(Kind.TERM, term_key(match["term"])), *match.span("term")
