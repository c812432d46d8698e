"""DOCX to Markdown: headings, automatic numbers, lists and tables, in the order of the body."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from assistants.formats import Reading, markup
from assistants.formats.archive import check_archive
from assistants.formats.numbering import Numbering

# Text that is not there for a reader: deleted, moved away, field codes, a second rendering.
_SKIPPED = {
    qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), qn("w:delText"), qn("w:pPr"), qn("w:rPr"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}  # fmt: skip
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_HEADING = re.compile(r"heading (\d)$", re.I)


def read(content: bytes) -> Reading:
    check_archive(content)
    document = docx.Document(io.BytesIO(content))
    writer = _Writer(document)
    writer.body(document.element.body)
    return Reading(document.core_properties.title or "", "\n\n".join(writer.out))


class _Writer:
    def __init__(self, document: Any) -> None:
        self.out: list[str] = []
        self.styles: dict[str, Any] = {
            style.get(qn("w:styleId")): style
            for style in document.styles.element.findall(qn("w:style"))
        }
        self.numbering = Numbering(document)
        self.notes = read_notes(document)

    def body(self, element: Any) -> None:
        """Paragraphs and tables, also those wrapped in content controls or tracked insertions."""
        for child in element:
            if child.tag == qn("w:p"):
                self.paragraph(child)
            elif child.tag == qn("w:tbl"):
                self.table(child)
            elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml")):
                self.body(child)

    def paragraph(self, paragraph: Any) -> None:
        self.text(paragraph)
        self.write_notes(paragraph)

    def write_notes(self, element: Any) -> None:
        """Footnotes and endnotes stand below the paragraph or table that refers to them."""
        for reference in element.iter(*_NOTES):
            note = self.notes.get((_NOTES[reference.tag], reference.get(qn("w:id"), "")))
            if note:
                self.out.append(markup.paragraph(f"{note_mark(reference)} {note}"))

    def text(self, paragraph: Any) -> None:
        properties = paragraph.find(qn("w:pPr"))
        style = self.style_of(properties)
        label = self.label(properties, style)
        text = markup.squeeze(text_of(paragraph))
        if not text:
            return
        if level := self.heading_level(properties, style):
            self.out.append(markup.heading(level, f"{label.text} {text}" if label.text else text))
        elif label.bullet:
            self.out.append(markup.item(label.depth, "-", text))
        else:
            self.out.append(markup.paragraph(f"{label.text} {text}" if label.text else text))

    def style_of(self, properties: Any) -> str:
        style = properties.find(qn("w:pStyle")) if properties is not None else None
        return style.get(qn("w:val"), "") if style is not None else ""

    def chain(self, style: str) -> Iterator[Any]:
        """The style and those it is based on."""
        seen: set[str] = set()
        while style in self.styles and style not in seen:
            seen.add(style)
            element = self.styles[style]
            yield element
            based = element.find(qn("w:basedOn"))
            style = based.get(qn("w:val"), "") if based is not None else ""

    def heading_level(self, properties: Any, style: str) -> int:
        """0 for text, 1 for the title, 2 for the first level of headings."""
        for element in self.chain(style):
            name = element.find(qn("w:name"))
            named = name.get(qn("w:val"), "") if name is not None else ""
            if named.lower() == "title":
                return 1
            if heading := _HEADING.match(named):
                return 1 + int(heading[1])
        for place in (properties, *(s.find(qn("w:pPr")) for s in self.chain(style))):
            outline = place.find(qn("w:outlineLvl")) if place is not None else None
            if outline is not None and outline.get(qn("w:val"), "9") in "012345678":
                return 2 + int(outline.get(qn("w:val")))
        return 0

    def label(self, properties: Any, style: str) -> Any:
        for place in (properties, *(s.find(qn("w:pPr")) for s in self.chain(style))):
            number = place.find(qn("w:numPr")) if place is not None else None
            if number is not None:
                return self.numbering.label(number, style)
        return self.numbering.NONE

    def table(self, table: Any) -> None:
        rows: list[list[str]] = []
        above: dict[int, str] = {}
        heads = 0
        for row in table.iter(qn("w:tr")):
            if next(row.iterancestors(qn("w:tbl"))) is not table:
                continue  # of a table in a cell: its text is in the outer cell already
            cells: list[str] = []
            for cell in row.iter(qn("w:tc")):
                if next(cell.iterancestors(qn("w:tr"))) is not row:
                    continue
                column = len(cells)
                text = " ".join(text_of(cell).split())
                merged = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
                if merged is not None and merged.get(qn("w:val")) != "restart":
                    text = text or above.get(column, "")
                span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
                width = int(span.get(qn("w:val"), "1")) if span is not None else 1
                for _ in range(max(1, min(width, 100))):
                    above[len(cells)] = text
                    cells.append(text)
            marked = row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
            if marked and heads == len(rows):
                heads += 1
            rows.append(cells)
        if len(rows) == 1 or max(map(len, rows), default=0) == 1:  # a frame around text
            self.out.extend(markup.paragraph(cell) for cells in rows for cell in cells if cell)
        else:
            # Word marks few heads; the first row is one nearly always
            self.out.append(markup.table(rows, heads or 1))
        self.write_notes(table)


def read_notes(document: Any) -> dict[tuple[str, str], str]:
    """The texts of footnotes and endnotes, by kind and id."""
    notes = {}
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind not in ("footnotes", "endnotes") or relation.is_external:
            continue
        root = parse_xml(relation.target_part.blob)
        for note in root:
            if note.get(qn("w:type")) in (None, "normal"):
                notes[kind, note.get(qn("w:id"), "")] = " ".join(text_of(note).split())
    return notes


def note_mark(reference: Any) -> str:
    """As it stands in the text: "[1]", and "[e1]" for an endnote."""
    end = "e" if reference.tag == qn("w:endnoteReference") else ""
    return f"[{end}{reference.get(qn('w:id'), '')}]"


def text_of(element: Any) -> str:
    """The visible text below an element; tabs become spaces, inner paragraphs lines."""
    parts: list[str] = []
    stack = [iter(element)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
            continue
        if child.tag in _SKIPPED:
            continue
        if child.tag == qn("w:t"):
            parts.append(child.text or "")
        elif child.tag == qn("w:tab"):
            parts.append(" ")
        elif child.tag in (qn("w:br"), qn("w:cr"), qn("w:p"), qn("w:tc")):
            parts.append("\n")
        elif child.tag == qn("w:noBreakHyphen"):
            parts.append("-")
        elif child.tag in _NOTES:
            parts.append(note_mark(child))
        stack.append(iter(child))
    return "".join(parts)
