"""Names of people by what stands beside them, and wherever else in the text they come up again."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from assistants.data.privacy.spans import SensitiveSpan
from assistants.data.privacy.tokens import FLAGS, key

Flags = Callable[[str], int]  # what the lexicon knows of a word

FIRST, COMMON, SURNAME, ENGLISH, CLINICAL = (
    1 << FLAGS.index(name)
    for name in ("first_name", "common_first_name", "surname", "english", "clinical")
)
NAME = FIRST | COMMON | SURNAME

HONORIFIC = r"(?:mr|mrs|ms|miss|mx|dr|prof|professor|doctor|sir|madam|dame|lord|lady|rev|reverend|herr|frau|monsieur|madame|señora?|nurse)"
_WORD = r"[^\W\d_]+(?:['’\-][^\W\d_]+)*"
_HONOURED = re.compile(
    rf"(?i)(?<!\w){HONORIFIC}\b\.?[ \t]{{1,2}}(?P<name>(?:{_WORD}\.?[ \t]){{0,2}}{_WORD})"
)
_INTRODUCED = re.compile(
    rf"(?i)\b(?:my name is|my name['’]s|name is|names? ?[:=]|full name\W{{1,3}}|surname\W{{1,3}}(?:is\W)?|first name\W{{1,3}}(?:is\W)?|"
    rf"last name\W{{1,3}}(?:is\W)?|patient name\W{{1,3}}|signed by|dictated by|authored by|on behalf of|"
    rf"next patient is|patient is|the patient,?|patient[:,]?|pt[:,]?|this is|call me|known as|named|called)"
    rf"[ \t]{{1,2}}(?P<name>(?:{_WORD}\.?[ \t]){{0,3}}{_WORD})"
)
# Beside these even a word that no list has is somebody.
_MET = re.compile(
    rf"(?i)\b(?:(?:my|our) (?:colleague|client|customer)|spoke (?:to|with)|talked (?:to|with)|answer for)"
    rf"[ \t](?P<name>(?:{_WORD}[ \t]){{0,2}}{_WORD})"
)
_PARTICLES = frozenset(
    {
        *("de", "da", "di", "del", "della", "van", "von", "der", "den", "la", "le", "el", "al"),
        *("bin", "ibn", "dos", "du", "st", "mc", "mac", "o"),
    }
)
_NOT_AFTER = frozenset(
    {
        *("visit", "appointment", "office", "note", "notes", "who", "said", "and", "or", "is"),
        *("was", "has", "will", "of", "in", "at", "to", "for", "with", "on", "from", "also", "do"),
        *("the", "a", "an", "if", "no", "not", "yes", "it", "this", "that", "these", "there", "i"),
        *("he", "she", "they", "we", "you", "what", "how", "when", "my", "your", "please", "so"),
    }
)
_HANDLE = re.compile(
    r"(?i)(?<![\w@./+-])(?P<one>[a-z]{2,20})[._](?P<two>[a-z]{2,20})\d{0,4}(?![\w(\[/@=-]|\.\w)"
)
_PAIR = re.compile(r"(?<![\w./@-])(?=(?P<one>[^\W\d_]{2,20}) (?P<two>[^\W\d_]{3,24})(?![\w(/@]))")
_STARTS = frozenset({"", ".", "!", "?", ":", "\n", ">"})  # behind these a capital says nothing
_ACTS = re.compile(
    r" (?:asked|asks|says|said|told|tells|wrote|writes|called|calls|wants|insists)\b"
)
_SURNAME = re.compile(r" (?P<name>[A-Z][^\W\d_A-Z]{2,24}(?:-[A-Z][^\W\d_A-Z]{2,24})?)(?![\w-])")
_PART = re.compile(r"[^\W\d_]+")
_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_REVERSIBLE = 4  # letters a name has at least to be looked for backwards


def beside_words(text: str, flags: Flags) -> Iterator[SensitiveSpan]:
    """After an honorific, or after words that introduce somebody; in any case."""
    for pattern, score, trusted in (
        (_HONOURED, 0.65, True),
        (_INTRODUCED, 0.6, False),
        (_MET, 0.6, True),
    ):
        for match in pattern.finditer(text):
            end = _end_of_name(match["name"], flags, trusted)
            if end:
                start = match.start() if pattern is _HONOURED else match.start("name")
                yield SensitiveSpan(start, match.start("name") + end, "PERSON", score, "people")


def handles(text: str, flags: Flags) -> Iterator[SensitiveSpan]:
    """Names of accounts that are made of somebody's name: jane_doe84, doe.jane2."""
    for match in _HANDLE.finditer(text):
        known = [flags(match["one"]), flags(match["two"])]
        named = [bool(each & NAME) and not each & (ENGLISH | CLINICAL) for each in known]
        if all(named) or (any(named) and text[match.end() - 1].isdigit()):
            yield SensitiveSpan(match.start(), match.end(), "USERNAME", 0.6, "people")


def pairs(text: str, flags: Flags) -> Iterator[SensitiveSpan]:
    """A first name and a word behind it that is a surname or in no list, in any case.

    A first name that is an English word too ("grace", "will") takes a known surname, or a capital
    each within a sentence.
    """
    for match in _PAIR.finditer(text):
        first, second = flags(match["one"]), flags(match["two"])
        if not first & (FIRST | COMMON):
            continue
        capitals = match["one"][0].isupper() and match["two"][0].isupper()
        acts = _ACTS.match(text, match.end("two")) is not None
        if second & (ENGLISH | CLINICAL):
            fits = acts and (capitals or not first & (ENGLISH | CLINICAL))  # "Grace Wood asked"
        elif second & SURNAME:
            fits = True
        elif second:
            fits = False
        elif first & (ENGLISH | CLINICAL):
            before = text[: match.start()].rstrip(" ")[-1:]
            fits = acts or (capitals and before not in _STARTS)
        else:
            fits = capitals or len(match["two"]) > 4
        if fits:
            yield SensitiveSpan(match.start("one"), match.end("two"), "PERSON", 0.55, "people")


def continued(text: str, found: SensitiveSpan, flags: Flags) -> SensitiveSpan:
    """A first name with the capitalised word behind it, if that is no word of the language."""
    match = _SURNAME.match(text, found.end)
    if match is None or text[found.start : found.end].count(" ") > 1:
        return found
    known = flags(match["name"])
    if known & (ENGLISH | CLINICAL) and not known & SURNAME:
        return found
    first = flags(text[found.start : found.end].split()[-1])
    if first & (ENGLISH | CLINICAL) and not first & (FIRST | COMMON):
        return found
    return replace(found, end=match.end())


def _end_of_name(words: str, flags: Flags, trusted: bool) -> int:
    """How many characters of `words` are a name; 0 if none.

    A word counts if a list of names has it and it is no English word, or if it is capitalised and
    in no list at all; after an honorific or after such a word, any capitalised one.
    """
    end = 0
    for match in re.finditer(_WORD, words):
        word = match[0]
        plain = key(word)
        if plain in _NOT_AFTER:
            break
        if plain in _PARTICLES:
            continue
        parts = [part for part in _PART.findall(word) if len(part) > 1]
        known = [flags(part) for part in parts]
        english = any(each & (ENGLISH | CLINICAL) for each in known)
        capital = word[0].isupper() and not (word.isupper() and len(word) > 3)
        name = any(each & NAME for each in known) and not english
        unknown = bool(parts) and not any(known)
        foreign = trusted and bool(parts) and not english
        if not (name or foreign or (unknown and capital) or (capital and (trusted or end))):
            break
        end = match.end()
        if len(plain) > 3 and words[end : end + 1] == ".":
            return end  # of the sentence
        if plain.endswith(("'s", "’s")):
            return end - 2
    return end


def again(text: str, names: Iterable[str], flags: Flags) -> Iterator[SensitiveSpan]:
    """Every other place where a part of one of these names stands, also backwards.

    A part that is an English word as well counts only where it is written with a capital.
    """
    parts: dict[str, bool] = {}
    for name in names:
        for word in _NAME_WORD.findall(name):
            plain = key(word)
            if len(plain) > 1 and plain not in _PARTICLES and not re.fullmatch(HONORIFIC, plain):
                known = flags(word)
                if len(plain) > 2 or not known & ENGLISH:
                    parts[plain] = bool(known & (ENGLISH | CLINICAL))
    if not parts:
        return
    backwards = {plain[::-1] for plain in parts if len(plain) >= _REVERSIBLE}
    for match in _NAME_WORD.finditer(text):
        word = match[0]
        plain = key(word)
        ambiguous = parts.get(plain)
        if ambiguous is None and plain.endswith("s"):
            ambiguous = parts.get(plain[:-1]) or (True if plain[:-1] in parts else None)
        if ambiguous is False or (ambiguous and word[0].isupper()):
            yield SensitiveSpan(match.start(), match.end(), "PERSON", 0.61, "again")
        elif plain in backwards and not flags(word) & ENGLISH:
            yield SensitiveSpan(match.start(), match.end(), "PERSON", 0.5, "backwards")
