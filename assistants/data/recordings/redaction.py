"""What of a transcript is not for everybody: found in the text, and where it is heard.

A recogniser writes names as it hears them: in lower case, and spelt in another way each time. So
beside what the detectors find, words that sound or look almost like a name that was found, or is
known, count as that name, unless they are ordinary words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistants.data.privacy import (
    QUASI_IDENTIFIERS,
    SensitiveSpan,
    TermList,
    find_spans,
    is_common_word,
    settle,
)
from assistants.data.privacy.tokens import key
from assistants.models import Segment

JOINT = "\n"
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SHORTEST = 4  # letters a name has at least, to be known again when it is misspelt
_LONG = 8  # from here on two letters may differ
_AROUND = 0.08  # seconds before and after a word that are not heard either


@dataclass(frozen=True, slots=True)
class Hidden:
    """`text[start:end]` of a segment, by its number in the transcript."""

    segment: int
    start: int
    end: int
    type: str


def find_hidden(texts: Sequence[str], terms: TermList, names: Iterable[str] = ()) -> list[Hidden]:
    """What of the segments' texts identifies somebody or is secret, in order.

    `names` are people known beforehand: speakers, the owner. What only narrows down who is meant
    (`QUASI_IDENTIFIERS`) stays. Linear in the text but for the names: each is compared with the
    words that begin or end alike.
    """
    whole = JOINT.join(texts)
    known = [name for name in names if name]
    spans = [span for span in find_spans(whole, terms, known) if span.type not in QUASI_IDENTIFIERS]
    called = [*known, *(whole[s.start : s.end] for s in spans if s.type == "PERSON")]
    spans = settle(whole, [*spans, *_alike(whole, called)])
    hidden: list[Hidden] = []
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + len(JOINT))
    number = 0
    for span in spans:
        while starts[number + 1] <= span.start:
            number += 1
        place = number
        while place < len(texts) and starts[place] < span.end:  # it may run on over segments
            start = max(span.start, starts[place]) - starts[place]
            end = min(span.end - starts[place], len(texts[place]))
            if start < end:
                hidden.append(Hidden(place, start, end, span.type))
            place += 1
    return hidden


def redact(texts: Sequence[str], hidden: Iterable[Hidden]) -> list[str]:
    """The texts with each hidden piece replaced by its type: `[PERSON]`."""
    redacted = list(texts)
    for piece in sorted(hidden, key=lambda h: (h.segment, h.start), reverse=True):
        text = redacted[piece.segment]
        redacted[piece.segment] = f"{text[: piece.start]}[{piece.type}]{text[piece.end :]}"
    return redacted


def list_silenced(
    segments: Sequence[Segment], hidden: Iterable[Hidden]
) -> list[tuple[float, float]]:
    """(start, end) in seconds where nothing may be heard, in order and without overlap.

    A piece of an unchanged text is at its words; where the text was changed, or has no words, the
    whole segment is silenced: nobody knows where in it the piece was said.
    """
    silenced: list[tuple[float, float]] = []
    for piece in hidden:
        segment = segments[piece.segment]
        spans = _words_at(segment, piece.start, piece.end)
        silenced += [
            (max(0.0, start - _AROUND), end + _AROUND)
            for start, end in spans or [(segment.start, segment.end)]
        ]
    merged: list[tuple[float, float]] = []
    for start, end in sorted(silenced):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _words_at(segment: Segment, start: int, end: int) -> list[tuple[float, float]]:
    heard = "".join(word["text"] for word in segment.words)
    if segment.version > 1 or heard.strip() != segment.text.strip():
        return []
    offset = (len(heard) - len(heard.lstrip())) - (len(segment.text) - len(segment.text.lstrip()))
    place, found = -offset, []
    for word in segment.words:
        after = place + len(word["text"])
        if place < end and start < after and word["text"].strip():
            found.append((float(word["start"]), float(word["end"])))
        place = after
    return found


def _alike(text: str, called: Iterable[str]) -> list[SensitiveSpan]:
    names = {key(word) for name in called for word in _WORD.findall(name)}
    names = {name for name in names if len(name) >= _SHORTEST and not is_common_word(name)}
    if not names:
        return []
    judged: dict[str, bool] = {}
    found = []
    for match in _WORD.finditer(text):
        word = key(re.sub(r"['’]s?$", "", match[0]))
        if word not in judged:
            judged[word] = (
                len(word) >= _SHORTEST
                and not is_common_word(word)
                and any(_is_alike(word, name) for name in names)
            )
        if judged[word]:
            found.append(SensitiveSpan(match.start(), match.end(), "PERSON", 0.5, "alike"))
    return found


def _is_alike(word: str, name: str) -> bool:
    allowed = 2 if min(len(word), len(name)) >= _LONG else 1
    if abs(len(word) - len(name)) > allowed + 1:
        return False
    return _sound(word) == _sound(name) or _distance(word, name, allowed) <= allowed


_SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("gh", "g"), ("th", "t"), ("wh", "w"), ("sch", "s"), ("sh", "s"),
    ("tz", "s"), ("ts", "s"), ("qu", "k"), ("x", "ks"), ("c", "k"), ("z", "s"), ("v", "f"),
    ("j", "y"), ("i", "y"), ("dt", "t"), ("d", "t"), ("b", "p"), ("g", "k"),
)  # fmt: skip


def _sound(word: str) -> str:
    """How a word roughly sounds: its first letter's sound and its consonants, none doubled."""
    for spelt, heard in _SOUNDS:
        word = word.replace(spelt, heard)
    consonants = word[:1] + re.sub(r"[aeiouyhw]", "", word[1:])
    return re.sub(r"(.)\1+", r"\1", consonants)


def _distance(one: str, other: str, most: int) -> int:
    """Levenshtein's, as far as `most`; more is `most + 1`."""
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
        if min(row) > most:
            return most + 1
        before = row
    return before[-1]
