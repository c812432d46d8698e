"""What a detector by pattern is: a form, a check, and the words that stand near it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from assistants.data.privacy.spans import SensitiveSpan

BEFORE, AFTER = 64, 24  # characters in which a context word counts
_STRONG = 0.85  # a form that is enough by itself
_NUMBERS_BEHIND = 4
BACK = 48  # characters before a number or a word in which a form with it begins
_NUMBER = re.compile(r"[0-9](?:[0-9 .\-/()+_,:]{0,40}[0-9])?")
_CUT = 42  # characters at which one is cut; what goes on behind it counts with it
_SEPARATORS = re.compile(r"[\s.\-/_()]+")


class Searched:
    """A text as the rules read it: its lower case, and where its numbers and words are.

    Nearly all rules want digits, most want many, and many want a word. Looking only at the
    stretches around those makes plain text cheap.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        lower = text.lower()
        # A few capitals become two characters in lower case; offsets must stay.
        self.lower = lower if len(lower) == len(text) else text
        self._numbers = [
            (
                match.start(),
                match.end(),
                _CUT if len(match[0]) == _CUT else sum(map(str.isdigit, match[0])),
            )
            for match in _NUMBER.finditer(text)
        ]
        self._known: dict[tuple[int, tuple[str, ...], int], list[tuple[int, int]]] = {}

    def stretches(
        self, digits: int, needs: tuple[str, ...] = (), reach: int = 64
    ) -> list[tuple[int, int]]:
        """(start, end), in order and not overlapping, around words and numbers of so many digits.

        Those around words are left out where no such number is near.
        """
        key = digits, needs, reach
        if key not in self._known:
            self._known[key] = self._stretches(*key)
        return self._known[key]

    def _stretches(self, digits: int, needs: tuple[str, ...], reach: int) -> list[tuple[int, int]]:
        if not digits and not needs:
            return [(0, len(self.text))]
        if not needs:
            return self._around((first, last) for first, last, n in self._numbers if n >= digits)
        around = self._around(sorted(self._occurrences(needs)), reach)
        if not digits:
            return around
        numbers = self.stretches(digits)
        return [
            (start, end)
            for start, end in around
            if (place := bisect_left(numbers, (end, 0))) and numbers[place - 1][1] > start
        ]

    def _occurrences(self, needs: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        for need in needs:
            start = self.lower.find(need)
            while start >= 0:
                yield start, start + len(need)
                start = self.lower.find(need, start + len(need))

    def _around(self, places: Iterable[tuple[int, int]], reach: int = 64) -> list[tuple[int, int]]:
        stretches: list[tuple[int, int]] = []
        for first, last in places:
            start, end = max(0, first - BACK), min(len(self.text), last + reach)
            if stretches and start <= stretches[-1][1]:
                start, earlier = stretches.pop()
                end = max(end, earlier)
            stretches.append((start, end))
        return stretches


class Detector(Protocol):
    def find(self, text: Searched) -> Iterator[SensitiveSpan]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """The span is group `value` if the pattern names one, else all of the match.

    `alone` and `near` are the scores without and with a word of `context` around it; 0 reports
    nothing. `check` gets the value without separators. Patterns hold no nested repetition, so
    that their time is linear in the text.
    """

    type: str
    pattern: re.Pattern[str]
    alone: float
    near: float = 0.0
    context: re.Pattern[str] | None = None
    check: Callable[[str], bool] | None = None
    refuse: re.Pattern[str] | None = None  # seen right after or before: it is something else
    digits: int = 0  # looked for only around numbers of so many digits
    needs: tuple[str, ...] = ()  # looked for only around one of these, in lower case
    reach: int = 64  # characters after them that the form may take

    def find(self, text: Searched) -> Iterator[SensitiveSpan]:
        for start, end in text.stretches(self.digits, self.needs, self.reach):
            yield from self._find(text.text, start, end)

    def _find(self, text: str, first: int, last: int) -> Iterator[SensitiveSpan]:
        group: str | int = "value" if "value" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text, first, last):
            start, end = match.span(group)
            if self.check and not self.check(_SEPARATORS.sub("", match[group])):
                end = self._shorter_end(text, start, end) if group == 0 else 0
                if not end:
                    continue
            if self.refuse and self.refuse.search(text[max(0, start - 12) : end + 12]):
                continue
            score = self.alone
            if self.context and self.near > score and self.is_near(text, start, end):
                score = self.near
            if score:
                yield SensitiveSpan(start, end, self.type, score, "pattern")

    def _shorter_end(self, text: str, start: int, end: int) -> int:
        """Where a value ends that another number stands behind; 0 if there is none."""
        if self.alone < _STRONG or self.check is None:
            return 0
        for _ in range(_NUMBERS_BEHIND):
            end = text.rfind(" ", start, end)
            if end < 0:
                return 0
            shorter = self.pattern.fullmatch(text, start, end)
            if shorter and self.check(_SEPARATORS.sub("", shorter[0])):
                return end
        return 0

    def is_near(self, text: str, start: int, end: int) -> bool:
        around = f"{text[max(0, start - BEFORE) : start]} \x00 {text[end : end + AFTER]}"
        return self.context is not None and self.context.search(around) is not None


def words(*alternatives: str) -> re.Pattern[str]:
    """Any of these, as whole words, in any case."""
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.I)


def form(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Not inside of a longer word or number."""
    return re.compile(rf"(?<![\w]){pattern}(?![\w])", flags)
