"""Keys, tokens and passwords."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import math
import re
from collections import Counter

from assistants.data.privacy.rules import Rule, form

_ENTROPY = 3.0  # bits a character: words and constants have less


def _is_random(value: str) -> bool:
    if re.fullmatch(
        r"(?i)[\W_]*(?:x+|\*+|\.+|none|null|true|false|example|changeme|redacted)[\W_]*", value
    ):
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    kinds = sum(
        any(test(c) for c in value)
        for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )
    return entropy >= _ENTROPY and kinds >= 2


def _is_no_example(value: str) -> bool:
    return "EXAMPLE" not in value.upper() and len(set(value)) > 5


def _is_no_name(value: str) -> bool:
    """A word, or the name of a variable, is no password."""
    return not value.rstrip(".!?").replace("_", "").isalpha()


_IN_CODE = re.compile(
    r"(?:\bos\.|environ|getenv|process\.env|config\.|settings\.|self\.|\$\{|\{\{|\w\(|\w\[)"
)
_TOKEN_STARTS = (
    "akia", "asia", "agpa", "aida", "aroa", "anpa", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "xox", "xapp-", "aiza", "ya29.", "gocspx-", "k_live_", "k_test_", "whsec_",
    "sk-", "hf_", "npm_", "pypi-", "sg.", "dop_v1_", "shp", "sq0", "key-", ":aa", "hvs.", "hvb.",
    "age-secret-key-",
)  # fmt: skip
_TOKENS = (
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Za-z0-9]{16,64}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,64}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"xapp-\d-[A-Za-z0-9-]{20,250}",
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,400}",
    r"GOCSPX-[A-Za-z0-9_-]{28}",
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,255}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,128}",
    r"sk-ant-[A-Za-z0-9_-]{20,255}",  # Anthropic
    r"sk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,255}",  # OpenAI
    r"hf_[A-Za-z0-9]{30,64}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,255}",
    r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",  # SendGrid
    r"dop_v1_[a-f0-9]{64}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",  # Shopify
    r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}",  # Square
    r"key-[0-9a-f]{32}",  # Mailgun
    r"\d{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"(?:hvs|hvb)\.[A-Za-z0-9_-]{24,255}",  # Vault
    r"age-secret-key-1[a-z0-9]{58}",
)

_PASSWORDS = ("pass", "pwd", "kennwort")
_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|auth[_-]?key|"
    r"client[_-]?secret|private[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?|"
    r"account[_-]?key|shared[_-]?access[_-]?key|session[_-]?id|cookie|secret[_-]?access[_-]?key"
)

RULES = (
    # The block may be cut off: then everything that looks like its lines belongs to it.
    Rule(
        "PRIVATE_KEY",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]{0,20000}-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s:,\\-]{0,20000})"
        ),
        alone=0.99,
        needs=("private key",),
        reach=21_000,
    ),
    Rule(
        "API_KEY",
        form(rf"(?:{'|'.join(_TOKENS)})"),
        0.96,
        check=_is_no_example,
        needs=_TOKEN_STARTS,
        reach=420,
    ),
    # Twilio's begin as many words do.
    Rule(
        "API_KEY",
        form(r"(?:AC|SK)[0-9a-f]{32}"),
        0.96,
        check=_is_no_example,
        digits=1,
        needs=("ac", "sk"),
    ),
    Rule(
        "JWT",
        form(r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{0,2000}"),
        alone=0.97,
        needs=("eyj",),
        reach=15_000,
    ),
    Rule(
        "SECRET",
        re.compile(
            r"(?i)\bauthorization\s?[:=]\s?[\"']?(?:bearer|basic|token)\s(?P<value>[\w.~+/=-]{8,2000})"
        ),
        alone=0.93,
        needs=("authorization",),
        reach=2_100,
    ),
    Rule(
        "PASSWORD",
        re.compile(
            r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<value>[^\s/@\"'<>{}$]{3,128})@[\w.-]"
        ),
        alone=0.92,
        needs=("://",),
        reach=300,
        check=lambda value: value.lower() not in ("password", "pass", "secret", "xxx", "pwd"),
    ),
    Rule(
        "SECRET",
        re.compile(
            rf"(?i)(?:{_NAMES})[\w]{{0,12}}[\"']?\s{{0,3}}(?:[:=]|=>|:=)\s{{0,3}}[\"']?"
            r"(?P<value>[A-Za-z0-9+/=_~!@#$%^&*.\-]{8,512})"
        ),
        alone=0.85,
        needs=("pass", "pwd", "secret", "token", "key", "credential", "cookie", "session"),
        reach=600,
        check=_is_random,
        refuse=_IN_CODE,
    ),
    Rule(
        "PASSWORD",
        re.compile(
            r"(?i)\b(?:password|passwd|pwd|passphrase|passcode|kennwort|passwort)"
            r"(?:\s(?:is|was|ist|now)){1,2}:?\s[\"'“`]?(?P<value>[^\s\"'”`,;]{4,64})"
        ),
        alone=0.7,
        needs=_PASSWORDS,
        reach=100,
        check=_is_no_name,
    ),
    Rule(
        "PASSWORD",
        re.compile(
            r"(?i)\b(?:password|passwd|pwd|passphrase|kennwort|passwort)\s?[:=]\s?[\"']?(?P<value>[^\s\"',;(){}]{4,64})"
        ),
        alone=0.75,
        needs=_PASSWORDS,
        reach=100,
        check=_is_no_name,
        refuse=_IN_CODE,
    ),
    Rule(
        "SECRET",
        re.compile(
            r"(?i)\b(?:one[- ]time (?:code|password)|otp|verification code|2fa code|passcode)\W{0,3}(?:is\W{1,2})?(?P<value>\d{4,8})\b"
        ),
        alone=0.8,
        digits=4,
        needs=("time code", "time password", "otp", "verification code", "2fa code", "passcode"),
    ),
)
