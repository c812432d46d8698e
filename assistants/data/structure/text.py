"""Plain text, also from PDF: numbered headings and clauses, bullets, columns, paragraphs.

Nothing in plain text is certain. A line is taken for a heading only where its shape and its
surroundings both say so; a wrong guess costs a section's name, never a word of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistants.data.blocks import BlockKind
from assistants.data.structure.outline import Line, Outline, split_lines

# Shapes such as 4. Records, 4.2 Records, IV. Records, Annex B: Records; not: A week later
_NUMBERED_HEADING = re.compile(
    r"(?:(?P<word>(?i:section|chapter|part|article|annex|appendix|schedule))\s+)?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3})*|(?:[IVX]{1,5}|[A-Z])(?=[.):]|(?(word)\s)))[.):]?\s+[^\W\d_]"
)
# Pages from PDF have no blank lines; there only this shape is trusted.
_PAGE_HEADING = re.compile(r"\d{1,2}\.?\s+[A-Z]")
_CLAUSE = re.compile(r"\s*(?:\d{1,3}(?:\.\d{1,3})+[.)]?|§+\s*\d+\w*|\(\w{1,4}\)|[a-z]\))\s+\S")
_BULLET = re.compile(r"\s*(?:[-*•–·o]|\d{1,3}[.)])\s+\S")
_UNDERLINE = re.compile(r"[=\-~]{3,}$")
_RULE = re.compile(r"[|+\-=\s]*-{3,}[|+\-=\s]*$")  # between a table's head and its rows
_GAP = re.compile(r"(?:[ ]{2,}|\t+|\s\|\s)")
_ENDS_SENTENCE = (".", ";", ",", ":", "!", "?")
_LONGEST_HEADING = 100


def text_blocks(text: str) -> Outline:
    outline = Outline(text)
    lines = split_lines(text)
    number = _title(outline, lines)
    while number < len(lines):
        if lines[number].blank or _UNDERLINE.fullmatch(lines[number].text.strip()):
            number += 1
        elif level := _heading_level(lines, number):
            outline.open(level, " ".join(lines[number].text.split()))
            outline.add(BlockKind.HEADING, lines[number].start, lines[number].end)
            number += 1
        elif rows := _rows(lines, number):
            body = number + (2 if _RULE.fullmatch(lines[number + 1].text) else 1)
            outline.add(BlockKind.HEADER, lines[number].start, lines[body - 1].end)
            for row in lines[body : number + rows]:
                outline.add(BlockKind.ROW, row.start, row.end)
            number += rows
        else:
            end = _paragraph_end(lines, number)
            kind = BlockKind.ITEM if _BULLET.match(lines[number].text) else BlockKind.PARAGRAPH
            outline.add(kind, lines[number].start, lines[end - 1].end)
            number = end
    return outline


def _title(outline: Outline, lines: Sequence[Line]) -> int:
    """Takes a short first line for the title; returns the number of the line after it."""
    first = next((number for number, line in enumerate(lines) if not line.blank), len(lines))
    if first == len(lines):
        return first
    words = lines[first].text.strip()
    alone = first + 1 == len(lines) or lines[first + 1].blank or _underlined(lines, first)
    if len(words) > _LONGEST_HEADING or not alone or words.endswith(_ENDS_SENTENCE):
        return first
    if _CLAUSE.match(words) or _NUMBERED_HEADING.match(words) or _BULLET.match(words):
        return first
    outline.title = words
    outline.add(BlockKind.HEADING, lines[first].start, lines[first].end)
    return first + 1


def _underlined(lines: Sequence[Line], number: int) -> bool:
    return number + 1 < len(lines) and bool(_UNDERLINE.fullmatch(lines[number + 1].text.strip()))


def _heading_level(lines: Sequence[Line], number: int) -> int:
    """0 if the line is no heading. 1: underlined or in capitals. From 2: numbered, by depth."""
    line = lines[number].text.strip()
    if len(line) > _LONGEST_HEADING or line.endswith(_ENDS_SENTENCE) or lines[number].indent > 3:
        return 0
    if not any(character.isalpha() for character in line):
        return 0
    if _underlined(lines, number):
        return 1
    after = lines[number + 1].text if number + 1 < len(lines) else ""
    followed = not after.strip() or bool(_CLAUSE.match(after))
    alone = followed and (number == 0 or lines[number - 1].blank)
    if alone and line.isupper() and len(line.split()) > 1:
        return 1
    numbered = _NUMBERED_HEADING.match(line)
    if not numbered or ". " in line[numbered.end() :] or _listed(lines, number):
        return 0
    if not alone and not (_PAGE_HEADING.match(line) and (followed or after.strip()[0].isupper())):
        return 0
    return 2 + numbered["number"].count(".")


def _listed(lines: Sequence[Line], number: int) -> bool:
    """Whether the next line follows at once and is numbered alike: a list, not headings."""
    if number + 1 >= len(lines) or lines[number + 1].blank:
        return False
    after = lines[number + 1].text.strip()
    return bool(_NUMBERED_HEADING.match(after)) and not _CLAUSE.match(after)


def _columns(line: Line) -> int:
    stripped = line.text.strip()
    if " | " in stripped:  # nothing else is written so, also where a row begins with a number
        return len(_GAP.split(stripped))
    if not stripped or _CLAUSE.match(stripped) or _BULLET.match(stripped):
        return 0
    return len(_GAP.split(stripped))


def _rows(lines: Sequence[Line], number: int) -> int:
    """How many lines from here on make a table: two or more, in two or more columns."""
    count = 0
    while number + count < len(lines) and (
        _columns(lines[number + count]) >= 2
        or (count == 1 and not lines[number + 1].blank and _RULE.fullmatch(lines[number + 1].text))
    ):
        count += 1
    return count if count >= 2 else 0


def _paragraph_end(lines: Sequence[Line], number: int) -> int:
    end = number + 1
    while end < len(lines) and not lines[end].blank:
        line = lines[end].text
        if _CLAUSE.match(line) or _BULLET.match(line):
            break
        if _heading_level(lines, end) or _rows(lines, end):
            break
        end += 1
    return end
