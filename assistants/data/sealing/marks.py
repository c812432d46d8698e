"""The form of a placeholder, and how it is recognised again in whatever a model makes of it.

`[PERSON_1]` is the first person of the conversation, `[PERSON_1b]` the same one in another
spelling. Square brackets, capitals and an underscore: models copy it, Markdown, HTML, JSON and
code leave it alone, prose does not hold it, and a citation such as `[1]` has no letters.

Recognised as well are what models make of it: other case, spacing and brackets, `PERSON_1`
without brackets, Markdown's backslashes, `[PERSON_1's]`, `%5BPERSON_1%5D` in a URL. Nothing is
guessed: a misspelt label is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

LITERAL = "LITERAL"  # text that only looked like a placeholder before it was sealed
UNNAMED = "IDENTIFIER"

# What the detectors' types are called in a placeholder: no finer than a model needs to know.
_LABELS = {
    "PERSON": ("PERSON",),
    "ORGANIZATION": ("ORGANIZATION",),
    "LOCATION": ("LOCATION",),
    "ADDRESS": ("ADDRESS", "ZIP_CODE"),
    "NAME": ("PROTECTED_TERM",),
    "DATE": ("DATE",),
    "EMAIL": ("EMAIL_ADDRESS",),
    "PHONE": ("PHONE_NUMBER", "FAX_NUMBER"),
    "URL": ("URL",),
    "NETWORK_ADDRESS": ("IP_ADDRESS", "MAC_ADDRESS"),
    "USERNAME": ("USERNAME", "SOCIAL_HANDLE"),
    "CARD": ("CREDIT_CARD", "CARD_SECURITY_CODE", "CARD_EXPIRY"),
    "ACCOUNT": (
        *("IBAN_CODE", "BANK_ACCOUNT", "ACCOUNT_NUMBER", "SWIFT_CODE", "ROUTING_NUMBER"),
        *("SORT_CODE", "CRYPTO_ADDRESS"),
    ),
    "SECRET": ("SECRET", "PASSWORD", "PIN", "API_KEY", "JWT", "PRIVATE_KEY"),
    "NATIONAL_ID": (
        *("US_SSN", "US_ITIN", "US_EIN", "UK_NINO", "DE_TAX_ID", "FR_NIR", "ES_DNI", "ES_NIE"),
        *("IT_FISCAL_CODE", "NL_BSN", "BE_NATIONAL_NUMBER", "PL_PESEL", "CH_AHV", "FI_HETU"),
        *("SE_PERSONAL_NUMBER", "NO_BIRTH_NUMBER", "DK_CPR", "IN_AADHAAR", "IN_PAN", "CA_SIN"),
        *("AU_TFN", "BR_CPF", "SG_NRIC", "NATIONAL_ID", "PASSPORT"),
    ),
    "PATIENT_ID": ("MEDICAL_RECORD_NUMBER", "HEALTH_PLAN_NUMBER", "UK_NHS", "AU_MEDICARE"),
    "LICENSE": ("DRIVER_LICENSE", "LICENSE_PLATE", "CERTIFICATE_NUMBER", "US_NPI", "US_DEA"),
    "DEVICE": ("DEVICE_ID", "VEHICLE_ID"),
    UNNAMED: ("EMPLOYEE_ID", "STUDENT_ID"),
    LITERAL: (),
}
LABELS = frozenset(_LABELS)
_LABEL_OF = {type: label for label, types in _LABELS.items() for type in types}

# No "s": `[PERSON_1s]` is a plural.
_LETTERS = "bcdefghijklmnopqrtuvwxyz"

LONGEST = 40  # characters of a mark in any form, at most


@dataclass(frozen=True, slots=True)
class Mark:
    """`text[start:end]` is a placeholder in some form; `name` is its own form, without brackets.

    `ending` stood inside its brackets and belongs behind the value; `in_url` says that the value
    has to be percent-encoded.
    """

    start: int
    end: int
    name: str
    in_brackets: bool = False
    in_url: bool = False
    ending: str = ""


def label_of(type: str) -> str:
    """A label stands for itself."""
    return type if type in LABELS else _LABEL_OF.get(type, UNNAMED)


def name_of(label: str, number: int, spelling: int) -> str:
    """`spelling` counts from 0; the first has no letter."""
    letters = ""
    while spelling > 0:
        spelling, place = divmod(spelling - 1, len(_LETTERS))
        letters = _LETTERS[place] + letters
    return f"{label}_{number}{letters}"


def label_in(name: str) -> str:
    return name.rpartition("_")[0]


def written(name: str) -> str:
    return f"[{name}]"


def find_marks(text: str, bare: Iterable[str] = (), start: int = 0) -> Iterator[Mark]:
    """All marks of `text` from `start`, in order: in brackets those of every label, without
    brackets those of the labels `bare`."""
    whole, _ = _patterns(frozenset(bare))
    for match in whole.finditer(text, start):
        yield _mark(match)


def find_beginning(text: str, bare: Iterable[str], start: int) -> int:
    """From where on `text` may still become a mark when more of it comes; its length if nowhere."""
    _, part = _patterns(frozenset(bare))
    match = part.search(text, max(start, len(text) - LONGEST))
    return match.start() if match else len(text)


def _mark(match: re.Match[str]) -> Mark:
    kind = "bare_" if match["bare_label"] else ""
    label = re.sub(r"\\?[_\- ]", "_", match[f"{kind}label"]).upper()
    if label not in LABELS:
        label = _RUN_TOGETHER[label.replace("_", "")]
    name = f"{label}_{match[f'{kind}number']}{match[f'{kind}letters'].lower()}"
    if kind:
        return Mark(match.start(), match.end(), name)
    in_url = match["open"].startswith("%")
    return Mark(match.start(), match.end(), name, True, in_url, match["ending"])


_RUN_TOGETHER = {label.replace("_", ""): label for label in LABELS}

# -- patterns -------------------------------------------------------------------------------------

_OPEN = r"(?P<open>(?P<escaped>\\)?\[|[［【]|%5[Bb]) ?"
_CLOSE = r" ?(?(escaped)\\)(?:[\]］】]|%5[Dd])"
_BETWEEN, _BETWEEN_PART = r"(?:\\?_|[ -])?", r"(?:\\_?|[_ -])?"
_NUMBER = r"[1-9][0-9]{0,5}"
_LETTERS_IN = rf"[{_LETTERS}]{{0,2}}"
_ENDING, _ENDING_PART = r"(?:['’]?s|['’])?", r"(?:['’]s?|s)?"
_BEFORE, _AFTER = r"(?<![\w\\])", r"(?=s?(?!\w))"
_BARE_OPEN = rf"(?:(?P<angle><)|(?P<brace>\{{)|{_BEFORE})"
_BARE_CLOSE = r"(?(angle)>)(?(brace)\})"


@lru_cache(maxsize=256)
def _patterns(bare: frozenset[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A whole mark, and a text that ends inside of one."""
    labels = "|".join(_spaced(label, _BETWEEN) for label in sorted(LABELS, key=len)[::-1])
    number = rf"(?P<number>{_NUMBER})(?P<letters>(?i:{_LETTERS_IN}))(?P<ending>{_ENDING})"
    whole = rf"{_OPEN}(?P<label>(?i:{labels})){_BETWEEN}{number}{_CLOSE}"
    plain = "|".join(label.replace("_", r"\\?_") for label in sorted(bare, key=len)[::-1])
    number = rf"(?P<bare_number>{_NUMBER})(?P<bare_letters>{_LETTERS_IN})"
    whole += rf"|{_BARE_OPEN}(?P<bare_label>{plain or '(?!)'})\\?_{number}{_AFTER}{_BARE_CLOSE}"

    inside = rf"(?i:{_LETTERS_IN}){_ENDING_PART} ?(?:\\|%(?:5)?)?"
    tail = rf"{_BETWEEN_PART}(?:{_NUMBER}(?:{inside})?)?"
    named = "|".join(_begun(label, _BETWEEN_PART, tail) for label in sorted(LABELS))
    opened = rf"(?:\\?\[|[［【]|%5[Bb])(?: ?(?i:{named})?)?|\\|%5?"
    tail = rf"(?:\\?_?)?(?:{_NUMBER}(?:{_LETTERS_IN}s?)?)?"
    named = "|".join(_begun(label, r"(?:\\_?|_)?", tail) for label in sorted(bare))
    alone = rf"|(?:[<{{]|{_BEFORE})(?:{named})|[<{{]" if bare else ""
    return re.compile(whole), re.compile(rf"(?:{opened}{alone})\Z")


def _spaced(label: str, between: str) -> str:
    return between.join(label.split("_"))


def _begun(label: str, between: str, tail: str) -> str:
    """The label's beginnings of at least one letter; after all of it, `tail`."""
    pattern = tail
    for letter in reversed(label[1:]):
        pattern = rf"{between if letter == '_' else letter}(?:{pattern})?"
    return rf"{label[0]}(?:{pattern})?"
