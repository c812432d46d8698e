"""Keys, tokens and passwords."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from assistants.control.inspection.hits import Form, Hit

# What providers begin their keys with, from their documentation.
_PREFIXED = (
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA)[A-Za-z0-9]{16,64}",
    r"gh[pousr]_[A-Za-z0-9]{30,255}",
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_\-]{20,64}",
    r"xox[a-z]-[A-Za-z0-9\-]{10,250}",
    r"xapp-\d-[A-Za-z0-9\-]{20,250}",
    r"AIza[A-Za-z0-9_\-]{35}",
    r"ya29\.[A-Za-z0-9_\-]{20,400}",
    r"GOCSPX-[A-Za-z0-9_\-]{20,40}",
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,255}",
    r"whsec_[A-Za-z0-9+/=]{20,128}",
    r"sk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_\-]{20,255}",
    r"hf_[A-Za-z0-9]{30,64}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_\-]{40,255}",
    r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}",
    r"(?:AC|SK)[0-9a-f]{32}",
    r"do[opr]_v1_[a-f0-9]{64}",
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    r"sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,43}",
    r"key-[0-9a-f]{32}",
    r"\d{8,10}:AA[A-Za-z0-9_\-]{33}",
    r"hv[sbr]\.[A-Za-z0-9_\-]{24,255}",
    r"(?i:age-secret-key-1[a-z0-9]{58})",
    r"dapi[0-9a-f]{32}",
    r"eyJ[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{4,8000}(?:\.[A-Za-z0-9_\-]{0,2000})?",
)
_NAMED = (
    r"pass(?:word|wd|phrase|code)?|pwd|kennwort|passwort|mot de passe|contrase[nñ]a|wachtwoord|secret|token|api[ _\-]?key|apikey|"
    r"access[ _\-]?key|auth[ _\-]?key|client[ _\-]?secret|private[ _\-]?key|encryption[ _\-]?key|signing[ _\-]?key|"
    r"credentials?|account[ _\-]?key|session[ _\-]?(?:id|key)|cookie|connection[ _\-]?string|pin"
)
_KEY_BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d"
)
# What is assigned is found first, and then the name before it.
_ASSIGNED = re.compile(
    r"(?i)(?::=|=>|[:=]|(?<![^\W_])(?:is|was|lautet)(?![^\W_]):?)[ \t]{0,3}(?P<quote>[\"'`]?)"
    r"(?=(?P<value>[^\s\"'`,;(){}\[\]<>:=]{4}[^\s\"'`,;(){}\[\]<>]{0,508})(?P<after>.?))"
)
_NAME = re.compile(rf"(?i)(?P<name>{_NAMED})(?P<rest>\w{{0,16}})[*\"'`]{{0,3}}[ \t]{{0,3}}$")
_NAME_SIZE = 48
_AUTHORIZATION = re.compile(
    r"(?i)(?<!\w)(?:authorization\s?[:=]\s?[\"']?)?(?:bearer|basic)[ ](?P<value>[\w.~+/=\-]{16,2000})"
)
_EVIDENT = re.compile(
    r"(?i)[\W_]*(?:x+|\*+|\.+|none|null|nil|true|false|str|string|bytes|int|example|changeme|change-me|redacted|required|optional|secret|password|token|your\w*|my\w*|the|a|an)[\W_]*"
)
_CODE = re.compile(
    r"(?i)\bos\.|environ|getenv|process\.env|config|settings|self\.|\$|%s|request|argv|^\w+\.\w+"
)
_WORDS = (
    "pass",
    "password",
    "passwd",
    "passwort",
    "kennwort",
    "pwd",
    "passphrase",
    "passcode",
    "pin",
)
_SENTENCE_END = ".!?"

_LONG = re.compile(r"(?<![A-Za-z0-9+/_\-=.])[A-Za-z0-9+/_\-]{24,}+={0,2}")
_DIGEST = re.compile(r"(?i)sha(?:256|384|512)[-/][A-Za-z0-9+/]{43,86}={0,2}$")
_SMALL_LETTERS = re.compile(r"[a-z]{3,}")
_VARIABLE = re.compile(r"(?i)[a-z]+\d?(?:_[a-z]+\d?|_\d)+")
_RANDOM = 3.9  # bits a character, of a long run that is no name
_RANDOM_SHORT = 2.8  # of a value that is named a secret

FORMS = (
    Form("API_KEY", re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_PREFIXED)})(?![A-Za-z0-9])")),
    Form("PRIVATE_KEY", _KEY_BLOCK, needs=("private key", "putty")),
    Form(
        "AUTHORIZATION",
        _AUTHORIZATION,
        lambda value: any(map(str.isdigit, value)),
        needs=("bearer", "basic"),
    ),
)


def find_secrets(text: str) -> Iterator[Hit]:
    """By their form, by their name, and by looking as if somebody had rolled dice for them."""
    lower = text.lower()
    for each in FORMS:
        yield from each.find(text, lower)
    yield from _assigned(text)
    for match in _LONG.finditer(text):
        if not _DIGEST.match(match[0]) and is_random(match[0]):
            yield Hit("RANDOM_TOKEN", match[0])


def is_random(run: str) -> bool:
    """Mixes capitals, small letters and digits as no name, path or digest does."""
    run = run.rstrip("=")
    if not (
        any(map(str.isdigit, run)) and any(map(str.isupper, run)) and any(map(str.islower, run))
    ):
        return False
    if re.fullmatch(r"(?i)[0-9a-f]+", run):
        return False
    kinds = "".join("A" if c.isupper() else "a" if c.islower() else "0" for c in run if c.isalnum())
    changes = sum(one != other for one, other in pairwise(kinds))
    if sum(map(len, _SMALL_LETTERS.findall(run))) >= 0.4 * len(run):
        return False  # made of words
    return changes >= 0.42 * len(kinds) and entropy(run) >= _RANDOM


def entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values())


def _assigned(text: str) -> Iterator[Hit]:
    for match in _ASSIGNED.finditer(text):
        named = _NAME.search(text[max(0, match.start() - _NAME_SIZE) : match.start()])
        if not named:
            continue
        value, name, rest = match["value"], named["name"].lower(), named["rest"]
        bare = value.rstrip(_SENTENCE_END + "*|")
        if len(bare) < 4 or match["after"] == "(" or _EVIDENT.fullmatch(bare) or _CODE.search(bare):
            continue
        if name == "pin":
            if bare.isdigit() and not rest:
                yield Hit("PIN", value)
        elif any(map(str.isdigit, bare)) or not bare.isalnum():
            mixed = any(map(str.isdigit, bare)) and any(map(str.isalpha, bare))
            password = name in _WORDS and not rest and mixed
            made_up = mixed and not _VARIABLE.fullmatch(bare)
            if password or (len(bare) >= 8 and made_up and entropy(bare) >= _RANDOM_SHORT):
                yield Hit("PASSWORD" if name in _WORDS else "SECRET", value)
        elif name in _WORDS and match["quote"] and not rest:
            yield Hit("PASSWORD", value)
