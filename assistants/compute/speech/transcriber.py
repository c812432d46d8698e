"""What every recogniser of speech does, whichever library runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

RATE = 16_000  # samples a second, mono, of everything here
LONGEST_WINDOW = 30.0  # seconds that Whisper looks at together
HINT_CHARACTERS = 600  # of hints, at most: about a hundred tokens of the model's 224


@dataclass(frozen=True, slots=True)
class Reading:
    """A segment as the model gave it, before it is believed (see `doubt`).

    Times in seconds of what it was given. `words` are (text with the space before it, start, end,
    probability). `log_probability` is of its tokens on average; `compression` is how much smaller
    the text gets by zlib, which tells repetition.
    """

    start: float
    end: float
    text: str
    words: tuple[tuple[str, float, float, float], ...]
    log_probability: float
    compression: float
    no_speech: float


class Transcriber(Protocol):
    """`engine` is the library, `model` and `version` are what provenance records."""

    engine: str
    model: str
    version: str

    def detect(self, samples: Samples) -> tuple[str, float]:
        """(language as a code such as "en", how sure, 0 to 1) of the first 30 seconds."""
        ...

    def read(self, samples: Samples, language: str, hints: Sequence[str] = ()) -> list[Reading]:
        """What is said, as the library reads it by its own defaults, with times of the words.

        `hints` are words that may come up. Not safe between threads: one at a time a process.
        """
        ...


def as_prompt(hints: Sequence[str]) -> str | None:
    """Hints as Whisper takes them: a text that might have gone before, with these words in it."""
    said = ""
    for hint in hints:
        longer = f"{said}, {hint}" if said else hint
        if len(longer) > HINT_CHARACTERS:
            break
        said = longer
    return f"{said}." if said else None
