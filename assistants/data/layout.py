"""A document's text laid out for reading: sections, paragraphs, tables, code, one range marked.

Pure. What comes out is plain text in plain values; the template escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from assistants.data.blocks import SECTION_SEPARATOR, Block, BlockKind
from assistants.data.structure import MARKED_UP, PROSE, find_blocks
from assistants.data.structure.markdown import without_marks

_CELLS = re.compile(r"(?<!\\)\|")
_COLUMNS = re.compile(r"\s{2,}|\t+|\s*(?<!\\)\|\s*")
_RULE = re.compile(r"[|:+\-=\s]*-{3,}[|:+\-=\s]*")
_FENCE = re.compile(r"^(?:```|~~~).*\n|\n(?:```|~~~)\s*$")


@dataclass(frozen=True, slots=True)
class Span:
    """Text that is or is not in the marked range; `first` on the first that is."""

    text: str
    marked: bool = False
    first: bool = False


@dataclass(slots=True)
class Part:
    """`kind`: paragraph, item, code or table. A table has rows of cells of spans, else `spans`."""

    kind: str
    spans: list[Span] = field(default_factory=list)
    head: list[list[Span]] = field(default_factory=list)
    rows: list[list[list[Span]]] = field(default_factory=list)


@dataclass(slots=True)
class Section:
    """What stands under one heading. `anchor` is unique in the document; `level` starts at 1."""

    anchor: str
    name: str
    path: str
    level: int
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class _Layout:
    text: str
    media_type: str
    start: int
    end: int
    marked: bool = False

    def sections(self, blocks: Iterable[Block]) -> list[Section]:
        sections: list[Section] = []
        path: tuple[str, ...] | None = None
        for block in blocks:
            heading = block.kind is BlockKind.HEADING
            if heading and not block.section:
                continue  # the document's own title stands above it all
            if path is None or block.section != path or (heading and sections[-1].parts):
                path = block.section
                name = path[-1] if path else ""
                sections.append(
                    Section(
                        f"section-{len(sections) + 1}",
                        name,
                        SECTION_SEPARATOR.join(path),
                        max(1, len(path)),
                    )
                )
            if not heading:
                self.add(sections[-1], block)
        return sections

    def add(self, section: Section, block: Block) -> None:
        if block.kind in (BlockKind.HEADER, BlockKind.ROW):
            table = section.parts[-1] if section.parts else None
            if block.kind is BlockKind.HEADER or table is None or table.kind != "table":
                table = Part("table")
                section.parts.append(table)
            if block.kind is BlockKind.HEADER:
                table.head = self.cells(block)
            else:
                table.rows.append(self.cells(block))
        elif block.kind is BlockKind.CODE:
            section.parts.append(Part("code", self.spans(block.start, block.end, code=True)))
        else:
            kind = "item" if block.kind is BlockKind.ITEM else "paragraph"
            section.parts.append(Part(kind, self.spans(block.start, block.end)))

    def spans(self, start: int, end: int, *, code: bool = False) -> list[Span]:
        """text[start:end], cut at the borders of the marked range."""
        borders = [start, min(max(self.start, start), end), min(max(self.end, start), end), end]
        spans = []
        for number, (a, b) in enumerate(pairwise(borders)):
            if a >= b:
                continue
            text = self.text[a:b]
            if self.media_type in MARKED_UP:
                text = _FENCE.sub("", text) if code else without_marks(text)
            marked = number == 1
            spans.append(Span(text, marked, marked and not self.marked))
            self.marked = self.marked or marked
        return spans

    def cells(self, block: Block) -> list[list[Span]]:
        start, end = block.start, block.end
        lines = self.text[start:end].split("\n")
        if len(lines) > 1 and _RULE.fullmatch(lines[-1]):  # below a table's head
            end -= len(lines[-1]) + 1
        border = _CELLS if self.media_type in MARKED_UP else _COLUMNS
        if self.media_type in MARKED_UP:
            start += self.text[start:end].startswith("|")
            end -= self.text[start:end].endswith("|") and self.text[end - 2] != "\\"
        cells = []
        for match in border.finditer(self.text, start, end):
            cells.append(self.spans(start, match.start()))
            start = match.end()
        return [*cells, self.spans(start, end)]


def lay_out(text: str, media_type: str, start: int = 0, end: int = 0) -> list[Section]:
    """The document in reading order, text[start:end] marked; no mark if that is empty.

    Code and logs are one section with one part: their lines are their layout.
    """
    layout = _Layout(text, media_type, start, max(start, end))
    if media_type not in PROSE:
        parts = [Part("code", layout.spans(0, len(text), code=True))] if text else []
        return [Section("section-1", "", "", 1, parts)]
    return layout.sections(find_blocks(text, media_type).blocks)
