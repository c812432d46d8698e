"""Stop sequences: a client names texts, and the answer ends before the first of them.

Looked for here, not by the provider: in the text as the reader sees it, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopSequences:
    """Takes the text of one generation as it comes. `met` once a sequence was found."""

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._held = ""
        self.met = False

    def feed(self, text: str) -> str:
        """What may be released now: all but an end that could be the beginning of a sequence."""
        if self.met or not self._sequences:
            return "" if self.met else text
        text = self._held + text
        found = [at for at in map(text.find, self._sequences) if at >= 0]
        if found:
            self.met, self._held = True, ""
            return text[: min(found)]
        kept = max(_overlap(text, sequence) for sequence in self._sequences)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def finish(self) -> str:
        """What was kept back and, at the end of the text, is no sequence after all."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, sequence: str) -> int:
    """How many characters at the end of the text are the beginning of the sequence."""
    longest = min(len(text), len(sequence) - 1)
    return next((n for n in range(longest, 0, -1) if sequence.startswith(text[-n:])), 0)
