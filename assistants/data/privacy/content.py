"""What only looks like a name to the tagger: words of a subject, units, code, short forms.

Guidelines, policies and code are full of words that no list knows and that are written like
names. They are told by their form: the endings of medicines (the WHO's stems for international
nonproprietary names) and of findings and procedures (Greek and Latin), units and currencies, short
forms in capitals, identifiers of code, and common words that stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from assistants.data.privacy.people import CLINICAL, COMMON, ENGLISH, NAME
from assistants.data.privacy.tokens import FLAGS

Flags = Callable[[str], int]

_PLACE = 1 << FLAGS.index("place")
_COUNTRY = 1 << FLAGS.index("country")

_WORD = re.compile(r"[^\W\d_]+")
_MEDICINE = re.compile(
    r"(?i)\w{2,}(?:pril|sartan|statin|mycin|micin|cillin|cycline|oxacin|azole|olol|dipine|zepam|"
    r"zolam|gatran|xaban|parin|grel|formin|gliptin|gliflozin|glutide|glitazone|prazole|tidine|"
    r"setron|triptan|zosin|terol|tamol|lukast|solone|sonide|thiazide|semide|pamide|urea|barbital|"
    r"caine|profen|fenac|oxicam|coxib|phylline|navir|ciclovir|amivir|afil|dronate|ferol|penem|"
    r"bactam|vudine|oxetine|peridone|idone|teplase|sulfa|toin|antoin|gabalin|pentin)s?"
)
_FINDING = re.compile(
    r"(?i)\w+(?:itis|itides|aemia|emia|uria|osis|oses|pathy|pathies|ectomy|otomy|ostomy|"
    r"oscopy|algia|plasty|penia|cytosis|phils?|cytes?|plasia|trophy|megaly|rrh?oea|rrhea|rrhage|"
    r"pnoea|pnea|phagia|plegia|paresis|esthesia|tension|aesthesia|carcinoma|adenoma|iasis|rubin|"
    r"globin|globins|erritin|tropin|ponin|atinine|ylase|idase|ketones?|viruse?s?|coccus|cocci|"
    r"bacter|otoxin|hydrate|phylaxis|kinase|steroids?|coagulants?|histamines?|pyretics?|"
    r"suppressants?|cholinergics?|iatrician|ologist|ology|logical)"
)
_UNIT = re.compile(
    r"[µμumnpkcdf]?(?:[Mm]ol|g|l|L|m|IU|Eq|Hz)|mmHg|mcg|bpm|kPa|kcal|micrograms?|th|ms|sec|min|"
    r"EUR|USD|GBP|CHF|JPY|[KMGT]B|[A-Z]"
)
_MONEY = re.compile(r"(?:EUR|USD|GBP|CHF|JPY)\b")
_IN_CODE = re.compile(r"[a-z]+[A-Z]|(?:[A-Z][a-z]+){2}[A-Z]|[A-Z]{2,}[a-z]")
_PREFIXED = re.compile(r"(?:Mc|Mac|De|Di|Le|La|Van|Fitz|O|Du|Ver|El|Al|Ben)[A-Z][a-z]")
_SHORT_FORM = re.compile(r"[A-Z]{3,6}s?")
_VOWEL = re.compile(r"(?i)[aeiouy]|[^\x00-\x7f]")
_NUMBER = re.compile(r"\d+")
# No list of words has these, and no name is written so.
_NEVER = frozenset({"ve", "ll", "re", "ah", "hm", "er", "ok", "okey", "iban", "bic", "href", "div"})
_MID_SENTENCE = re.compile(r"[a-z,] \Z")


def is_content(text: str, start: int, end: int, type: str, flags: Flags) -> bool:
    """Whether what the tagger took for a `type` at `text[start:end]` is none."""
    if _is_part(text, start, end):
        return True
    words = [match[0] for match in _WORD.finditer(text, start, end)]
    if type == "ADDRESS":
        return _is_no_address(text, start, end, words, flags)
    if text[end - 1] == "-" and text[end : end + 1].isalnum():  # the first half of a compound
        return True
    # A common word with a capital, alone and at the beginning of something, is a heading.
    heads = len(words) == 1 and not _MID_SENTENCE.search(text[max(0, start - 2) : start])
    return all(_is_plain(word, type, flags, heads) for word in words)


def _is_part(text: str, start: int, end: int) -> bool:
    """Of a longer run of letters and digits, such as a hash, or of a mark such as `<h2>`."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return (
        (text[start].isalnum() and before.isascii() and before.isalnum())
        or (text[end - 1].isalnum() and after.isascii() and after.isalnum())
        or (before in ("<", "/") and after == ">")
    )


def _is_no_address(text: str, start: int, end: int, words: list[str], flags: Flags) -> bool:
    if _MONEY.match(text, start):
        return True
    if words and all(word.lower() in _NEVER for word in words):
        return True
    numbers = _NUMBER.findall(text, start, end)
    if all(_UNIT.fullmatch(word) or _by_ending(word) for word in words):
        return all(len(number) < 4 for number in numbers)
    return not numbers and all(
        word.islower() and (flags(word) & ENGLISH or _by_ending(word)) for word in words
    )


def _is_plain(word: str, type: str, flags: Flags, heads: bool) -> bool:
    known = flags(word)
    if _UNIT.fullmatch(word) or word.lower() in _NEVER:
        return True
    if known & CLINICAL and not known & COMMON:
        return True
    if _IN_CODE.match(word) and not _PREFIXED.match(word):
        return type != "ORGANIZATION" and not known & (NAME | _PLACE)
    if _SHORT_FORM.fullmatch(word) or (type == "PERSON" and not _VOWEL.search(word)):
        return type != "ORGANIZATION" and not known & (NAME | _PLACE | _COUNTRY)
    if _by_ending(word) and not known & (NAME | _PLACE):
        return True
    if not known & ENGLISH or known & _COUNTRY:
        return False
    if type == "PERSON":
        return word.islower() and not known & COMMON
    return heads or word.islower()


def _by_ending(word: str) -> bool:
    return bool(_MEDICINE.fullmatch(word) or _FINDING.fullmatch(word))
