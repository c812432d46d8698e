"""Markdown (CommonMark and tables): headings, paragraphs, list items, table rows, code."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from assistants.data.blocks import BlockKind
from assistants.data.structure.outline import Line, Outline, split_lines

_parser = MarkdownIt("commonmark").enable("table")
# Only the blocks and their lines are wanted; inline markup stays as it is written.
_parser.core.ruler.enableOnly(["normalize", "block"])

_KINDS = {
    "paragraph_open": BlockKind.PARAGRAPH,
    "blockquote_open": BlockKind.PARAGRAPH,
    "html_block": BlockKind.PARAGRAPH,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
}
_FRONT_MATTER = re.compile(r"---\n(?P<body>(?:.*\n){0,50}?)---(?:\n|\Z)")
_FRONT_TITLE = re.compile(r"^title:\s*[\"']?(?P<title>.+?)[\"']?\s*$", re.M | re.I)
_MARKS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_NUMBERED = re.compile(r"\d|(?:chapter|part|section|article)\s", re.I)
_LONGEST_NAME = 200
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")


def without_marks(markup: str) -> str:
    """Markdown without emphasis, code marks, link targets and escapes; blanks stay as they are."""
    return _ESCAPED.sub(r"\1", _MARKS.sub("", _LINK.sub(r"\1", markup)))


def plain(markup: str) -> str:
    return without_marks(markup).strip()


def markdown_blocks(text: str) -> Outline:
    outline = Outline(text)
    front = _FRONT_MATTER.match(text)
    skipped = front.end() if front else 0
    if front and (named := _FRONT_TITLE.search(front["body"])):
        outline.title = named["title"]
    lines = [line for line in split_lines(text) if line.start >= skipped]
    tokens = _parser.parse(text[skipped:])
    chapters = sum(token.type == "heading_open" and token.tag == "h1" for token in tokens) > 1
    for number, token in enumerate(tokens):
        if not token.map:
            continue
        if token.type == "heading_open" and token.level == 0:
            name = plain(tokens[number + 1].content)[:_LONGEST_NAME]
            _heading(outline, int(token.tag[1]), name, chapters)
            _add(outline, BlockKind.HEADING, lines, token.map)
        elif token.type == "list_item_open" and token.level == 1:
            _add(outline, BlockKind.ITEM, lines, token.map)
        elif token.type == "thead_open" and token.level == 1:
            # the line of dashes below belongs to the head
            _add(outline, BlockKind.HEADER, lines, [token.map[0], token.map[0] + 2])
        elif token.type == "tr_open" and token.level == 2 and not _in_head(tokens, number):
            _add(outline, BlockKind.ROW, lines, token.map)
        elif token.level == 0 and token.type in _KINDS:
            _add(outline, _KINDS[token.type], lines, token.map)
    return outline


def _in_head(tokens: list[Token], number: int) -> bool:
    return tokens[number - 1].type == "thead_open"


def _heading(outline: Outline, level: int, name: str, chapters: bool) -> None:
    # The first heading of the first level is the document's title and no section of it, unless
    # it is the first of several numbered chapters.
    untitled = level == 1 and not outline.path and not outline.title
    if untitled and not (chapters and _NUMBERED.match(name)):
        outline.title = name
    elif name and name != outline.title:
        outline.open(level, name)


def _add(outline: Outline, kind: BlockKind, lines: list[Line], span: list[int]) -> None:
    first, last = span[0], min(span[1], len(lines))
    if first < last:
        outline.add(kind, lines[first].start, lines[last - 1].end)
