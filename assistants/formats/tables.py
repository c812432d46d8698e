"""Rows of a sheet or a file of values, written as Markdown tables with their heads known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assistants.formats import markup


def write(rows: Iterable[list[str]]) -> list[str]:
    """Each run of rows without an empty one is a table, and the lone cells above it are text."""
    return [text for region in _regions(rows) for text in _write(region)]


def _regions(rows: Iterable[list[str]]) -> Iterable[list[list[str]]]:
    """Rows that stand together, without the columns that are empty in all of them."""
    region: list[list[str]] = []
    for row in [*rows, []]:
        if any(cell.strip() for cell in row):
            region.append(row)
        elif region:
            width = max(map(len, region))
            filled = [[*row, *[""] * (width - len(row))] for row in region]
            used = [at for at in range(width) if any(row[at].strip() for row in filled)]
            yield [[row[at] for at in used] for row in filled]
            region = []


def _write(region: list[list[str]]) -> Iterable[str]:
    """Lone cells above a table are text; what is only one column wide is text too."""
    if len(region[0]) == 1:
        yield from (markup.paragraph(row[0]) for row in region)
        return
    while region and sum(bool(cell.strip()) for cell in region[0]) == 1:
        yield markup.paragraph("".join(region.pop(0)))
    if region:
        yield markup.table(region, int(len(region) > 1 and _is_head(region)))


def _is_head(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: words, hardly a gap, none twice."""
    head = [cell.strip() for cell in rows[0]]
    named = [cell for cell in head if cell]
    if len(named) < max(1, len(head) - 1 - len(head) // 4) or len(set(named)) < len(named):
        return False
    return not any(_is_figure(cell) for cell in named) or all(map(_is_year, named[1:]))


def _is_figure(cell: str) -> bool:
    """Mostly digits: an amount, a date, a share."""
    digits = sum(character.isdigit() for character in cell)
    return digits > 0 and 2 * digits >= len(cell.replace(" ", ""))


def _is_year(cell: str) -> bool:
    return cell.isdecimal() and len(cell) == 4 and cell[:2] in ("19", "20")
