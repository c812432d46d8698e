"""Sentences of a text, with their offsets; a list's line, a heading and a table's row are ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Not behind a single letter or a usual abbreviation.
_BREAK = re.compile(
    r"(?<=[.!?…\"')\]])(?<!\b[A-Za-z]\.)(?<!\b(?:Dr|Mr|Ms|vs|No|Nr|St|cf)\.)"
    r"(?<!\b(?:Mrs|e\.g|i\.e|etc|Art|Sec)\.)(?<!\bapprox\.)"
    r"[ \t]+(?=[\"'(\[*_A-Z0-9À-ÞА-Я#!<])|(?<=[。！？])|[ \t]*(?:\r\n?|\n)\s*"
)
_FENCE = re.compile(r"^[ \t>]{0,8}(```|~~~)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`start` and `end` are offsets in characters. `code` says that it is a line of fenced code."""

    text: str
    start: int
    end: int
    code: bool = False


def split_sentences(text: str) -> list[Sentence]:
    return list(_split(text))


def _split(text: str) -> Iterator[Sentence]:
    begin, fenced = 0, False
    ends = [(match.start(), match.end()) for match in _BREAK.finditer(text)]
    for end, after in [*ends, (len(text), len(text))]:
        piece = text[begin:end]
        if piece.strip():
            mark = bool(_FENCE.match(piece))
            start = begin + len(piece) - len(piece.lstrip())
            yield Sentence(piece.strip(), start, begin + len(piece.rstrip()), fenced or mark)
            fenced ^= mark
        begin = after
