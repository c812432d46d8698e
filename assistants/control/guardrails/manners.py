"""Insults, threats and hate; and the words that the house does not use."""

# ruff: noqa: E501 (a form is read in one line)

from __future__ import annotations

import re

from assistants.control.guardrails.checked import Kind
from assistants.control.guardrails.patterns import Form, make_guardrail
from assistants.types import Stage

TOXICITY, BRAND, VERSION = "toxicity", "house style", "1"
_OUTPUT = frozenset({Stage.BLOCK, Stage.ANSWER})

_THEM = r"(?:you|him|her|them|your\s\w+|those\s\w+|these\s\w+|all\s\w+)"
_BAD = (
    r"(?:idiots?|morons?|imbeciles?|stupid|worthless|pathetic|scum|trash|garbage|vermin|subhumans?"
    r"|losers?|bastards?|assholes?|bitch(?:es)?|sluts?|whores?|retard(?:s|ed)?|cockroaches|parasites"
    r"|animals|disgusting|inferior|braindead|fools?|dumb|pigs|filth)"
)
_PEOPLE = (
    r"(?:women|men|girls|jews|muslims|christians|hindus|immigrants|foreigners|refugees|blacks|whites"
    r"|asians|africans|mexicans|arabs|gays|lesbians|trans\s?people|disabled\speople|the\spoor|old\speople)"
)

# What each form holds one of, in small letters; see `Form.needs`.
_VIOLENT = (
    "kill",
    "murder",
    "hurt",
    "beat",
    "shoot",
    "stab",
    "rape",
    "burn",
    "destroy",
    "strangle",
    "find and",
    "die",
    "shot",
    "hanged",
)
_ROOTS = (
    *(
        "idiot",
        "moron",
        "imbecile",
        "stupid",
        "worthless",
        "pathetic",
        "scum",
        "trash",
        "garbage",
        "vermin",
        "subhuman",
    ),
    *(
        "loser",
        "bastard",
        "asshole",
        "bitch",
        "slut",
        "whore",
        "retard",
        "cockroach",
        "parasite",
        "animal",
    ),
    *("disgusting", "inferior", "braindead", "fool", "dumb", "pigs", "filth"),
)
_ROUGH = (*_ROOTS, "shut ", "fuck", "f*ck", "of sh", "to hell")
_WORSE = (
    *_ROOTS, *("kill", "deported", "banned", "exterminate", "enslaved", "lazy", "criminals", "thieves", "liars"),
    *("terrorists", "less intelligent", "hate", "get rid of"),
)  # fmt: skip


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ", r"\s"), re.IGNORECASE)


_TOXIC = (
    Form(
        Kind.TOXICITY, 0.9, "threatens somebody",
        _re(rf"\b(?:I|we)(?:'ll| will| am going to|'m going to| shall)(?: \w+)?? (?:kill|murder|hurt|beat|shoot|stab|rape|burn|destroy|strangle|find and) {_THEM}\b"
            r"|\b(?:you|they) (?:will|shall|should|deserve to) (?:die|be killed|be shot|be hanged|burn in hell)\b|\bkill yourself\b|\bgo die\b"),
        _VIOLENT,
    ),
    Form(
        Kind.TOXICITY, 0.8, "insults somebody",
        _re(rf"\b(?:you|they|he|she|we)(?:'re|'s| are| is)(?: all| just| really| nothing but| such| so)?(?: a| an)? (?:\w+ )?{_BAD}\b(?! (?:enough|to think|if))"
            rf"|\byou (?:\w+ )?{_BAD}\b(?=[.!,]|$)|\bshut (?:the fuck )?up\b|\bf[u*]ck (?:you|off)\b|\bpiece of sh[i*]t\b|\bgo to hell\b"),
        _ROUGH,
    ),
    Form(
        Kind.TOXICITY, 0.95, "disparages a group of people",
        _re(rf"\b(?:all |those |these |most )?{_PEOPLE} (?:are|should be|must be|deserve to be)(?: all| just| nothing but)? (?:\w+ )?(?:{_BAD}|killed|deported|banned|exterminated|enslaved|lazy|criminals|thieves|liars|terrorists|less intelligent)\b"
            rf"|\b(?:kill|hate|exterminate|get rid of) (?:all )?(?:the )?{_PEOPLE}\b"),
        _WORSE,
        quoted=0.6,
    ),
)  # fmt: skip

_STYLE = (
    Form(
        Kind.BRAND, 0.9, "promises a return or the absence of risk",
        _re(r"\bguarantee[sd]? (?:you )?(?:a )?(?:returns?|profits?|gains?|income|approval|\d+ ?%)|\bguaranteed (?:returns?|profits?|income|yield|approval|cure)\b|\brisk[- ]free (?:investment|returns?|profit)|\b(?:no|without any|zero) risk\b(?=.{0,60}\b(?:invest|return|profit|money))|\bcan(?:no|')t lose (?:money)?"),
        ("guarant", "risk", "lose"), _OUTPUT,
    ),
    Form(
        Kind.BRAND, 0.85, "promises a cure or perfect security",
        _re(r"\b(?:100|hundred) ?(?:%|per ?cent) (?:safe|secure|effective|accurate|guaranteed)\b|\b(?:miracle|guaranteed) (?:cure|treatment)\b|\bcures? (?:all|every|any) \w+|\bunhackable\b|\bcompletely (?:bug-free|unbreakable)\b"),
        ("100", "hundred", "cure", "treatment", "unhackable", "completely"), _OUTPUT,
    ),
    Form(
        Kind.BRAND, 0.55, "praises without a ground",
        _re(r"\b(?:the|our) (?:best|number one|no\. ?1|leading|greatest|cheapest) (?:bank|hospital|clinic|company|software|product|service)s? (?:in|on|of|ever)\b|\bworld[- ]class\b|\bunbeatable\b|\bonce[- ]in[- ]a[- ]lifetime\b|!{3,}"),
        ("best", "number one", "no. 1", "no.1", "no 1", "no1", "leading", "greatest", "cheapest", "world", "unbeatable", "once", "!!!"), _OUTPUT,
    ),
)  # fmt: skip

toxicity = make_guardrail(TOXICITY, VERSION, _TOXIC, frozenset({Stage.INPUT}) | _OUTPUT)
house_style = make_guardrail(BRAND, VERSION, _STYLE, _OUTPUT)
