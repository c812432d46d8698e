"""A text with placeholders in it, and what stands where."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SealedSpan:
    """`text` stands at `start` to `end` of what was given; `placeholder` is what leaves instead."""

    start: int
    end: int
    type: str
    placeholder: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """`kept` are the stretches of `text` that stand in the original too: (here, there, length)."""

    text: str
    spans: list[SealedSpan]
    kept: list[tuple[int, int, int]]

    def original(self, start: int, end: int) -> tuple[int, int] | None:
        """Where `text[start:end]` stands in the original; None if a placeholder is part of it."""
        here, there, length = self.kept[bisect_right(self.kept, start, key=lambda k: k[0]) - 1]
        if end > here + length:
            return None
        return start - here + there, end - here + there


def write(text: str, spans: Sequence[SealedSpan]) -> Sealed:
    """`spans` are in order and do not overlap."""
    pieces: list[str] = []
    kept: list[tuple[int, int, int]] = []
    place = length = 0
    for span in spans:
        kept.append((length, place, span.start - place))
        pieces += text[place : span.start], span.placeholder
        length += span.start - place + len(span.placeholder)
        place = span.end
    kept.append((length, place, len(text) - place))
    pieces.append(text[place:])
    return Sealed("".join(pieces), list(spans), kept)
