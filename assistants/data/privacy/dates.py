"""Dates of any precision but a lone duration, and ages."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re

from assistants.data.privacy.rules import Rule, words

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_FULL_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan\.?|feb\.?|apr\.?|aug\.?|sept?\.?|oct\.?|nov\.?|dec\.?)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_TIME = r"(?:[T, ]{1,2}(?:at )?\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?[ap]\.?m\.?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|"
    r"fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|"
    r"(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))"
)
_UNIT = r"(?:one|two|three|four|five|six|seven|eight|nine)"
_TEEN = (
    r"(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|"
    rf"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -]{_UNIT})?|(?:o|oh) {_UNIT})"
)
_SPOKEN_YEAR = rf"(?:(?:nineteen|twenty) {_TEEN}|two thousand(?: and)?(?: (?:{_TEEN}|{_UNIT}))?|nineteen hundred)"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "teenth", "tieth"),
)
_SPOKEN_YEARS = ("nineteen ", "twenty ", "two thousand")
_SHORT_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HUNDRED = rf"(?:{_TEEN}|{_UNIT})"

RULES = (
    Rule(
        "DATE",
        re.compile(
            rf"(?<![\w.])(?:1[89]|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d|[.-]\d){_TIME}"
        ),
        0.9,
        digits=6,
    ),
    Rule(
        "DATE",
        re.compile(
            rf"(?<![\w./-])(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\1(?:1[89]\d\d|20\d\d|\d\d)(?![\w/-]|\.\d){_TIME}"
        ),
        0.8,
        digits=4,
    ),
    Rule(
        "DATE",
        re.compile(
            rf"(?i)(?<!\w){_DAY}(?: day)?(?: of)?[ \-]{_MONTH},?(?:[ \-]{_YEAR}|[ \-]['’]?\d\d(?!\d))?(?!\w){_TIME}"
        ),
        0.88,
        digits=1,
        needs=_SHORT_MONTHS,
    ),
    Rule(
        "DATE",
        re.compile(
            rf"(?i)\b(?:the )?{_ORDINAL} (?:day )?of {_FULL_MONTH}(?:,? (?:{_YEAR}|{_SPOKEN_YEAR}))?\b"
        ),
        0.85,
        needs=_ORDINALS,
    ),
    Rule(
        "DATE",
        re.compile(
            rf"(?i)\b{_MONTH} ?(?:the )?{_DAY}(?:,? ?{_YEAR}|, ['’]\d\d)?(?![\w%]|\.\d){_TIME}"
        ),
        0.75,
        needs=_SHORT_MONTHS,
        refuse=re.compile(r"\bmay (?:\d+ )?(?:mg|times)"),
        digits=1,
    ),
    Rule(
        "DATE",
        re.compile(rf"(?i)\b{_FULL_MONTH} (?:the )?{_ORDINAL}(?:,? (?:{_YEAR}|{_SPOKEN_YEAR}))?\b"),
        0.85,
        needs=_ORDINALS,
    ),
    Rule(
        "DATE",
        re.compile(rf"(?i)\b{_FULL_MONTH}(?: of)?,? {_YEAR}\b"),
        0.85,
        needs=_SHORT_MONTHS,
        digits=4,
    ),
    Rule(
        "DATE",
        re.compile(rf"(?i)\b{_FULL_MONTH}(?: of)?,? {_SPOKEN_YEAR}\b"),
        0.85,
        needs=_SPOKEN_YEARS,
    ),
    Rule(
        "DATE", re.compile(r"(?<![\w./-])(?:0?[1-9]|1[0-2])/(?:19|20)\d\d(?![\w/-])"), 0.7, digits=5
    ),
    Rule(
        "DATE",  # day and month alone
        re.compile(r"(?<![\w./-])(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])(?![\w/%-]|\.\d)"),
        alone=0.0,
        near=0.6,
        context=re.compile(
            r"(?i)\b(?:dob|born|birth(?:day)?|date[sd]?|since|until|till|admitted|discharged|seen|visit|due|appointment)\b[^\d]{0,20}\x00"
        ),
        digits=1,
    ),
    Rule(
        "DATE",
        re.compile(
            r"(?i)\b(?:dob|date of birth|born(?: on)?|birth ?date|d\.o\.b\.)\W{0,4}(?:is\W)?(?P<value>\d{6}|\d{8})\b"
        ),
        0.85,
        digits=6,
        needs=("dob", "birth", "born", "d.o.b"),
    ),
    Rule(
        "YEAR",
        re.compile(
            r"(?i)\b(?:in|since|until|till|during|before|after|by|from|of|year|around|circa|late|early|mid|to|and|born|summer|winter|spring|fall|autumn)"
            rf"(?: the (?:year )?)?\s(?P<value>{_YEAR})(?:[-–/](?:\d\d){{1,2}})?(?![\w%]|[.,]\d|-\d)"
        ),
        alone=0.55,
        refuse=re.compile(r"(?i)\d (?:mg|ml|g|units?|steps|calories|people|patients|cells)\b"),
        digits=4,
    ),
    Rule(
        "YEAR",
        re.compile(rf"(?i)\b(?:in|since|until|from|of|year) (?P<value>{_SPOKEN_YEAR})\b"),
        0.5,
        needs=_SPOKEN_YEARS,
    ),
    Rule("YEAR", re.compile(rf"(?<=\()(?P<value>{_YEAR}(?:[-–]{_YEAR})?)(?=\))"), 0.5, digits=4),
    Rule(
        "WEEKDAY",
        re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b"),
        0.5,
        needs=("day",),
    ),
    Rule(
        "WEEKDAY",
        re.compile(
            rf"(?i)\b(?:on|next|last|this|by|until|every|since|from|coming)\s(?P<value>{_WEEKDAY}s?)\b"
        ),
        0.5,
        needs=("day",),
    ),
    Rule(
        "AGE",
        re.compile(
            r"(?i)(?<![\w.,])(?:9\d|1[01]\d)(?:[ -](?:years?|yrs?)(?:[ -]old)?|[ -]?y/?o|(?= ?[MF]\b))(?!\w)"
        ),
        0.85,
        digits=2,
    ),
    Rule(
        "AGE",
        re.compile(
            r"(?i)(?<![\w.,])(?P<value>\d{1,2}) ?-?(?:years?|yrs?|months?|weeks?|days?)[ -]{1,2}olds?\b"
        ),
        0.55,
        digits=1,
        needs=("old",),
    ),
    Rule(
        "AGE",
        re.compile(r"(?i)(?<![\w.,])(?P<value>\d{1,3}) ?-?y/?\.?o\b"),
        0.55,
        digits=1,
        needs=("yo", "y/o", "y.o"),
    ),
    Rule(
        "AGE", re.compile(rf"(?i)\b(?P<value>{_HUNDRED})[ -]years?[ -]old\b"), 0.5, needs=("year",)
    ),
    Rule(
        "AGE",
        re.compile(
            r"(?i)\b(?:aged?|age of|age is|age was|turn(?:s|ed|ing)?|i(?:'|’)?m|i am|(?:he|she|they)(?:'|’)?(?:s|re)?(?: is| are)?(?: now)?|"
            r"(?:when|until|till|since|before|after) (?:he|she|they|i|you|we) (?:was|were|is|are|turn(?:s|ed)?)(?: only| just| about)?|"
            r"birthday|just|only|barely|already|nearly|almost)[:=]?\s(?P<value>1?\d{1,2})"
            r"(?=\s?(?:[.,;!?)]|$|and\b|years?\b|now\b|yet\b|today\b|next\b|this\b|last\b|but\b|or\b|when\b|with\b|male\b|female\b|man\b|woman\b))"
        ),
        alone=0.0,
        near=0.5,
        needs=(
            "turn",
            "age",
            "birthday",
            "'m ",
            "’m ",
            " am ",
            " was ",
            " were ",
            " is ",
            "'s ",
            "'re ",
            "barely",
            "only",
            "just",
            "nearly",
            "almost",
            "already",
        ),
        context=words(
            "aged?",
            "turn(?:s|ed|ing)?",
            "birthday",
            "old",
            "years",
            "born",
            "when",
            "retire[ds]?",
            "young",
            "younger",
            "older",
            "m",
            "am",
            "is",
            "was",
            "were",
            "died",
            "male",
            "female",
            "patient",
        ),
        refuse=re.compile(
            r"(?i)\d\s?(?:mg|mcg|ml|%|/|times|minutes|hours|days|weeks|months|o'?clock)"
        ),
        digits=1,
    ),
    Rule(
        "AGE",
        re.compile(r"(?i)\bage(?:\s(?:is|was|of))?[:= ]{1,3}(?P<value>1?\d{1,2})(?!\w|[.,/-]\d)"),
        0.6,
        digits=1,
        needs=("age",),
    ),
)
