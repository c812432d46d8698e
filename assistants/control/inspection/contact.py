"""How to reach somebody, and machines by their addresses."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from assistants.control.inspection.hits import Form, Hit, around_numbers, form, is_near, words

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-'])(?P<local>[^\W_][\w.%+\-']*+)(?:@|[ ]@[ ])(?P<domain>[^\W_][\w\-]*+(?:\.[\w\-]++)*?\.[A-Za-z]{2,24})(?![\w\-])"
)
_SPELLED_EMAIL = re.compile(
    r"(?i)(?<!\w)[\w.%+\-]{1,64}\s?[\[({<]?\s?(?:\bat\b|@|\barobase\b)\s?[\])}>]?\s?[\w\-]{1,63}"
    r"(?:\s?[\[({<]?\s?(?:\bdot\b|\bpunkt\b|\bpoint\b|\.)\s?[\])}>]?\s?[a-z\-]{2,63}){1,4}(?!\w)"
)
_DISGUISED = re.compile(r"(?i)\bdot\b|\bpunkt\b|\bpoint\b|[\[({<]\s?(?:at|dot|@|\.)\s?[\])}>]")
_SPELLED_SIGNS = ("dot", "punkt", "arobase", "(at", "[at", "{at", "<at", "(@", "[@", "{@")
_ENDINGS = re.compile(
    r"(?i)\W(?:com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|health|bank|example|test|invalid|eu|uk|us|de|fr|es|it|nl|be|ch|at|ie|pt|se|no|dk|fi|pl|cz|ca|au|nz|in|jp|cn|br|mx|za)$"
)
_NO_PERSON = frozenset({"git", "app", "pytest", "self"})  # of an address in code

_PHONE_WORD = words(
    r"tel|telephone|phone|mobile|cell|fax|call|ring|pager|reach (?:me|him|her|them)|whatsapp|handy|telefon|numéro|telefono|text"
)
_INTERNATIONAL = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}(?:[ .\-/]{0,2}\(?\d{1,5}\)?){2,7}(?!\w)"
)
_NORTH_AMERICAN = form(r"(?:1[ .\-])?(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[.\- ])[2-9]\d\d[.\- ]\d{4}")
_NATIONAL = form(r"\(?0\d{2,5}\)?[ \-/](?:\d{2,8}[ \-]?){1,4}")
_BESIDE_WORD = form(r"\(?\d{2,5}\)?(?:[ .\-/]{0,2}\d{2,8}){1,5}")

_A_DATE = re.compile(r"\d{4}[./\-]\d{1,2}[./\-]\d{1,2}|\d{1,2}[./\-]\d{1,2}[./\-]\d{4}")

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{6,45}(?:%\w{1,15})?(?![\w:])")
_VERSION = re.compile(
    r"(?i)(?:versions?|release|build|ver|v|==|>=|<=|~=|section|clause|article|paragraph|§)[ .:]{0,2}$"
)
_MAC = form(r"(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
_MAC_DOTTED = form(r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}")

FORMS = (
    Form("MAC_ADDRESS", _MAC, needs=(":", "-")),
    Form("MAC_ADDRESS", _MAC_DOTTED, lambda value: not value.isdigit()),
    Form("URL_WITH_CREDENTIALS", re.compile(r"(?i)(?<![\w+.\-])[a-z][a-z0-9+.\-]*+://[^\s:/@\"'<>]{0,100}:(?P<value>[^\s/@\"'<>{}$]{1,200})@")),
)  # fmt: skip


def find_contacts(text: str) -> Iterator[Hit]:
    """E-mail addresses, telephone numbers, IP and MAC addresses, URLs with credentials."""
    lower = text.lower()
    numbers = around_numbers(text)
    yield from _emails(text, lower)
    yield from _phones(numbers)
    yield from _addresses(text, numbers)
    for each in FORMS:
        yield from each.find(text, lower)


def find_backwards(reversed_text: str) -> Iterator[Hit]:
    """E-mail addresses of a text that is read from its end."""
    if "@" in reversed_text:
        yield from _emails(reversed_text, "")


def _emails(text: str, lower: str) -> Iterator[Hit]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            spaced = " @ " in match[0] and not _ENDINGS.search(match[0])
            if match["local"].lower() not in _NO_PERSON and not spaced:
                yield Hit("EMAIL_ADDRESS", match[0])
    if any(sign in lower for sign in _SPELLED_SIGNS):
        for match in _SPELLED_EMAIL.finditer(text):
            if _DISGUISED.search(match[0]) and _ENDINGS.search(re.sub(r"\W+$", "", match[0])):
                yield Hit("EMAIL_ADDRESS", match[0])


def _phones(text: str) -> Iterator[Hit]:
    for match in _INTERNATIONAL.finditer(text):
        if 8 <= sum(map(str.isdigit, match[0])) <= 17:
            yield Hit("PHONE_NUMBER", match[0])
    for match in _NORTH_AMERICAN.finditer(text):
        yield Hit("PHONE_NUMBER", match[0])
    for match in _NATIONAL.finditer(text):
        if 9 <= sum(map(str.isdigit, match[0])) <= 12:
            yield Hit("PHONE_NUMBER", match[0])
    for match in _BESIDE_WORD.finditer(text):
        digits = sum(map(str.isdigit, match[0]))
        if _A_DATE.match(match[0]):
            continue
        if 7 <= digits <= 13 and is_near(_PHONE_WORD, text, match.start(), match.end()):
            yield Hit("PHONE_NUMBER", match[0])


def _addresses(text: str, numbers: str) -> Iterator[Hit]:
    for match in _IPV4.finditer(numbers):
        if _is_somebodys(match[0]) and not _VERSION.search(
            numbers[max(0, match.start() - 12) : match.start()]
        ):
            yield Hit("IP_ADDRESS", match[0])
    for match in _IPV6.finditer(text if "::" in text or text.count(":") >= 7 else ""):
        value = match[0].strip(":") if match[0].count("::") == 0 else match[0]
        if value.count(":") >= 2 and _is_somebodys(value.partition("%")[0]):
            yield Hit("IP_ADDRESS", match[0])


def _is_somebodys(value: str) -> bool:
    """Of one machine: no loopback, no net's first address, no mask."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return False
    return not (address.version == 4 and (value.startswith("255.") or value.endswith(".0")))
