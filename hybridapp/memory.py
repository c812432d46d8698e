"""What a long-lived process loads at its start stays for its life."""

from __future__ import annotations

import gc

# Objects made between two looks at the youngest of them; Python's own number, 700, is for scripts.
YOUNG_OBJECTS = 10_000


def settle() -> None:
    """Take all that is loaded by now out of the garbage collector's view.

    It would go through these hundreds of thousands of objects again and again while answers
    stream: a tenth of the web process's time, in pauses of some ten milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
