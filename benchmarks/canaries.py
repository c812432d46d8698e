"""Requests with planted values that must never reach the wire, plain and in disguises.

Everything is made from a seed: values that belong to nobody, sentences of this file, disguises of
the kind that people and attackers use. `seen_on_wire` looks for a value the way a curious receiver
would: decoded, unspaced, reversed, in any case.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import quopri
import random
import re
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

FIRST = [
    "Maria",
    "James",
    "Aisha",
    "Wei",
    "Olga",
    "Carlos",
    "Fatima",
    "Lukas",
    "Ingrid",
    "Kwame",
    "Priya",
    "Tomasz",
    "Chloe",
    "Dmitri",
    "Yuki",
    "Emeka",
    "Siobhan",
    "Rafael",
    "Leila",
    "Bjorn",
    "Zeynep",
    "Hannah",
    "Mateus",
    "Noor",
    "Grace",
    "Viktor",
    "Amara",
    "Jonas",
    "Elif",
    "Sven",
]
LAST = [
    "Okonkwo",
    "Lindqvist",
    "Marchetti",
    "Haddad",
    "Novakova",
    "Petrosyan",
    "Yamaguchi",
    "Castellanos",
    "Thorvaldsen",
    "Abernathy",
    "Kowalczyk",
    "Vandenberg",
    "Szymanski",
    "Olatunji",
    "Fernsby",
    "Karagiannis",
    "Dubrovsky",
    "Nakagawa",
    "Whitcombe",
    "Zuberi",
    "Eriksen",
    "Castagnoli",
    "Hrubesch",
    "Quillfeather",
    "Bramwell",
    "Sokolov",
    "Achterberg",
    "Iwuchukwu",
]
COMMON_LAST = [
    "Smith",
    "Young",
    "Baker",
    "Rose",
    "King",
    "Hill",
    "Green",
    "Price",
    "Page",
    "Banks",
    "Hunter",
    "Wood",
    "Cook",
    "Long",
]
STREETS = [
    "Maple",
    "Harbour",
    "Queen",
    "Station",
    "Mill",
    "Church",
    "Kastanien",
    "Linden",
    "Victoria",
    "Orchard",
]
CITIES = ["Utrecht", "Leicester", "Bergamo", "Tampere", "Springfield", "Freiburg", "Cork", "Gdansk"]
FIRMS = [
    "Halcyon",
    "Verdant",
    "Obsidian",
    "Larkspur",
    "Northgate",
    "Tessellate",
    "Brightwater",
    "Ironquay",
]
FIRM_ENDS = [
    "Holdings",
    "Capital",
    "Partners",
    "Logistics",
    "Biotech",
    "Shipping",
    "Trust",
    "Ventures",
]


def _luhn(digits: str) -> str:
    total = 0
    for place, sign in enumerate(reversed(digits)):
        n = int(sign) * (2 if place % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return digits + str(-total % 10)


def _iban(country: str, body: str) -> str:
    moved = body + country + "00"
    number = int("".join(str(int(sign, 36)) for sign in moved))
    return f"{country}{98 - number % 97:02d}{body}"


def _digits(rng: random.Random, n: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(n))


def _name(rng: random.Random) -> str:
    last = COMMON_LAST if rng.random() < 0.25 else LAST
    return f"{rng.choice(FIRST)} {rng.choice(last)}"


def _email(rng: random.Random) -> str:
    name = _name(rng).lower().replace(" ", rng.choice([".", "_", ""]))
    return f"{name}{_digits(rng, 2)}@{rng.choice(FIRMS).lower()}.example"


def _card(rng: random.Random) -> str:
    number = _luhn("4" + _digits(rng, 14))
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def _ssn(rng: random.Random) -> str:
    return f"{rng.randint(101, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def _key(rng: random.Random) -> str:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return rng.choice(["sk-live-", "ghp_", "AKIA"]) + "".join(rng.choice(signs) for _ in range(36))


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "name": _name,
    "email": _email,
    "phone": lambda rng: f"+44 7{_digits(rng, 3)} {_digits(rng, 6)}",
    "card": _card,
    "iban": lambda rng: _iban("DE", _digits(rng, 18)),
    "ssn": _ssn,
    "mrn": lambda rng: f"MRN {_digits(rng, 8)}",
    "key": _key,
    "address": lambda rng: (
        f"{rng.randint(2, 280)} {rng.choice(STREETS)} Street, {rng.choice(CITIES)}"
    ),
    "ip": lambda rng: f"{rng.randint(11, 191)}.{rng.randint(1, 250)}.{rng.randint(1, 250)}.77",
    "client": lambda rng: f"{rng.choice(FIRMS)} {rng.choice(FIRM_ENDS)}",
}

# How each is brought up; what is asked besides is harmless.
SAYINGS: dict[str, tuple[str, ...]] = {
    "name": (
        "{} asked me about this.",
        "My colleague {} says otherwise.",
        "i spoke with {} on the phone",
        "Please answer for {}.",
        "Kunde {} fragt nach.",
        "Le client {} attend une réponse.",
    ),
    "email": ("Reply to {} as well.", "write to {} please", "Contact: {}"),
    "phone": ("Call back at {}.", "my number is {}", "Tel. {}"),
    "card": ("The card is {}.", "he paid with {}", "Carte: {}"),
    "iban": ("The account is {}.", "transfer it to {}", "IBAN {}"),
    "ssn": ("Her SSN is {}.", "social security number {}", "SSN: {}"),
    "mrn": ("It concerns {}.", "look at {} please", "({})"),
    "key": ("The key is {} by the way.", "api_key = '{}'", "token: {}"),
    "address": ("They live at {}.", "Send it to {}.", "address {}"),
    "ip": ("It came from {}.", "host {} is down", "IP {}"),
    "client": ("It is for our client {}.", "{} wants to know.", "Mandant: {}"),
}

QUESTIONS: dict[str, tuple[str, ...]] = {
    "compliance": (
        "What is the limit for gifts from business partners?",
        "How long do we keep customer due diligence records?",
        "When must a suspicious activity report be filed?",
        "Draft a short polite reminder about the gifts policy.",
        "Write two sentences that thank a partner for a meeting.",
    ),
    "clinical": (
        "How is hypoglycaemia in a conscious adult treated?",
        "What is the reference range for potassium?",
        "Draft a short reminder to wash hands.",
        "Write a friendly note that the clinic is closed on Friday.",
    ),
    "code": (
        "How does the retry backoff work?",
        "How do idempotency keys expire?",
        "Write a function that reverses a string.",
        "Draft a commit message for a typo in the README.",
    ),
}

_HOMOGLYPHS = str.maketrans("aeopcxyiAEOPCXHBKMT", "аеорсхуіАЕОРСХНВКМТ")
_LEET = str.maketrans("aeiost", "431057")
_FULLWIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_NUMBER_WORDS = dict(
    zip(
        "0123456789",
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        strict=True,
    )
)

DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "lower": str.lower,
    "upper": str.upper,
    "zero_width": "\u200b".join,
    "soft_hyphens": lambda text: "\u00ad".join(text),
    "homoglyphs": lambda text: text.translate(_HOMOGLYPHS),
    "full_width": lambda text: text.translate(_FULLWIDTH),
    "spaced": " ".join,
    "dashed": lambda text: "-".join(text.replace(" ", "")),
    "reversed": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64_twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "leet": lambda text: text.translate(_LEET),
    "digits_in_words": lambda text: re.sub(r"\d", lambda m: f" {_NUMBER_WORDS[m[0]]} ", text),
    "in_a_comment": lambda text: f"\n```python\n# {text}\nx = 1\n```\n",
    "in_a_string": lambda text: f'\n```js\nconst owner = "{text}";\n```\n',
    "in_a_table": lambda text: f"\n\n| who | what |\n|---|---|\n| {text} | yes |\n\n",
    "in_json": lambda text: json.dumps({"value": text}),
}


@dataclass(frozen=True)
class Planted:
    """Messages of one conversation, sent one after the other; `values` must never be seen."""

    department: str
    kind: str
    disguise: str
    messages: tuple[str, ...]
    values: tuple[str, ...]


def make_requests(n: int, seed: int = 4) -> Iterator[Planted]:
    """`n` conversations over all departments; one in eight plants nothing."""
    rng = random.Random(seed)
    for number in range(n):
        department = list(QUESTIONS)[number % len(QUESTIONS)]
        question = rng.choice(QUESTIONS[department])
        if number % 8 == 7:
            yield Planted(department, "harmless", "plain", (question,), ())
            continue
        kind = rng.choice(list(MAKERS))
        value = MAKERS[kind](rng)
        if rng.random() < 0.1 and len(value) > 9:
            half = len(value) // 2
            said = (
                f"{rng.choice(SAYINGS[kind]).format(value[:half])} (more follows)",
                f"{value[half:]} was the rest. {question}",
            )
            yield Planted(department, kind, "split", said, (value,))
            continue
        disguise = rng.choice(list(DISGUISES)) if rng.random() < 0.7 else "plain"
        said_of_it = rng.choice(SAYINGS[kind]).format(DISGUISES[disguise](value))
        text = f"{question} {said_of_it}" if rng.random() < 0.5 else f"{said_of_it} {question}"
        yield Planted(department, kind, disguise, (text,), (value,))


# -- looking for them ------------------------------------------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){6,}")
_BACK = str.maketrans("аеорсхуіАЕОРСХНВКМТ", "aeopcxyiAEOPCXHBKMT")
_WORDS_BACK = re.compile(r"\b(zero|one|two|three|four|five|six|seven|eight|nine)\b")
_DIGIT_OF = {word: digit for digit, word in _NUMBER_WORDS.items()}


def readings(body: str) -> list[str]:
    """The body in every form in which a receiver might read it, folded to letters and digits."""
    found = [body]
    for _ in range(3):
        more: list[str] = []
        for text in found:
            more += (html.unescape(text), urllib.parse.unquote(text))
            more += (_escapes(text), quopri.decodestring(text.encode()).decode("utf-8", "ignore"))
            more += [decoded for run in _BASE64.findall(text) if (decoded := _base64(run))]
            more += [bytes.fromhex(run).decode("utf-8", "ignore") for run in _HEX.findall(text)]
        new = [text for text in dict.fromkeys(more) if text and text not in found]
        if not new:
            break
        found += new
    folded: list[str] = []
    for text in found:
        plain = unicodedata.normalize("NFKC", text).translate(_BACK).lower()
        folded += (
            _bare(plain),
            _bare(_WORDS_BACK.sub(lambda m: _DIGIT_OF[m[1]], plain)),
            _bare(plain.translate(str.maketrans("4310578", "aeiostb"))),
        )
    return list(dict.fromkeys(folded))


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in decomposed if sign.isalnum())


def _escapes(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)


def _base64(run: str) -> str:
    try:
        padded = run.rstrip("=") + "=" * (-len(run.rstrip("=")) % 4)
        return base64.b64decode(padded, altchars=b"-_").decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def seen_on_wire(values: Sequence[str], body_readings: Sequence[str]) -> list[str]:
    """The values, or telling parts of them, that stand in one of the readings."""
    found = []
    for value in values:
        for needle in _needles(value):
            leet = needle.translate(str.maketrans("4310578", "aeiostb"))
            forms = {needle, needle[::-1], leet, leet[::-1]}
            if any(form in reading for form in forms for reading in body_readings):
                found.append(value)
                break
    return found


def _needles(value: str) -> list[str]:
    whole = _bare(unicodedata.normalize("NFKC", value).lower())
    parts = value.split()
    if len(parts) == 2 and all(part.isalpha() for part in parts) and parts[1] in LAST:
        return [whole, parts[1].lower()]  # a rare surname tells as much as the whole
    return [whole]
