"""Readers of the formats that can be hostile: PDF, DOCX and HTML, each turned into Markdown.

They run in a process of their own (`python -m assistants.formats KIND`), without Django, without
the app's environment, and with limits; `data.sandbox` starts it. Nothing here may import more of
the app.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_CHARACTERS = 10_000_000  # of text, from one file


class Reason(StrEnum):
    """Why a file could not be read; `data.parsing` has the sentence for each."""

    BROKEN = "broken"
    ENCRYPTED = "encrypted"
    EXPANDS = "expands"  # a few bytes that unpack to very many
    NO_TEXT = "no_text"
    TOO_LONG = "too_long"
    TOO_COSTLY = "too_costly"  # over the limits of time or memory


class Unreadable(Exception):
    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        super().__init__(detail or reason.value)


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is Markdown, except from PDF, which has no structure to keep.

    `title` is what the file's properties say, or "". `pages` are the offsets where pages start.
    """

    title: str
    text: str
    pages: tuple[int, ...] = ()
