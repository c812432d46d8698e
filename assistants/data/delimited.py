"""Tables in text files: values between commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
from collections import Counter

from assistants.formats import MAX_ROWS, Reason, Unreadable, tables

_DELIMITERS = ",;\t|"
_SAMPLE = 1 << 16  # characters
_SHARE = 0.6  # of the rows must be of one width


def find_delimiter(text: str) -> str:
    """The one that cuts most rows into as many cells, at least two; "" if none does."""
    first = text[:20].split("\n")[0].strip().lower()
    if first.startswith("sep=") and len(first) == 5:  # Excel's own hint
        return first[4]
    sample = text[:_SAMPLE]
    best = (0.0, 0, "")
    for delimiter in _DELIMITERS:
        if delimiter not in sample:
            continue
        rows = _rows(sample, delimiter)
        if len(text) > _SAMPLE:
            rows = rows[:-1]  # it may be cut
        widths = Counter(map(len, rows))
        if not widths:
            continue
        width, count = widths.most_common(1)[0]
        share = count / widths.total()
        if width >= 2 and share >= _SHARE:
            best = max(best, (share, width, delimiter))
    return best[2]


def to_markdown(text: str, delimiter: str) -> str:
    """Text that turns out to be no table stays as it is. Raises Unreadable for too many rows."""
    if text[:4].lower() == "sep=":
        text = text.partition("\n")[2]
    rows = _rows(text, delimiter, empty=True)
    if not rows:
        return text
    if len(rows) > MAX_ROWS:
        raise Unreadable(Reason.TOO_MANY_ROWS, f"{len(rows)} rows")
    return "\n\n".join(tables.write(rows))


def _rows(text: str, delimiter: str, *, empty: bool = False) -> list[list[str]]:
    """No rows where a quotation mark that never ends, or an absurd cell, makes it no table."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return []
    return rows if empty else [row for row in rows if row]
