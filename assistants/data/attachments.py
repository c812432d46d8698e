"""What came with a mail, as sections below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from assistants.data.blocks import BlockKind, ParsedDocument
from assistants.data.pictures import how_sure
from assistants.data.structure import MARKED_UP, PROSE
from assistants.formats import markup

_HEADING = re.compile(r"#{1,6}\s+")
_COLUMNS = re.compile(r"\s{2,}|\t+|\s\|\s")
_RULE = re.compile(r"\n[|+\-=\s]*-{3,}[|+\-=\s]*$")
_LEVEL = 2  # of an attachment's own heading


def as_section(name: str, document: ParsedDocument) -> str:
    """The document as Markdown, below a heading with its name and with its own headings below; of a
    picture it is said how sure its text is.
    """
    parts = [markup.heading(_LEVEL, f"Attachment: {name}")]
    if document.confidence is not None:
        parts.append(f"(Text recognised in a picture, {how_sure(document.confidence)}.)")
    return "\n\n".join([*parts, _body(document)])


def as_note(name: str, why: str) -> str:
    """For what could not be read: a sentence, so that nobody takes it for read."""
    return f"{markup.heading(_LEVEL, f'Attachment: {name}')}\n\nNot read: {markup.paragraph(why)}"


def _body(document: ParsedDocument) -> str:
    if document.media_type in MARKED_UP:
        return _lowered(document)
    if document.media_type in PROSE:
        return "\n\n".join(_from_plain(document))
    fence = "```" if "```" not in document.text else "~~~~"
    return f"{fence}\n{document.text}\n{fence}"


def _lowered(document: ParsedDocument) -> str:
    pieces: list[str] = []
    done = 0
    for block in document.blocks:
        if block.kind is not BlockKind.HEADING:
            continue
        written = document.text[block.start : block.end]
        marks = _HEADING.match(written)
        level = len(marks[0].rstrip()) if marks else 1
        name = written[marks.end() :] if marks else written.rsplit("\n", 1)[0]
        pieces += [document.text[done : block.start], markup.heading(_LEVEL + level, name)]
        done = block.end
    return "".join([*pieces, document.text[done:]])


def _from_plain(document: ParsedDocument) -> Iterable[str]:
    tables = (BlockKind.HEADER, BlockKind.ROW)
    for in_table, group in groupby(document.blocks, key=lambda block: block.kind in tables):
        if in_table:
            blocks = list(group)
            rows = [_cells(document.text[block.start : block.end]) for block in blocks]
            yield markup.table(rows, int(blocks[0].kind is BlockKind.HEADER))
            continue
        for block in group:
            text = document.text[block.start : block.end]
            if block.kind is BlockKind.HEADING:
                yield markup.heading(_LEVEL + max(1, len(block.section)), text.split("\n")[0])
            else:
                yield markup.paragraph(text)


def _cells(row: str) -> Sequence[str]:
    return [cell.strip() for cell in _COLUMNS.split(_RULE.sub("", row).strip(" |\t"))]
