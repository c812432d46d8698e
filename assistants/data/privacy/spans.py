"""A sensitive span, and how overlapping claims on the same characters are settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SensitiveSpan:
    """`text[start:end]` names or identifies somebody or something; `type` is upper case.

    `score` (0 to 1) is how sure the detector is. At 0.9 and above the value proves itself: a
    checksum, or a form that nothing else has. `detector` says which one found it, for the record.
    """

    start: int
    end: int
    type: str
    score: float
    detector: str


CERTAIN = 0.9  # from here on the value proves itself

# They narrow down who is meant without naming anybody. Policy may let them through: HIPAA's Safe
# Harbor lets ages under 90, countries and years stay.
QUASI_IDENTIFIERS = frozenset({"AGE", "COUNTRY", "NATIONALITY", "TITLE", "YEAR", "WEEKDAY"})


def settle(text: str, spans: Iterable[SensitiveSpan]) -> list[SensitiveSpan]:
    """Non-overlapping spans in order. Where two claim a character, the surer wins, then the longer.

    Nothing that any detector claimed becomes uncovered: what is left of a loser stays a span,
    unless it is punctuation only. Edges that are blanks are cut off.
    """
    ranked = sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start, s.type))
    if len(ranked) < 2:
        return [whole for span in ranked if (whole := _trim(text, span))]
    owners: dict[int, int] = {}
    kept: list[SensitiveSpan] = []
    for rank, span in enumerate(ranked):
        start = None
        for position in range(span.start, span.end):
            if owners.setdefault(position, rank) == rank:
                if start is None:
                    start = position
            elif start is not None:
                kept.append(replace(span, start=start, end=position))
                start = None
        if start is not None:
            kept.append(replace(span, start=start))
    whole_ones = (_trim(text, span) for span in kept)
    return sorted((span for span in whole_ones if span), key=lambda span: span.start)


def overlaps(spans: Sequence[SensitiveSpan], start: int, end: int) -> bool:
    return any(span.start < end and start < span.end for span in spans)


def _trim(text: str, span: SensitiveSpan) -> SensitiveSpan | None:
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if not any(character.isalnum() for character in text[start:end]):
        return None
    return span if (start, end) == (span.start, span.end) else replace(span, start=start, end=end)
