"""Recognised lines to text: in the order in which people read them, with their paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

SAME_ROW = 0.5  # of a line's height that two middles may be apart
PARAGRAPH = 1.5  # line heights between two rows that begin another paragraph
GUTTER = 1.0  # line heights between two columns
PROSE = 8.0  # line heights that the lines of a column are long; a table's cells are shorter
FEWEST = 3  # rows that are a column
ACROSS_ABOVE, ACROSS_BELOW = 5, 2  # rows: a heading, and the foot of a page
CELLS = "   "  # between what stands apart in one row


@dataclass(frozen=True, slots=True)
class Line:
    """`x`, `y`: its middle; all but `confidence` in dots."""

    x: float
    y: float
    length: float
    height: float
    text: str
    confidence: float


def in_order(lines: Sequence[Line]) -> str:
    """Rows from above; columns of prose one after the other, the cells of a table side by side."""
    if not lines:
        return ""
    high = median(line.height for line in lines)
    return "\n\n".join(filter(None, (_paragraphs(column) for column in _columns(lines, high))))


def _columns(lines: Sequence[Line], high: float) -> list[Sequence[Line]]:
    """Cut at the gutter between columns of prose; a few rows above and below may run across it."""
    rows = _rows(lines)
    for above in range(min(ACROSS_ABOVE, max(0, len(rows) - FEWEST)) + 1):
        for below in range(min(ACROSS_BELOW, max(0, len(rows) - above - FEWEST)) + 1):
            end = len(rows) - below
            if parts := _cut(_together(rows[above:end]), high):
                whole = [_together(rows[:above]), *parts, _together(rows[end:])]
                return [part for part in whole if part]
    return [lines]


def _cut(lines: Sequence[Line], high: float) -> list[Sequence[Line]]:
    """Both sides of the first gutter that runs through all of these; none where there is none."""
    ordered = sorted(lines, key=lambda line: line.x - line.length / 2)
    right = ordered[0].x + ordered[0].length / 2
    for at, line in enumerate(ordered[1:], start=1):
        if line.x - line.length / 2 - right > GUTTER * high:
            sides = ordered[:at], ordered[at:]
            if all(len(side) >= FEWEST and _is_prose(side, high) for side in sides):
                return [each for side in sides for each in _columns(side, high)]
        right = max(right, line.x + line.length / 2)
    return []


def _together(rows: Sequence[Sequence[Line]]) -> list[Line]:
    return [line for row in rows for line in row]


def _is_prose(lines: Sequence[Line], high: float) -> bool:
    return median(line.length for line in lines) > PROSE * high


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.y):
        if rows:
            last = rows[-1][-1]
            if line.y - last.y < SAME_ROW * max(min(line.height, last.height), 1.0):
                rows[-1].append(line)
                continue
        rows.append([line])
    return [sorted(row, key=lambda line: line.x) for row in rows]


def _paragraphs(lines: Sequence[Line]) -> str:
    rows = _rows(lines)
    high = median(line.height for line in lines)
    steps = [below[0].y - above[0].y for above, below in pairwise(rows)]
    usual = max(median(steps) if steps else 0.0, high)
    text = ""
    for number, row in enumerate(rows):
        if number:
            text += "\n\n" if steps[number - 1] > PARAGRAPH * usual else "\n"
        text += CELLS.join(line.text.strip() for line in row)
    return text
