"""Cutting a parsed document into the pieces that are embedded, searched and cited. Pure.

A chunk never crosses a section. A section that fits is one chunk; a longer one is cut at the
borders of its clauses, paragraphs, rows or statements into parts of about equal size. Only a
block that is too long by itself is cut inside: at sentences or lines, then at words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from assistants.data.blocks import (
    LOG,
    PPTX,
    SECTION_SEPARATOR,
    TRANSCRIPT,
    Block,
    BlockKind,
    DraftChunk,
    ParsedDocument,
    page_of,
)
from assistants.data.structure import MARKED_UP, PROSE
from assistants.data.structure.logs import STAMP
from assistants.data.structure.markdown import plain
from assistants.data.structure.turns import get_speaker, get_stamp

# all-MiniLM-L6-v2 reads 256 tokens, two of them its own marks; what comes after is lost.
MAX_TOKENS = 254
MAX_WORDS = 220
HEADING_TOKENS = 60  # at most, for title and section before each text
HEAD_TOKENS = 60  # at most, for a table's head before rows that were cut from it
SMALL_WORDS = 40  # a definition in code below this joins its neighbour
SECTION_CHARACTERS = 500

CountTokens = Callable[[str], int]

_TOKENS = re.compile(r"[A-Za-z]+|\d+|\w|[^\w\s]")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+")
_LINES = re.compile(r"\n")
_WORDS = re.compile(r"\s+")
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.M)
_RULE = re.compile(r"^[|:+\-=\s]*-{3,}[|:+\-=\s]*$", re.M)
_MARKUP = re.compile(r"[#*_`~\[\\]")  # without any of these there is none
_HASHES = re.compile(r"^\s*#{1,6}\s+", re.M)
_CELLS = re.compile(r"\s*\|\s*")
_TIMES = re.compile(r"^[\[(]?(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?[\])]?(?:\s*[-–])?\s+", re.M)


def estimate_tokens(text: str) -> int:
    """About how many WordPiece tokens a text has, rather too many than too few.

    Fitted to all-MiniLM-L6-v2 on policies, clinical notes and Python: between 0.95 and 1.4 times
    the true number for 99 % of texts. Pass a real counter to `chunk_document` to be exact.
    """
    count = 0.0
    for match in _TOKENS.finditer(text):
        word = match.group()
        if word[0].isdigit():
            count += max(1.0, len(word) / 2.2)
        elif len(word) > 6:
            count += 1 + (len(word) - 6) * 0.2
        else:
            count += 1
    return math.ceil(count * 1.2)


@dataclass(slots=True)
class _Part:
    """Text that goes into one chunk: blocks in order, and what is counted of them.

    `head` is said before it to the model. `torn` if it begins or ends within a word.
    """

    section: tuple[str, ...]
    start: int
    end: int
    words: int = 0
    tokens: int = 0
    head: str = ""
    torn: bool = False


@dataclass(slots=True)
class _Cutter:
    document: ParsedDocument
    count: CountTokens
    headings: dict[str, str] = field(default_factory=dict)

    # -- what the model reads ------------------------------------------------------------------

    def clean(self, text: str) -> str:
        """Without markup and line breaks: they cost tokens and mean nothing to the model."""
        media_type = self.document.media_type
        if media_type in PROSE and "---" in text:
            text = _RULE.sub("", text)
        if media_type in MARKED_UP and _MARKUP.search(text):
            text = plain(_HASHES.sub("", _FENCE.sub("", text)))
        if media_type in PROSE and "|" in text:
            text = "\n".join(_CELLS.sub(", ", line.strip(" |\t")) for line in text.split("\n"))
        if media_type == TRANSCRIPT:
            text = _TIMES.sub("", text)
        return " ".join(text.split())

    def heading(self, section: str) -> str:
        """ "Title. Section. ", cut to its share of the tokens."""
        if section not in self.headings:
            name = ". ".join(part for part in (self.document.title, section) if part) + ". "
            self.headings[section] = self.shorten(name, HEADING_TOKENS)
        return self.headings[section]

    def shorten(self, text: str, tokens: int) -> str:
        while self.count(text) > tokens:
            cut = text[: max(1, int(len(text) * 0.8))]
            text = (cut.rsplit(" ", 1)[0] if " " in cut else cut) + " "
            if len(text) < 3:
                return ""
        return text

    def room(self, section: tuple[str, ...]) -> int:
        return MAX_TOKENS - self.count(self.heading(SECTION_SEPARATOR.join(section)))

    def measure(self, section: tuple[str, ...], start: int, end: int, head: str = "") -> _Part:
        cleaned = self.clean(self.document.text[start:end])
        return _Part(section, start, end, len(cleaned.split()), self.count(cleaned) + 1, head)

    # -- cutting -------------------------------------------------------------------------------

    def parts(self) -> Iterator[_Part]:
        for section, blocks in groupby(_bodies(self.document.blocks), key=lambda b: b.section):
            room = self.room(section)
            for part in self.pack(list(self.units(list(blocks), room)), room):
                if part.torn:  # joined within a word it may be a little more than its parts
                    part = self.measure(part.section, part.start, part.end, part.head)
                yield from self.cut(part, BlockKind.PARAGRAPH, room)

    def units(self, blocks: Sequence[Block], room: int) -> Iterator[_Part]:
        """What should not be torn apart: a block, or one with the line that introduces it."""
        head = ""
        waiting: _Part | None = None
        for block in blocks:
            text = self.document.text[block.start : block.end]
            if block.kind is BlockKind.HEADER:
                head = self.shorten(self.clean(text), HEAD_TOKENS)
            elif block.kind is not BlockKind.ROW:
                head = ""
            row_head = head if block.kind is BlockKind.ROW else ""
            part = self.measure(block.section, block.start, block.end, row_head)
            if waiting:
                joined = self.measure(block.section, waiting.start, part.end)
                if joined.tokens <= room and joined.words <= MAX_WORDS:
                    part = joined
                else:
                    yield waiting
                waiting = None
            introduces = block.kind is BlockKind.HEADER or (
                block.kind is not BlockKind.CODE
                and text.endswith(":")
                and part.words <= SMALL_WORDS
            )
            if introduces and block is not blocks[-1] and part.tokens < room // 2:
                waiting = part
            else:
                yield from self.cut(part, block.kind, room)
        if waiting:
            yield waiting

    def cut(self, part: _Part, kind: BlockKind, room: int) -> Iterator[_Part]:
        """The part itself if it fits, else smaller ones that do."""
        if part.tokens + self.tokens_of_head(part) <= room and part.words <= MAX_WORDS:
            yield part
            return
        if kind is BlockKind.TURN:
            yield from self.cut_turn(part, room)
            return
        by_lines = kind in (BlockKind.CODE, BlockKind.ENTRY, BlockKind.ROW)
        borders = [(_LINES if by_lines else _SENTENCES, 1), (_WORDS, 8), (_WORDS, 1)]
        for border, every in borders:
            spans = list(_split(self.document.text, part.start, part.end, border, every))
            if len(spans) > 1:
                pieces = [
                    piece
                    for start, end in spans
                    for piece in self.cut(
                        self.measure(part.section, start, end, part.head),
                        kind if border is not _WORDS else BlockKind.PARAGRAPH,
                        room,
                    )
                ]
                yield from self.pack(pieces, room)
                return
        middle = (part.start + part.end) // 2  # one word without end: base64, a line of dashes
        if part.end - part.start < 2:
            yield part
            return
        for start, end in ((part.start, middle), (middle, part.end)):
            half = self.measure(part.section, start, end, part.head)
            half.torn = True
            yield from self.cut(half, kind, room)

    def cut_turn(self, part: _Part, room: int) -> Iterator[_Part]:
        """A long turn in pieces: the model is told with each who speaks."""
        speaker = self.shorten(get_speaker(self.document.text[part.start : part.end]), HEAD_TOKENS)
        room -= self.count(speaker) if speaker else 0
        for number, piece in enumerate(self.cut(part, BlockKind.PARAGRAPH, room)):
            piece.head = speaker if number else ""
            yield piece

    def tokens_of_head(self, part: _Part) -> int:
        return self.count(part.head) if part.head else 0

    def pack(self, units: Sequence[_Part], room: int) -> Iterator[_Part]:
        """Joins neighbours into chunks that fit, as few as needed and about equally full."""
        whole = sum(unit.tokens for unit in units)
        words = sum(unit.words for unit in units)
        chunks = max(1, math.ceil(max(whole / room, words / MAX_WORDS)))
        share = max(whole / chunks, 1)
        current: _Part | None = None
        for unit in units:
            if current is None:
                current = unit
                continue
            tokens = current.tokens + unit.tokens
            fits = tokens + self.tokens_of_head(current) <= room
            fits = fits and current.words + unit.words <= MAX_WORDS
            # the unit goes where most of it lies
            if not fits or (chunks > 1 and current.tokens + unit.tokens / 2 > share):
                yield current
                current = unit
            else:
                current = _Part(
                    current.section,
                    current.start,
                    unit.end,
                    current.words + unit.words,
                    tokens,
                    current.head,
                    current.torn or unit.torn,
                )
        if current:
            yield current

    # -- code ----------------------------------------------------------------------------------

    def joined(self, parts: Iterable[_Part]) -> Iterator[_Part]:
        """Small neighbouring definitions share a chunk that names them all."""
        current: _Part | None = None
        names: list[tuple[str, ...]] = []
        for part in parts:
            if current is not None:
                both = [*names, part.section]
                section = _common_section(both)
                words = current.words + part.words
                small = min(current.words, part.words) < SMALL_WORDS
                tokens = current.tokens + part.tokens
                if small and words <= 3 * SMALL_WORDS and tokens <= self.room(section):
                    current = _Part(section, current.start, part.end, words, tokens)
                    names = both
                    continue
                yield current
            current, names = part, [part.section]
        if current:
            yield current

    def finish(self, parts: Iterable[_Part]) -> Iterator[DraftChunk]:
        for position, part in enumerate(parts):
            text = self.document.text[part.start : part.end]
            section = self.label(part, text)[:SECTION_CHARACTERS]
            head = part.head + " " if part.head else ""
            heading = self.heading(SECTION_SEPARATOR.join(part.section))
            embedded = (heading + head + self.clean(text)).strip()
            yield DraftChunk(position, section, text, part.start, part.end, embedded)

    def label(self, part: _Part, text: str) -> str:
        names = list(part.section)
        media_type = self.document.media_type
        if page := page_of(self.document.pages, part.start):
            name = f"slide {page}" if media_type == PPTX else f"page {page}"
            if names[-1:] != [name.capitalize()]:  # a slide without a title is called so already
                names.append(name)
        elif media_type == LOG and (stamp := STAMP.match(text)):
            names.append(f"from {stamp['stamp']}")
        elif media_type == TRANSCRIPT and (spoken := get_stamp(text)):
            names.append(f"from {spoken}")
        return SECTION_SEPARATOR.join(names)


def chunk_document(
    document: ParsedDocument, count_tokens: CountTokens = estimate_tokens
) -> list[DraftChunk]:
    """The chunks of a document, in order and without overlap; every block but a heading is in one.

    No `embedded` text has more than `MAX_TOKENS` by `count_tokens`.
    """
    cutter = _Cutter(document, count_tokens)
    parts: Iterable[_Part] = cutter.parts()
    if document.media_type not in PROSE and document.media_type != LOG:
        parts = cutter.joined(parts)
    return list(cutter.finish(parts))


def text_to_embed(
    title: str,
    section: str,
    text: str,
    media_type: str,
    count_tokens: CountTokens = estimate_tokens,
) -> str:
    """What a stored chunk is embedded as, for another model: as `DraftChunk.embedded`, but that
    a piece of a table is without the table's head, which stands in another chunk.
    """
    cutter = _Cutter(ParsedDocument(title, "", media_type, ()), count_tokens)
    return (cutter.heading(section) + cutter.clean(text)).strip()


def _bodies(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks but headings; a heading stays where nothing stands below it."""
    for number, block in enumerate(blocks):
        if block.kind is not BlockKind.HEADING:
            yield block
        elif block.section or len(blocks) == 1:
            below = blocks[number + 1].section if number + 1 < len(blocks) else ()
            if below[: len(block.section)] != block.section or len(blocks) == 1:
                yield block


def _split(
    text: str, start: int, end: int, border: re.Pattern[str], every: int
) -> Iterator[tuple[int, int]]:
    """Spans of text[start:end] between each so many borders; blank ones are left out."""
    for number, match in enumerate(border.finditer(text, start, end), start=1):
        if number % every:
            continue
        if text[start : match.start()].strip():
            yield start, match.start()
        start = match.end()
    if text[start:end].strip():
        yield start, end


def _common_section(sections: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """("Policy", "ceiling") and ("Policy", "delay") make ("Policy", "ceiling, delay")."""
    common: list[str] = []
    for names in zip(*sections, strict=False):
        if len(set(names)) > 1:
            break
        common.append(names[0])
    rest = dict.fromkeys(".".join(names[len(common) :]) for names in sections)
    # a class whose methods are named needs no naming
    shown = [name for name in rest if name and not any(n.startswith(name + ".") for n in rest)]
    return (*common, ", ".join(shown)) if shown else tuple(common)
