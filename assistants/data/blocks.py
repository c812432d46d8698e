"""What a parsed document is: normalised text, and the blocks of which it is made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    HEADER = "header"  # the head of a table
    ROW = "row"
    CODE = "code"
    ENTRY = "entry"  # of a log: a stamped line and the lines that belong to it
    TURN = "turn"  # of a transcript: what one person says at a time


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]` is one paragraph, clause, list item, table row, heading, ….

    `section` is the path of headings above it, from the outermost, without the document's title;
    a heading's own path includes itself. In code it is the path of definitions.
    """

    kind: BlockKind
    start: int
    end: int
    section: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """Text as it is stored, shown and cited; every offset counts characters of `text`.

    `blocks` are in order and do not overlap. `pages` holds the offset at which each page of a PDF
    and each slide of a presentation starts, in order; of others it is empty. `confidence` is how
    sure what was recognised in pictures is, 0 to 1; None where nothing was.
    """

    title: str
    text: str
    media_type: str
    blocks: tuple[Block, ...]
    pages: tuple[int, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class DraftChunk:
    """A piece to be embedded and stored: `text` is the document's `text[start:end]`, exactly.

    `section` is the path, joined by `SECTION_SEPARATOR`. `embedded` is what the embedding model
    reads: title, section, a table's head where it is needed, and the text without markup.
    """

    position: int
    section: str
    text: str
    start: int
    end: int
    embedded: str


def page_of(pages: Sequence[int], offset: int) -> int | None:
    """The number, from 1, of the page on which a character stands; None where there are no pages.

    `pages` are those of a ParsedDocument. What stands before the first page counts to it.
    """
    return max(1, bisect_right(pages, offset)) if pages else None


SECTION_SEPARATOR = " › "

MARKDOWN = "text/markdown"
PLAIN_TEXT = "text/plain"
LOG = "text/x-log"
HTML = "text/html"
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
MAIL = "message/rfc822"
TRANSCRIPT = "text/x-transcript"
PYTHON = "text/x-python"
