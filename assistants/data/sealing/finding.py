"""What has to be sealed in the texts of one prompt."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from threading import Lock

from assistants.data.privacy import (
    CERTAIN,
    HONORIFIC,
    QUASI_IDENTIFIERS,
    SensitiveSpan,
    TermList,
    find_spans,
    is_common_word,
    is_first_name,
    settle,
)
from assistants.data.sealing.known import Known, plain
from assistants.data.sealing.marks import label_of

# A passage stands between its own marks: it is looked at alone, once for all prompts it is in.
_BOUNDARY = re.compile(r"</?passage\b[^>]*>")
_HONORIFIC = re.compile(rf"(?i)(?:{HONORIFIC}\b\.?[ \t]{{1,2}})+(?=\w)")
_FIRST_OF_MORE = re.compile(r"([^\W\d_]+) (?=[^\W\d_]{2,} ?[^\W\d_])")
_POSSESSIVE = re.compile(r"['’]s?\Z")
# The end of a sentence, and not that of "Jr." or of an initial.
_STOP = re.compile(r"(?<=\w{3})[.,;:!?]+\Z")
_IN_SENTENCES = frozenset({"PERSON", "LOCATION", "ADDRESS", "DATE", "EMAIL_ADDRESS"})
# A value may run on over lines or cells; their marks stay, and each part is sealed by itself.
_LAYOUT = re.compile(r"[ \t]*[\n\r|\t]+[ \t]*")
_IN_ONE_PIECE = frozenset({"SECRET", "LITERAL"})
_SURE = 0.7  # a form, not the look of a word
_QUOTES = "'\"`“”‘’«»"
_SEAM = 80  # characters on either side of a seam that are read together
REMEMBERED = 4_096  # pieces of text whose spans are kept in this process


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` stands in the `number`-th text from `start` on; `whose` may run on elsewhere."""

    number: int
    start: int
    text: str
    whose: str


def find_sealable(
    texts: Sequence[tuple[str, str]],
    *,
    terms: TermList,
    names: Iterable[str],
    known: Mapping[str, str],
    harmless: frozenset[str],
) -> list[list[SensitiveSpan]]:
    """For each (whose, text) the spans to seal, in order and without overlap.

    Looked for are what the detectors find, also across the seams between neighbouring texts;
    then what was found anywhere, or is in `known` (labels by spelling), everywhere else.
    `harmless` are plain forms that a person marked: left, unless the value proves itself.
    """
    pieces = [piece for n, (whose, text) in enumerate(texts) for piece in _cut(n, whose, text)]
    found: list[list[SensitiveSpan]] = [[] for _ in texts]
    labels = dict(known)

    def take(piece: Piece, spans: Iterable[SensitiveSpan]) -> None:
        for span in spans:
            value = piece.text[span.start : span.end]
            if span.type in QUASI_IDENTIFIERS:
                continue
            if span.score < CERTAIN and plain(value) in harmless:
                continue
            found[piece.number].append(
                replace(span, start=piece.start + span.start, end=piece.start + span.end)
            )
            labels.setdefault(value, label_of(span.type))

    for piece in pieces:
        take(piece, _remembered(piece.text, terms))
    for piece, spans in _across(pieces, terms):
        take(piece, spans)
    again = Known({v: label for v, label in labels.items() if plain(v) not in harmless}, names)
    for piece in pieces:
        covered = [(s.start - piece.start, s.end - piece.start) for s in found[piece.number]]
        take(
            piece,
            [
                s
                for s in again.find(piece.text)
                if not any(a <= s.start and s.end <= b for a, b in covered)
            ],
        )
    return [
        list(_tidy(text, settle(text, spans)))
        for (_, text), spans in zip(texts, found, strict=True)
    ]


def _cut(number: int, whose: str, text: str) -> Iterator[Piece]:
    place = 0
    for match in _BOUNDARY.finditer(text):
        if place < match.start():
            yield Piece(number, place, text[place : match.start()], whose)
        yield Piece(number, match.start(), match[0], "")
        place = match.end()
    if place < len(text):
        yield Piece(number, place, text[place:], whose)


def _tidy(text: str, spans: Iterable[SensitiveSpan]) -> Iterator[SensitiveSpan]:
    """Without title and possessive, and without the layout that a span runs over."""
    for span in spans:
        label = label_of(span.type)
        place = span.start
        for match in _LAYOUT.finditer(text, span.start, span.end):
            if label in _IN_ONE_PIECE or span.detector in ("decoded", "backwards", "disguised"):
                break
            yield from _part(text, span, place, match.start())
            place = match.end()
        yield from _part(text, span, place, span.end)


def _part(text: str, span: SensitiveSpan, start: int, end: int) -> Iterator[SensitiveSpan]:
    if span.type == "PERSON":
        if title := _HONORIFIC.match(text, start, end):
            start = title.end()
        first = _FIRST_OF_MORE.match(text, start, end)
        if first and is_common_word(first[1]) and not is_first_name(first[1]):
            start = first.end()  # "Ask Jane Roe"
        if possessive := _POSSESSIVE.search(text[start:end]):
            end -= len(possessive[0])
    if span.type in _IN_SENTENCES and (stop := _STOP.search(text[start:end])):
        end -= len(stop[0])
    if label_of(span.type) not in _IN_ONE_PIECE:
        while start < end and text[start] in _QUOTES:
            start += 1
        while start < end and text[end - 1] in _QUOTES:
            end -= 1
    if any(map(str.isalnum, text[start:end])):
        yield replace(span, start=start, end=end)


# -- seams ----------------------------------------------------------------------------------------


def _across(
    pieces: Sequence[Piece], terms: TermList
) -> Iterator[tuple[Piece, list[SensitiveSpan]]]:
    """What runs over the end of one piece into the next: "my card is 4111 1111", "1111 1111".

    Neighbours are read together, and so are neighbours of the same person with others between.
    """
    told = [piece for piece in pieces if piece.whose and piece.text.strip()]
    # Names by the look of the words alone count only within what one person wrote.
    rows = [told] + [
        [piece for piece in told if piece.whose == whose]
        for whose in dict.fromkeys(piece.whose for piece in told)
    ]
    seen: set[tuple[int, ...]] = set()
    for row in rows:
        for run in _runs(row):
            if (key := tuple(map(id, run))) not in seen:
                seen.add(key)
                for joint in (" ", ""):
                    for piece, span in _over(run, joint, terms):
                        if row is not told or span.score >= _SURE:
                            yield piece, [span]


def _runs(row: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Two neighbours and, where the pieces between are short, more."""
    run: list[Piece] = []
    for one, other in pairwise(row):
        run = [*(run or [one]), other]
        if len(other.text) > _SEAM:
            yield run
            run = []
    if run:
        yield run


def _over(
    run: Sequence[Piece], joint: str, terms: TermList
) -> Iterator[tuple[Piece, SensitiveSpan]]:
    text, places = "", []  # per piece: where it begins in `text`, and what of it is there
    for number, piece in enumerate(run):
        start, end = 0, len(piece.text.rstrip())
        if number == 0:
            start = max(0, end - _SEAM)
        elif number == len(run) - 1:
            start = len(piece.text) - len(piece.text.lstrip())
            end = min(end, start + _SEAM)
        text += joint if number else ""
        places.append((len(text), start, end))
        text += piece.text[start:end]
    for span in _remembered(text, terms):
        parts = [
            (piece, max(span.start, at) - at + start, min(span.end, at + end - start) - at + start)
            for piece, (at, start, end) in zip(run, places, strict=True)
            if span.start < at + end - start and at < span.end
        ]
        if len(parts) > 1 and not _is_whole(*parts[0], span.type, terms):
            for piece, first, last in parts:
                yield piece, replace(span, start=first, end=last)


def _is_whole(piece: Piece, start: int, end: int, type: str, terms: TermList) -> bool:
    """Whether what stands before the seam is such a value already, and nothing runs over it."""
    return any(
        span.type == type and span.start <= start and end <= span.end
        for span in _remembered(piece.text, terms)
    )


# -- memory ---------------------------------------------------------------------------------------

_memory: OrderedDict[tuple[bytes, TermList], list[SensitiveSpan]] = OrderedDict()
_lock = Lock()


def _remembered(text: str, terms: TermList) -> list[SensitiveSpan]:
    """Spans by the text's hash (no text is kept): passages come up in prompt after prompt."""
    place = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), terms
    with _lock:
        if (spans := _memory.get(place)) is not None:
            _memory.move_to_end(place)
            return spans
    spans = find_spans(text, terms)
    with _lock:
        _memory[place] = spans
        while len(_memory) > REMEMBERED:
            _memory.popitem(last=False)
    return spans
