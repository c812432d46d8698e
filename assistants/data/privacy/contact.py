"""How somebody is reached: mail, telephone, pages, machines."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import ipaddress
import re

from assistants.data.privacy.rules import Rule, form, words

_PHONE_WORDS = words(
    "phones?", "tel", "telephone", "telefon", "mobile", "cell(?:phone|ular)?", "call(?:ed|ing|s)?", "dial",
    "reach(?:ed)?", "contact", "ring", "sms", "text(?:ed)?", "whatsapp", "number", "no", "office", "direct",
    "extension", "ext", "pager", "beeper", "landline", "hotline", "answer(?:ing|s|ed)?", "messages?", "handy",
    "téléphone", "teléfono", "numéro", "home", "work", "registered",
)  # fmt: skip
_FAX_WORDS = words("fax", "facsimile", "telefax")

# A number followed or preceded by one of these counts or measures something.
_MEASURED = re.compile(
    r"(?i)(?:[€$£¥%]|\b(?:eur|usd|gbp|chf|version|v|rfc|iso|isbn|issn|pmid|doi|sha|rev|section|"
    r"page|pp|vol|mm|cm|km|kg|mg|mcg|g|ml|dl|l|units?|iu|bpm|mmhg|ms|sec|kb|mb|gb|tokens|rows|items|"
    r"bytes|cells|steps|people|years|days|hours|minutes|seconds))\b"
)
_TLDS = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|co|me|eu|uk|us|ca|au|nz|ie|de|at|ch|fr|be|nl|"
    "lu|es|pt|it|dk|se|no|fi|is|pl|cz|sk|hu|ro|bg|gr|hr|si|rs|ua|ru|tr|il|in|cn|jp|kr|sg|hk|tw|za|br|"
    "ar|mx|cl|health|care|clinic|bank|law|online|site|cloud|tech|xyz|shop|store|agency|email"
)


def _phone(bare: str) -> bool:
    digits = re.sub(r"(?i)(?:x|ext).*", "", bare).lstrip("+")
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return text != "::1" and any(map(str.isdigit, text))


_EXTENSION = r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?"
_START = r"(?<![\w.,:/+#$€£-])(?<!\d )"
_END = r"(?![\w]|[.,:/-]\d|%)"

RULES = (
    Rule(
        "EMAIL_ADDRESS",
        re.compile(
            r"(?<![\w.+%-])[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])",
        ),
        alone=0.97,
        needs=("@",),
        reach=300,
    ),
    Rule(
        "EMAIL_ADDRESS",
        re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@\[?(?:\d{1,3}\.){3}\d{1,3}\]?"),
        0.9,
        needs=("@",),
    ),
    Rule(
        "EMAIL_ADDRESS",  # cut off behind the sign, as when it is sent in two messages
        re.compile(r"(?i)(?<![\w.+%@/-])[a-z][\w.+%'-]{3,63}@(?![\w.\[{(<-])"),
        alone=0.7,
        needs=("@",),
    ),
    Rule(
        "EMAIL_ADDRESS",  # written out: john [at] example dot com
        re.compile(
            r"(?i)(?<![\w.])[\w+-]{1,40}(?:(?:\.| ?[\[(]?dot[\])]? ?| ?underscore ?)[\w+-]{1,40}){0,3}"
            r"(?: ?[\[({<]at[\])}>] ?| at )[\w-]{1,40}(?:(?:\.| ?[\[({<]?(?:dot|punkt|point)[\])}>]? ?)[\w-]{1,30}){0,2}"
            rf"(?:\.| ?[\[({{<](?:dot|punkt|point)[\])}}>] ?| dot )(?:{_TLDS})\b"
        ),
        alone=0.8,
        needs=(" dot ", "dot]", "dot)", "[at]", "(at)", "{at}", "<at>", " punkt ", " point "),
    ),
    Rule(
        "URL",
        re.compile(
            r"(?i)\b(?:https?|ftps?|sftp|ssh|wss?)://[^\s<>\"'`|\\^{}]{2,2000}(?<![.,;:!?)\]])"
        ),
        0.95,
        needs=("://",),
        reach=2_100,
    ),
    Rule(
        "URL",
        re.compile(
            r"(?i)(?<![\w@.])www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?:[/?#][^\s<>\"']{0,500}(?<![.,;:!?)\]]))?"
        ),
        0.93,
        needs=("www.",),
        reach=1_000,
    ),
    Rule(
        "URL",
        re.compile(
            r"(?i)(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|edu|gov|info|biz|co\.uk|de|fr|eu)(?:/[^\s<>\"']{0,500}(?<![.,;:!?)\]]))?(?![\w@-]|\.\w)"
        ),
        0.7,
        needs=(
            ".com",
            ".org",
            ".net",
            ".edu",
            ".gov",
            ".info",
            ".biz",
            ".co.uk",
            ".de",
            ".fr",
            ".eu",
        ),
        reach=520,
    ),
    Rule(
        "SOCIAL_HANDLE",
        re.compile(r"(?<![\w@./])@[A-Za-z_][A-Za-z0-9_.]{2,29}\b(?![@(])"),
        0.0,
        0.7,
        words(
            "twitter",
            "x",
            "instagram",
            "telegram",
            "github",
            "handle",
            "follow",
            "dm",
            "tiktok",
            "linkedin",
            "signal",
        ),
        needs=("@",),
    ),
    Rule(
        "IP_ADDRESS",
        re.compile(
            r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:/\d{1,2})?(?![\w]|\.\d)"
        ),
        alone=0.9,
        check=lambda bare: bare not in ("127001", "0000", "255255255255", "255255255"),
        refuse=re.compile(r"(?i)\b(?:v|version|release)\s?\d"),
        digits=4,
    ),
    Rule(
        "PHONE_NUMBER",  # international
        re.compile(
            rf"(?<![\w.])(?:\+|00)[1-9]\d{{0,3}}(?:[ .\-/]?\(?\d{{1,5}}\)?){{1,6}}{_EXTENSION}{_END}"
        ),
        alone=0.9,
        check=_phone,
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",  # (020) 7946 0018, 001-748-088-2851x818
        re.compile(
            rf"(?<![\w.])(?:\+?\d{{1,3}}[ .\-]?)?\(\d{{1,5}}\) ?\d{{2,5}}(?:[ .\-]?\d{{2,5}}){{0,3}}{_EXTENSION}{_END}"
        ),
        alone=0.85,
        check=_phone,
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",  # 555-010-4477 and with an extension
        re.compile(
            rf"(?<![\w.,$€£])(?:(?:\+?\d{{1,3}}|001)[ .\-])?\d{{3}}([ .\-])\d{{3}}\1\d{{4}}{_EXTENSION}{_END}"
        ),
        alone=0.88,
        check=_phone,
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",  # national ways of grouping: 0688 872 49 99, 71-33-52-22
        re.compile(rf"{_START}0\d{{1,4}}(?:[ .\-/]\d{{2,8}}){{1,5}}{_EXTENSION}{_END}"),
        alone=0.8,
        check=_phone,
        refuse=re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d\b"),
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",
        re.compile(rf"{_START}\d{{2,4}}([ \-])\d{{2,4}}(?:\1\d{{2,4}}){{1,4}}{_EXTENSION}{_END}"),
        alone=0.6,
        near=0.8,
        context=_PHONE_WORDS,
        check=_phone,
        refuse=_MEASURED,
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",
        re.compile(
            rf"{_START}(?:\d{{3}}[ -]\d{{4}}|\d{{4}} \d{{4}}|\d{{2,3}} \d{{5,6}}|\d{{4}}-\d{{7}}|\d{{2}}-\d{{8}}){_EXTENSION}{_END}"
        ),
        alone=0.5,
        near=0.8,
        context=_PHONE_WORDS,
        check=lambda bare: _phone(bare) and not re.fullmatch(r"(?:19|20)\d\d(?:19|20)\d\d", bare),
        refuse=_MEASURED,
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",
        form(r"\+?\d{7,15}"),
        alone=0.0,
        near=0.7,
        context=re.compile(
            r"(?i)\b(?:phone|tel|telephone|mobile|cell|call|called|reach|dial|sms|text|whatsapp|pager|fax)\b"
            r"[^\d]{0,24}\x00"
        ),
        check=_phone,
        digits=7,
    ),
    Rule(
        "PHONE_NUMBER",  # six digits, where a word tells
        re.compile(rf"{_START}\d\d([ .\-])\d\d\1\d\d{_END}"),
        alone=0.0,
        near=0.6,
        context=words(
            *("phone", "tel", "telephone", "mobile", "call", "dial", "reach", "ring"),
            *("office", "fax", "landline", "hotline", "extension"),
        ),
        digits=6,
    ),
    Rule(
        "FAX_NUMBER",
        re.compile(
            rf"(?<![\w.])\+?\(?\d{{1,5}}\)?(?:[ .\-/]?\(?\d{{2,5}}\)?){{1,5}}{_EXTENSION}(?!\w)"
        ),
        0.0,
        0.92,
        _FAX_WORDS,
        _phone,
        needs=("fax", "facsimile"),
        digits=7,
    ),
    Rule(
        "IP_ADDRESS",
        re.compile(r"(?<![\w:.])(?=[\w:.]{0,4}:)[0-9A-Fa-f:]{4,39}(?:\.\d{1,3}){0,3}(?![\w:])"),
        alone=0.9,
        check=_is_ipv6,
        needs=(":",),
        digits=1,
    ),
)
