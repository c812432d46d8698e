"""From a parsed document to what it names: mentions of entities, and relations among them. Pure.

A section is defined by every chunk that stands under its heading and by the clause that bears its
number; a document by its first chunk. One chunk mentions an entity once, where it is first named.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assistants.data.blocks import LOG, Block, BlockKind, ParsedDocument
from assistants.data.graph import people, references, symbols
from assistants.data.graph.names import (
    LONGEST,
    NUMBER,
    Kind,
    Named,
    Predicate,
    document_names,
    law_of,
    section_of,
)
from assistants.data.structure import PROSE

MENTIONS_A_CHUNK = 40  # of entities that it does not define; a list of everything links to nothing
HEADER = 1_000  # characters in which a document gives its own number

_HEADING_NUMBER = re.compile(
    r"(?:(?P<unit>section|article|chapter|part|annex|appendix|schedule|attachment|§+)\s{0,3})?"
    r"(?P<count>\d{1,3}(?:\.\d{1,3}){0,4}|(?:[A-Z]|[IVX]{1,5})(?=[.):\s]|$))[.):]?(?:\s|$)",
    re.I,
)
_CLAUSE = re.compile(r"\s*(?:[*_]{2})?(?P<count>\d{1,3}(?:\.\d{1,3}){1,4})[.)]?(?:[*_]{2})?\s+\S")
_NAMES = (Kind.DOCUMENT, Kind.FILE, Kind.REGULATION)  # of whole documents
_WITH_CLAUSES = (BlockKind.PARAGRAPH, BlockKind.ITEM, BlockKind.ROW)
# "| TM-02 | Cash deposits …": what a table or list gives a number
_LISTED = re.compile(r"[|*\-\s]{0,6}(?P<number>" + NUMBER.pattern + r")(?:\s{0,40}[|:]|\*\*)")
_OWN_NUMBER = re.compile(
    rf"\b(?:Document|No\.|Number|Ref(?:erence)?\.?):?\s{{1,3}}(?P<number>{NUMBER.pattern})"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A chunk, by its position, names an entity at characters `start` to `end`, or defines it."""

    chunk: int
    entity: Named
    start: int
    end: int
    defines: bool
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What the chunk at a position says of two entities that it also mentions."""

    chunk: int
    subject: Named
    predicate: str
    object: Named


@dataclass(slots=True)
class Graph:
    """What one document names. `places` are in no order that matters."""

    places: list[Place]
    statements: list[Statement]


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a chunk stands in the text; what of a chunk matters here."""

    position: int
    start: int
    end: int


@dataclass(slots=True)
class _Finder:
    document_id: str
    parsed: ParsedDocument
    pieces: Sequence[Piece]
    starts: list[int] = field(default_factory=list)
    places: dict[tuple[int, Named, bool], Place] = field(default_factory=dict)
    statements: dict[Statement, None] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)

    def chunk_at(self, offset: int) -> int | None:
        """The index of the piece in which a character stands; None between pieces."""
        index = bisect_right(self.starts, offset) - 1
        return index if index >= 0 and offset < self.pieces[index].end else None

    def add(self, index: int | None, entity: Named, start: int, end: int, *, defines: bool) -> None:
        if index is None or not entity.key:
            return
        place = (index, entity, defines)
        if place in self.places or (not defines and (index, entity, True) in self.places):
            return
        if not defines:
            self.counts[index] += 1
            if self.counts[index] > MENTIONS_A_CHUNK:
                return
        name = " ".join(self.parsed.text[start:end].split())[:LONGEST]
        position = self.pieces[index].position
        self.places[place] = Place(position, entity, start, end, defines, name or entity.key)

    def state(self, index: int, subject: Named, predicate: str, obj: Named) -> None:
        """Only of entities that the chunk mentions: they go when it goes."""
        for entity in (subject, obj):
            if not any((index, entity, defines) in self.places for defines in (True, False)):
                return
        statement = Statement(self.pieces[index].position, subject, predicate, obj)
        self.statements[statement] = None

    # -- the document itself -------------------------------------------------------------------

    def document(self, origin: str) -> Named:
        text, title = self.parsed.text, self.parsed.title
        numbered = NUMBER.search(title)
        number = numbered.group() if numbered else ""
        if not number and (match := _OWN_NUMBER.search(text, 0, HEADER)):
            number = match["number"]
        first = self.pieces[0]
        titled = "" if origin.endswith(title) else title  # without one, a file's name stands in
        names = list(document_names(titled, number, origin))
        names = names or [Named(Kind.DOCUMENT, title.lower()[:LONGEST])]
        for name in names:
            self.add(0, name, first.start, first.start, defines=True)
        return names[0]

    # -- prose ---------------------------------------------------------------------------------

    def prose(self, own: Named) -> None:
        text = self.parsed.text
        law = law_of(self.parsed.title)
        before: tuple[int, tuple[str, ...]] | None = None
        for block in self.parsed.blocks:
            index = self.chunk_at(block.start)
            if index is None or block.kind is BlockKind.HEADING:
                continue
            if before != (index, block.section):
                before = (index, block.section)
                self.under(index, block.section)
            if block.kind not in _WITH_CLAUSES:
                continue
            if listed := _LISTED.match(text, block.start, block.end):
                entity = Named(Kind.DOCUMENT, listed["number"].lower())
                self.add(index, entity, *listed.span("number"), defines=True)
            if block.kind is BlockKind.ROW:
                continue
            clause = _CLAUSE.match(text, block.start, block.end)
            if clause:
                entity = section_of(self.document_id, clause["count"])
                self.add(index, entity, *clause.span("count"), defines=True)
        self.refer(law)
        for role, start, end in people.responsible(text):
            self.mention(role, start, end)
            if (index := self.chunk_at(start)) is not None:
                self.add(index, own, start, start, defines=False)
                self.state(index, role, Predicate.RESPONSIBLE_FOR, own)
        for (person, *at), (role, *of) in people.holders(text):
            self.mention(person, *at)
            self.mention(role, *of)
            if (index := self.chunk_at(at[0])) is not None:
                self.state(index, person, Predicate.HOLDS, role)
        for term, start, end in people.terms(text):
            self.add(self.chunk_at(start), term, start, end, defines=True)

    def under(self, index: int, section: Sequence[str]) -> None:
        """A piece is part of each numbered section above it."""
        start = self.pieces[index].start
        for name in section:
            if number := heading_number(name):
                self.add(index, section_of(self.document_id, number), start, start, defines=True)

    def refer(self, law: str = "") -> None:
        """References to sections and documents, and names of code."""
        for found in references.find_references(self.parsed.text, law):
            entity = found.entity
            # A summary of a law tells what its articles say.
            defines = bool(law) and entity.kind == Kind.SECTION and entity.key.startswith(law + "#")
            if found.own:
                entity = section_of(self.document_id, entity.key.partition("#")[2])
            self.mention(entity, found.start, found.end, defines=defines)
        for named, start, end in symbols.named_in_prose(self.parsed.text):
            self.mention(named, start, end)

    def mention(self, entity: Named, start: int, end: int, *, defines: bool = False) -> None:
        index = self.chunk_at(start)
        if entity.kind in _NAMES and (0, entity, True) in self.places:
            return  # the document speaks of itself
        self.add(index, entity, start, end, defines=defines)

    # -- source code ---------------------------------------------------------------------------

    def code(self, own: Named) -> None:
        text, blocks = self.parsed.text, self.parsed.blocks
        alone: dict[str, Named] = {}
        members: dict[str, Named] = {}
        for path, block in symbols.definitions(blocks):
            entity, name = symbols.symbol_of(path), path[-1]
            (members if len(path) > 1 else alone).setdefault(name, entity)
            self.add(self.chunk_at(block.start), entity, block.start, block.start, defines=True)
            if len(path) > 1 and symbols.is_telling(name):
                short = symbols.symbol(name)
                self.add(self.chunk_at(block.start), short, block.start, block.start, defines=True)
        for name, start, end in symbols.constants(text):
            entity = alone.setdefault(name, symbols.symbol(name))
            self.add(self.chunk_at(start), entity, start, end, defines=True)
        for file, names, start, end in symbols.imports(text):
            for name in names:
                alone.setdefault(name, symbols.symbol(name))
            index = self.chunk_at(start)
            self.add(index, file, start, end, defines=False)
            if index is not None:
                self.add(index, own, start, start, defines=False)
                self.state(index, own, Predicate.IMPORTS, file)
        for block in blocks:
            self.use(block, alone, members)
        self.refer()

    def use(self, block: Block, alone: dict[str, Named], members: dict[str, Named]) -> None:
        caller = symbols.symbol_of(block.section) if block.section else None
        for entity, start, end, called in symbols.uses(
            self.parsed.text, block.start, block.end, alone, members
        ):
            if entity == caller:
                continue
            index = self.chunk_at(start)
            self.add(index, entity, start, end, defines=False)
            if caller and called and index is not None:
                self.add(index, caller, start, start, defines=False)
                self.state(index, caller, Predicate.CALLS, entity)


def extract_graph(
    document_id: str, origin: str, parsed: ParsedDocument, pieces: Sequence[Piece]
) -> Graph:
    """`pieces` are the chunks in order of their start. Time grows with the length of the text."""
    if not pieces:
        return Graph([], [])
    finder = _Finder(document_id, parsed, pieces, [piece.start for piece in pieces])
    own = finder.document(origin)
    if parsed.media_type in PROSE:
        finder.prose(own)
    elif parsed.media_type == LOG:
        finder.refer()
        for entity, start, end in symbols.named_in_log(parsed.text):
            finder.mention(entity, start, end)
    else:
        finder.code(own)
    return Graph(list(finder.places.values()), list(finder.statements))


def heading_number(heading: str) -> str:
    """ "4.2 Gifts": "4.2"; "Appendix B: Forms": "appendix b"; "" for a heading without a number."""
    match = _HEADING_NUMBER.match(heading)
    if not match:
        return ""
    unit = (match["unit"] or "").lower()
    if unit in ("annex", "appendix", "schedule", "attachment"):
        return f"appendix {match['count'].lower()}"
    return match["count"] if unit or match["count"][0].isdigit() else ""


def section_numbers(number: str) -> Iterator[str]:
    """The number, then what holds it: 6(1)(a), 6(1), 6; 4.2.1, 4.2, 4."""
    while number:
        yield number
        cut = max(number.rfind("("), number.rfind("."))
        number = number[:cut] if cut > 0 else ""
