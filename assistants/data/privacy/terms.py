"""A zone's own names to protect: clients, projects, code names. Thousands cost no more than one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from assistants.data.privacy import tokens
from assistants.data.privacy.folding import Folded, fold
from assistants.data.privacy.spans import SensitiveSpan

TYPE = "PROTECTED_TERM"
GAP = 4  # characters between two words of one term, at most: blanks, marks
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_END = ""  # marks the end of a term in the trie: no word is empty


class TermList:
    """Matches whole words in any case, with whatever blanks and marks between them.

    Accents, a possessive or plural s, and the words written as one make no difference; in code
    the humps of a name (`BrackenfellClient`) are words. A trie
    over words: time is linear in the text, however many terms there are.
    """

    def __init__(self, terms: Iterable[str] = ()) -> None:
        self._trie: dict[str, Any] = {}
        for term in terms:
            words = [word for _, _, word in _words(fold(term).text)]
            if words:
                self._add(words)
                self._add(["".join(words)])

    def __bool__(self) -> bool:
        return bool(self._trie)

    def _add(self, words: list[str]) -> None:
        node = self._trie
        for word in words:
            node = node.setdefault(word, {})
        node[_END] = {}

    def find(self, folded: Folded) -> list[SensitiveSpan]:
        """The longest match at each word, in the original's offsets; none overlap."""
        if not self._trie:
            return []
        words = _words(folded.text)
        spans: list[SensitiveSpan] = []
        place = 0
        while place < len(words):
            last = self._longest(words, place)
            if last is None:
                place += 1
                continue
            start, end = folded.original(words[place][0], words[last][1])
            spans.append(SensitiveSpan(start, end, TYPE, 1.0, "terms"))
            place = last + 1
        return spans

    def _longest(self, words: list[tuple[int, int, str]], first: int) -> int | None:
        node, found = self._trie, None
        for place in range(first, len(words)):
            start, _, word = words[place]
            if place > first and start - words[place - 1][1] > GAP:
                break
            following = node.get(word)
            if following is None and len(word) > 3 and word.endswith("s"):
                following = node.get(word[:-1])
            if following is None:
                break
            node = following
            if _END in node:
                found = place
        return found


def find_terms(text: str, terms: TermList) -> list[SensitiveSpan]:
    """Where names of the list stand in a text, in the text's own offsets."""
    return terms.find(fold(text))


def _words(text: str) -> list[tuple[int, int, str]]:
    """(start, end, key)."""
    words = []
    for match in _WORD.finditer(text):
        start, word = match.start(), match[0]
        if word[1:].islower() or not word[0].isalpha() or word.isupper():
            words.append((start, match.end(), tokens.key(word)))
            continue
        for hump in _HUMP.split(word):
            words.append((start, start + len(hump), tokens.key(hump)))
            start += len(hump)
    return words
