"""Names of people by what stands beside them, and wherever else in the text they come up again."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

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
_PART = re.compile(r"[^\W\d_]+")
_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_REVERSIBLE = 4  # letters a name has at least to be looked for backwards


def beside_words(text: str, flags: Flags) -> Iterator[SensitiveSpan]:
    """After an honorific, or after words that introduce somebody; in any case."""
    for pattern, score, trusted in ((_HONOURED, 0.65, True), (_INTRODUCED, 0.6, False)):
        for match in pattern.finditer(text):
            end = _end_of_name(match["name"], flags, trusted)
            if end:
                start = match.start() if trusted else match.start("name")
                yield SensitiveSpan(start, match.start("name") + end, "PERSON", score, "people")


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
        if not (name or (unknown and (capital or trusted)) or (capital and (trusted or end))):
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
