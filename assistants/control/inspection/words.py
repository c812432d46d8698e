"""Which words are plain English, so that a name that is one is not looked for by itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("words.txt")


@cache
def common_words() -> frozenset[str]:
    """Words that are hardly ever meant as a name: lower case, without accents."""
    return _lists()["common"]


@cache
def words_and_names() -> frozenset[str]:
    """Words that are as often somebody's name, which a capital tells: "King", "Rose"."""
    return _lists()["also names"]


@cache
def _lists() -> dict[str, frozenset[str]]:
    lists: dict[str, list[str]] = {}
    heading = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            heading = line.strip("[]")
        elif line and not line.startswith("#"):
            lists.setdefault(heading, []).append(line)
    return {name: frozenset(words) for name, words in lists.items()}
