"""What an edit changed, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

SAME, ADDED, REMOVED = "same", "added", "removed"
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
MOST_WORDS = 6_000  # beyond, whole lines are compared: comparing takes the square of the length

Difference = list[tuple[str, str]]


def compare_words(before: str, after: str) -> Difference:
    """The stretches of both texts in order, each `same`, `removed` or `added`.

    Without what was added they are `before`, without what was removed `after`.
    """
    pattern = _WORDS if max(len(before), len(after)) <= MOST_WORDS * 4 else _LINES
    old, new = pattern.findall(before), pattern.findall(after)
    found: Difference = []
    for kind, start, end, new_start, new_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            found.append((SAME, "".join(old[start:end])))
            continue
        if start < end:
            found.append((REMOVED, "".join(old[start:end])))
        if new_start < new_end:
            found.append((ADDED, "".join(new[new_start:new_end])))
    return _joined(found)


def hide_removed(difference: Iterable[Sequence[str]]) -> Difference:
    """The same, without the words that were taken out: only that there were some."""
    return [(kind, "[…]" if kind == REMOVED else text) for kind, text in difference]


def shorten(difference: Sequence[Sequence[str]], around: int = 90) -> Difference:
    """The same with what did not change cut down to about so many characters beside a change."""
    short: Difference = []
    last = len(difference) - 1
    for place, (kind, text) in enumerate(difference):
        if kind == SAME and len(text) > 2 * around:
            before = text[:around].rpartition(" ")[0] if place else ""
            after = text[-around:].partition(" ")[2] if place < last else ""
            text = f"{before} … {after}".strip(" ") if before or after else "…"
            text = f"{text} " if after else text
        short.append((kind, text))
    return short


def _joined(stretches: Difference) -> Difference:
    """A blank alone between two changes is part of both: so a reader sees phrases, not words."""
    joined: Difference = []
    removed = added = ""
    for place, (kind, text) in enumerate(stretches):
        last = place == len(stretches) - 1
        if kind == SAME and (not text.isspace() or last or not (removed or added)):
            joined += _changes(removed, added)
            removed = added = ""
            joined.append((SAME, text))
            continue
        removed += text if kind != ADDED else ""
        added += text if kind != REMOVED else ""
    return joined + _changes(removed, added)


def _changes(removed: str, added: str) -> Difference:
    return [(kind, text) for kind, text in ((REMOVED, removed), (ADDED, added)) if text]
