"""Writing Markdown: what the readers of HTML and DOCX have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence

_STRUCTURE = re.compile(r"^(?=#{1,6}\s|>|```|~~~|\||[-=]{3,}$)", re.M)
_SPACES = re.compile(r"[^\S\n]+")


def squeeze(text: str) -> str:
    """One space between words; line breaks stay, without spaces around them."""
    lines = (line.strip() for line in _SPACES.sub(" ", text).split("\n"))
    return "\n".join(line for line in lines if line)


def paragraph(text: str) -> str:
    """Text that would read as Markdown structure gets a backslash."""
    return _STRUCTURE.sub(r"\\", squeeze(text))


def heading(level: int, text: str) -> str:
    return f"{'#' * max(1, min(6, level))} {' '.join(text.split())}"


def item(depth: int, mark: str, text: str) -> str:
    """A list item, its further lines indented below its first."""
    indent = "  " * min(depth, 8)
    return indent + f"{mark} " + paragraph(text).replace("\n", "\n" + indent + "  ")


def table(rows: Sequence[Sequence[str]], heads: int) -> str:
    """A pipe table. The first `heads` rows become its one head; without any, the head is empty."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    # a value that spans several rows of the head is said once
    head = [
        " ".join(dict.fromkeys(filter(None, cells))) for cells in zip(*filled[:heads], strict=True)
    ]
    lines = [_row(head or [""] * width), _row(["---"] * width)]
    lines += [_row(row) for row in filled[heads:] if any(row)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in cells) + " |"
