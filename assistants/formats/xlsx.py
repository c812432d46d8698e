"""XLSX to Markdown: a heading a sheet, its tables as tables, each value as the sheet shows it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import openpyxl

from assistants.formats import MAX_ROWS, Reading, Reason, Unreadable, markup, tables
from assistants.formats.archive import check_archive
from assistants.formats.cells import shown


def read(content: bytes) -> Reading:
    """Formulas by the values they had when the file was saved. Hidden sheets are not there."""
    check_archive(content)
    book = openpyxl.load_workbook(
        io.BytesIO(content), read_only=True, data_only=True, keep_links=False
    )
    out: list[str] = []
    rows_left = MAX_ROWS
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        sheet.reset_dimensions()  # what a file says of its own size is often wrong
        rows = list(bounded(sheet.iter_rows(), rows_left))
        rows_left -= sum(map(any, rows))
        if written := tables.write(rows):
            out += [markup.heading(2, sheet.title), *written]
    return Reading(book.properties.title or "", "\n\n".join(out))


def bounded(rows: Iterable[Any], most: int) -> Iterable[list[str]]:
    """Rows with a value, and the first empty one after each. Raises Unreadable for too many."""
    count = 0
    filled = False
    for row in rows:
        cells = [shown(cell.value, cell.number_format) for cell in row if cell.value is not None]
        if any(cells):
            count += 1
            if count > most:
                raise Unreadable(Reason.TOO_MANY_ROWS, f"over {MAX_ROWS} rows")
            values = iter(cells)
            yield [next(values) if cell.value is not None else "" for cell in row]
        elif filled:
            yield []
        filled = any(cells)
