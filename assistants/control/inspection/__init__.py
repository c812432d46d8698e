"""Inspection: what a payload holds that must not leave, found by detectors of the gate's own.

They share no code with the data plane's, which replaced what it found: what those miss in some
spelling, these are to find. Each text is looked at as it is and in every layer that is encoded in
it; see `decoding`, `folding`, `needles`, `identifiers`, `contact` and `secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assistants.control.inspection.contact import find_backwards, find_contacts
from assistants.control.inspection.decoding import Unreadable, read_layers
from assistants.control.inspection.folding import fold
from assistants.control.inspection.guises import find_guises
from assistants.control.inspection.hits import Hit, bare
from assistants.control.inspection.identifiers import find_identifiers, find_split
from assistants.control.inspection.known import find_known
from assistants.control.inspection.needles import TOKEN
from assistants.control.inspection.payload import read_payload
from assistants.control.inspection.running import CheckFailed, run_checks
from assistants.control.inspection.secrets import find_secrets
from assistants.control.inspection.words import common_words
from assistants.types import Finding

__all__ = ["BLOCK_SEVERITY", "CheckFailed", "Detector", "inspect"]

Detector = Callable[[str], Sequence[Finding]]

# A finding of a handed-in detector at or above this severity stops the payload; own ones all do.
BLOCK_SEVERITY = 0.5

ENCODINGS, IDENTIFIERS, CONTACTS = "encodings", "identifiers", "contact details"
SECRETS, KNOWN, GUISES = "secrets", "known values", "disguises"

_PROSE = 64  # characters: a longer string is looked at by the handed-in detectors in any case
_STANDS_FOR_A_VALUE = "\ufffc"
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
# A name or address of which only a part was replaced: "[PERSON_1].doe", "jane.[PERSON_2]".
_SOMEBODY = r"\[(?:PERSON|USERNAME|EMAIL|LOCATION|ORGANIZATION)_\d{1,4}[a-z]{0,2}\]"
_IN_PART = re.compile(
    rf"{_SOMEBODY}(?:[._](?P<behind>[^\W\d_]{{3,40}}+)(?!\w*\()|(?P<joined>[^\W\d_]{{4,40}}+))"
    rf"|(?<![^\W\d_])(?:(?P<before>[^\W\d_]{{2,40}})[._]|(?P<joint>[^\W\d_]{{4,40}})){_SOMEBODY}"
)
# An address of which the domain's name was replaced: what stands before it may be its other half.
_DOMAIN_ENDS = frozenset(["com", "org", "net", "edu", "gov", "info", "biz", "example", "invalid"])
# A name that one message begins and the next one ends: "Jane D", then "oering was the rest".
_BEGUN = re.compile(r"(?<![^\W_])[A-Z][a-z]?(?![\w.'])")
_WENT_ON = re.compile(r"(?:\A|\nQuestion: )\s*(?P<rest>[a-z]{4,40})(?![\w(.=\[:/-])")


@dataclass(slots=True)
class _Texts:
    """The payload's strings, read by the first check: as written, and as the others see them."""

    messages: list[list[str]]
    views: list[str]


def inspect(
    payload: str,
    text: str,
    *,
    known: Iterable[str] = (),
    harmless: Iterable[str] = (),
    placeholders: Iterable[str] = (),
    detectors: Mapping[str, Detector] | None = None,
) -> list[Finding]:
    """What was found, without its text: `guardrail` is the check, `reason` the type.

    Every string of the payload is inspected, whether `text` names it or not. `known` are values in
    clear, `harmless` what a person marked so, `placeholders` the types that may stand there as
    `[TYPE_1]`. Raises CheckFailed for a check that fails, hangs or meets what it cannot read.
    """
    marked = {bare(fold(value)) for value in harmless} - {""}
    words = {word.lower() for value in harmless for word in TOKEN.findall(fold(value))}
    values = [value for value in known if bare(fold(value)) not in marked]
    texts = _Texts([], [])

    def read() -> list[Hit]:
        texts.messages = read_payload(payload)
        whole = "\n\n".join(string for strings in texts.messages for string in strings)
        if text not in whole:
            whole = f"{whole}\n\n{text}"
        hits = [
            Hit("REPLACED_IN_PART", match[0])
            for match in _IN_PART.finditer(whole)
            if _is_part(match[match.lastgroup or 0].lower(), match.lastgroup)
        ]
        whole = _masked(whole, placeholders)
        try:
            layers = read_layers(whole)
        except Unreadable as unreadable:
            texts.views = [fold(whole)]
            return [*hits, Hit(f"UNREADABLE: {unreadable}", "")]
        texts.views = [fold(each) for each in (whole, *layers)]
        return hits

    def identifiers() -> Iterator[Hit]:
        for strings in texts.messages:
            if len(strings) > 1:
                yield from find_split(map(fold, strings))
        yield from _each(texts, find_identifiers)

    def contacts() -> Iterator[Hit]:
        yield from _each(texts, find_contacts)
        yield from find_backwards(texts.views[0][::-1])

    def known_values() -> Iterator[Hit]:
        yield from _each(texts, lambda view: find_known(view, values, words))
        if any(_BEGUN.search(value) for value in values):
            for string in (string for strings in texts.messages for string in strings):
                went_on = _WENT_ON.search(string)
                if went_on and went_on["rest"] not in common_words():
                    yield Hit("CONTINUED", went_on["rest"])

    own: list[tuple[str, Callable[[], Iterable[Hit]]]] = [
        (ENCODINGS, read),
        (IDENTIFIERS, identifiers),
        (CONTACTS, contacts),
        (SECRETS, lambda: _each(texts, find_secrets)),
        (KNOWN, known_values),
        (GUISES, lambda: _each(texts, find_guises)),
    ]
    handed_in = detectors or {}
    checks = [
        *((name, lambda name=name, find=find: _own(name, find(), marked)) for name, find in own),
        *(
            (name, lambda name=name, find=find: _foreign(name, find(_prose(text, texts))))
            for name, find in handed_in.items()
        ),
    ]
    found = (finding for each in run_checks(checks) for finding in each)
    return list(dict.fromkeys(found))


def _is_part(word: str, place: str | None) -> bool:
    """A common word beside a placeholder is of an identifier in code, but for a domain's end."""
    return word not in common_words() or (place == "behind" and word in _DOMAIN_ENDS)


def _each(texts: _Texts, find: Callable[[str], Iterable[Hit]]) -> Iterator[Hit]:
    for view in texts.views:
        yield from find(view)


def _own(name: str, hits: Iterable[Hit], harmless: set[str]) -> list[Finding]:
    return [Finding(name, 1.0, hit.type) for hit in hits if bare(fold(hit.value)) not in harmless]


def _foreign(name: str, findings: Sequence[Finding]) -> list[Finding]:
    """Only the type of what it found: a reason could quote the text."""
    found = []
    for finding in findings:
        severity = float(finding.severity)
        if not 0 <= severity <= 1:
            raise ValueError("a severity is between 0 and 1")
        type = finding.reason if _TYPE.fullmatch(finding.reason) else ""
        found.append(Finding(name, severity, type))
    return found


def _prose(text: str, texts: _Texts) -> str:
    """The text that was declared, and whatever else reads like one."""
    undeclared = [
        string
        for strings in texts.messages
        for string in strings
        if string not in text and (len(string) > _PROSE or re.search(r"\s", string.strip()))
    ]
    return "\n\n".join((text, *undeclared))


def _masked(text: str, types: Iterable[str]) -> str:
    names = "|".join(re.escape(type) for type in sorted(types) if _TYPE.fullmatch(type))
    if not names:
        return text
    return re.sub(rf"\[(?:{names})_\d{{1,4}}[a-z]{{0,2}}\]", _STANDS_FOR_A_VALUE, text)
