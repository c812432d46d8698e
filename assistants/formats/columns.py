"""Tables of a PDF page, which has none: only words at places. Columns are what lines leave blank.

A page is given twice: as text in reading order, and laid out with spaces so that words stand about
where they stand on the page. Tables are found in the second and put into the first, so that no
word is lost or doubled where a table was only imagined.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

FEWEST_ROWS = 3  # with two cells or more, the head among them
FILLED = 0.6  # of all cells, at least
LONGEST_LINE = 1000  # characters; wider pages are drawings
_CELL = re.compile(r"\S+(?: \S+)*")
_BULLET = re.compile(r"[•·▪–*-]")
_LEADER = re.compile(r"(?:\. ?){5}")
_LABEL = re.compile(r"[•·▪–*-]|\(?\w{1,3}[.)]|§?\s?\d{1,3}(?:\.\d{1,3})*\.?")
_PROSE_LINES = 6
_PROSE_WIDTH = 28  # characters a line, in two columns at least: text set in columns


@dataclass(slots=True)
class _Table:
    """`columns` are the places, from and to, that any line has used; `lines` their cells."""

    columns: list[tuple[int, int]] = field(default_factory=list)
    lines: list[tuple[bool, list[tuple[int, str]]]] = field(default_factory=list)

    def take(self, line: str, *, spaced: bool) -> bool:
        """Adds a line, `spaced` if a blank one is above it, unless it crosses columns."""
        columns = list(self.columns)
        cells = [(match.start(), match.end(), match[0]) for match in _CELL.finditer(line)]
        for start, end, _ in cells:
            near = [place for place in columns if start < place[1] + 2 and end + 2 > place[0]]
            if len(near) > 1 and self._both_used(near):
                return False
            columns = [place for place in columns if place not in near]
            columns.append((min([start, *(n[0] for n in near)]), max([end, *(n[1] for n in near)])))
        columns.sort()
        if self.lines and len(cells) == 1 and spaced:
            return False  # a short paragraph, a page's number
        self.columns = columns
        self.lines.append((spaced, [(start, text) for start, _, text in cells]))
        return True

    def _both_used(self, columns: list[tuple[int, int]]) -> bool:
        """Whether any line has words in two of them; else they are one, hit in two places."""
        for _, cells in self.lines:
            hit = {place for start, _ in cells for place in columns if place[0] <= start < place[1]}
            if len(hit) > 1:
                return True
        return False

    def rows(self) -> list[list[str]]:
        """Lines put together: one without a first cell goes on with the row above."""
        rows: list[list[str]] = []
        for spaced, cells in self.lines:
            row = [""] * len(self.columns)
            for start, text in cells:
                at = next(n for n, place in enumerate(self.columns) if place[0] <= start < place[1])
                row[at] = f"{row[at]} {text}".strip()
            goes_on = rows and not spaced and (not row[0] or sum(map(bool, row)) == 1)
            if goes_on:
                rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], row, strict=True)]
            else:
                rows.append(row)
        return rows

    def is_one(self, rows: list[list[str]]) -> bool:
        """Whether it is a table, and not a list, a table of contents or text set in columns."""
        filled = [sum(map(bool, row)) for row in rows]
        if sum(count >= 2 for count in filled) < FEWEST_ROWS or filled[0] < len(self.columns) - 1:
            return False
        if sum(filled) < FILLED * len(rows) * len(self.columns):
            return False
        labels = _LABEL if len(self.columns) == 2 else _BULLET
        if all(labels.fullmatch(row[0]) for row in rows if row[0]):
            return False
        if any(_LEADER.search(cell) for row in rows for cell in row):
            return False
        widths = [0] * len(self.columns)
        for _, cells in self.lines:
            for start, text in cells:
                at = next(n for n, place in enumerate(self.columns) if place[0] <= start < place[1])
                widths[at] += len(text)
        wide = sum(width > _PROSE_WIDTH * len(self.lines) for width in widths)
        return len(self.lines) <= _PROSE_LINES or wide < 2


def find_tables(laid_out: str) -> list[list[list[str]]]:
    """The rows of each table on the page, from top to bottom."""
    found: list[list[list[str]]] = []
    table = _Table()
    blank = False

    def finish() -> None:
        rows = table.rows()
        if rows and table.is_one(rows):
            found.append(rows)

    for line in laid_out.split("\n"):
        if not line.strip():
            blank = True
            continue
        if len(line) > LONGEST_LINE:
            return []
        if not (table.lines and table.take(line, spaced=blank)):
            finish()
            table = _Table()
            if len(_CELL.findall(line)) > 1:
                table.take(line, spaced=blank)
        blank = False
    finish()
    return found


def put_in(text: str, tables: list[list[list[str]]]) -> str:
    """The page's text with the lines of each table as `cell | cell`, where they are the same."""
    lines = text.split("\n")
    bare = ["".join(line.split()) for line in lines]
    done = 0
    for rows in tables:
        letters = Counter("".join("".join(cell.split()) for row in rows for cell in row))
        place = _find(bare, letters, done)
        if place is None:
            continue
        first, last = place
        written = ["", *(" | ".join(map(_escape, row)).rstrip() for row in rows), ""]
        lines[first:last] = written
        bare[first:last] = [""] * len(written)
        done = first + len(written)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _find(bare: list[str], letters: Counter[str], start: int) -> tuple[int, int] | None:
    """The lines from `start` on that have exactly these letters between them."""
    whole = letters.total()
    for first in range(start, len(bare)):
        if not bare[first]:
            continue
        length = 0
        for last in range(first, len(bare)):
            length += len(bare[last])
            if length >= whole:
                if length == whole and Counter("".join(bare[first : last + 1])) == letters:
                    return first, last + 1
                break
    return None


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")
