"""Finding the structure of normalised text: headings, clauses, rows, definitions. Pure."""

from __future__ import annotations

from assistants.data import blocks, pictures
from assistants.data.structure.code import code_blocks
from assistants.data.structure.definitions import GRAMMARS, definition_blocks
from assistants.data.structure.logs import log_blocks
from assistants.data.structure.markdown import markdown_blocks
from assistants.data.structure.outline import Outline
from assistants.data.structure.text import text_blocks
from assistants.data.structure.turns import turn_blocks

# Web pages, office files, tables and mails are stored as Markdown, so their structure survives.
MARKED_UP = {
    blocks.MARKDOWN, blocks.HTML, blocks.DOCX, blocks.PPTX, blocks.XLSX, blocks.CSV, blocks.MAIL,
}  # fmt: skip
PROSE = {*MARKED_UP, blocks.PLAIN_TEXT, blocks.PDF, blocks.TRANSCRIPT, *pictures.MEDIA_TYPES}


def find_blocks(text: str, media_type: str) -> Outline:
    """The title that the text gives itself ("" if none) and its blocks, in order."""
    if media_type in MARKED_UP:
        return markdown_blocks(text)
    if media_type == blocks.TRANSCRIPT:
        return turn_blocks(text)
    if media_type in PROSE:
        return text_blocks(text)
    if media_type == blocks.LOG:
        return log_blocks(text)
    if media_type in GRAMMARS:
        return definition_blocks(text, media_type)
    return code_blocks(text)


__all__ = ["MARKED_UP", "PROSE", "Outline", "find_blocks"]
