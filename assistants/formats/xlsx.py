"""XLSX to Markdown: a heading a sheet, its tables as tables, each value as the sheet shows it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import openpyxl

from assistants.formats import MAX_ROWS, Reading, Reason, Unreadable, markup, tables
from assistants.formats.archive import check_archive
from assistants.formats.cells import shown

MAX_COLUMNS = 200
MAX_EMPTY = 2_000_000  # cells without a value, which some programs write by the million


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
        rows = [
            [shown(cell.value, cell.number_format or "General") for cell in row]
            for row in bounded(sheet.iter_rows(max_col=MAX_COLUMNS), rows_left)
        ]
        rows_left -= sum(map(any, rows))
        if written := tables.write(rows):
            out += [markup.heading(2, sheet.title), *written]
    return Reading(book.properties.title or "", "\n\n".join(out))


def bounded(rows: Iterable[Any], most: int) -> Iterable[Any]:
    """Rows with a value, and the first empty one after each. Raises Unreadable for too many."""
    count = empty = 0
    open_ = False
    for row in rows:
        if any(cell.value not in (None, "") for cell in row):
            count += 1
            if count > most:
                raise Unreadable(Reason.TOO_MANY_ROWS, f"over {MAX_ROWS} rows")
            open_ = True
            yield row
            continue
        empty += max(1, len(row))
        if empty > MAX_EMPTY:
            return
        if open_:
            open_ = False
            yield ()
