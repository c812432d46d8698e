"""Values back in the place of placeholders, while the text still streams."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from assistants.data.sealing.dates import ShiftedDates
from assistants.data.sealing.marks import Mark, find_beginning, find_marks, label_in


class Restorer:
    """One text on its way back, in pieces of any size, split anywhere.

    `feed` returns all that cannot be part of a placeholder any more, with values in place, and
    holds back what still can be one: less than `marks.LONGEST` characters. The pieces joined are
    the same however the text was split. A placeholder that the conversation does not have is
    shown as it came, and listed in `unknown`.
    """

    def __init__(self, values: Mapping[str, str], dates: ShiftedDates | None = None) -> None:
        self.unknown: list[str] = []
        self._values = values
        # Without brackets only these count, as any code may have its own EMAIL_1.
        self._labels = frozenset(map(label_in, values))
        self._dates = dates
        self._text = ""  # what is held back, after one character that is out already
        self._place = 0  # where what is held back begins

    def __repr__(self) -> str:
        return f"<Restorer of {len(self._values)} values>"

    def feed(self, text: str) -> str:
        """What can be shown now; may be empty."""
        self._text += text
        end = find_beginning(self._text, self._labels, self._place)
        if self._dates:
            end = min(end, self._dates.find_beginning(self._text, self._place))
        return self._release(end)

    def finish(self) -> str:
        """The rest, as it is."""
        return self._release(len(self._text), ended=True)

    def _release(self, end: int, *, ended: bool = False) -> str:
        pieces: list[str] = []
        text, place = self._text, self._place
        for start, after, value in self._found(end, ended):
            pieces += text[place:start], value
            place = after
        if place < end:
            pieces.append(text[place:end])
            place = end
        # A mark begins at no letter: the last character that is out stays in sight.
        self._text, self._place = text[max(0, place - 1) :], min(place, 1)
        return "".join(pieces)

    def _found(self, end: int, ended: bool) -> list[tuple[int, int, str]]:
        found = [
            (mark.start, mark.end, self._value(mark))
            for mark in find_marks(self._text, self._labels, self._place)
            if mark.end <= end and not (ended and self._is_cut(mark))
        ]
        if self._dates:
            for start, after, value in self._dates.restore(self._text, self._place, end):
                if value is None:
                    self._note(self._text[start:after])
                else:
                    found.append((start, after, value))
            found.sort()
        return found

    def _is_cut(self, mark: Mark) -> bool:
        """The last words `[PERSON_1` may be what is left of `[PERSON_12]`."""
        last = mark.end == len(self._text) and self._text[mark.end - 1].isalnum()
        if cut := last and self._text[: mark.start].rstrip(" ").endswith(("[", "［", "【")):
            self._note(self._text[mark.start - 1 : mark.end])
        return cut

    def _value(self, mark: Mark) -> str:
        value = self._values.get(mark.name)
        if value is None:
            self._note(f"[{mark.name}]")
            return self._text[mark.start : mark.end]
        return (quote(value, safe="") if mark.in_url else value) + mark.ending

    def _note(self, unknown: str) -> None:
        if unknown not in self.unknown:
            self.unknown.append(unknown)
