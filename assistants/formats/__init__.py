"""Readers of the formats that can be hostile, each turned into Markdown: PDF, office, web, mail,
and pictures, whose text is recognised.

They run in a process of their own (`python -m assistants.formats KIND`), without Django, without
the app's environment, without a network and with limits; `data.sandbox` starts it. Nothing here
may import more of the app.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_CHARACTERS = 10_000_000  # of text, from one file
MAX_PAGES = 5_000  # of a PDF, or slides of a presentation
MAX_ROWS = 50_000  # of all tables of a file
MAX_PARTS = 200  # of a mail, those of mails within it not counted
MAX_DOTS = 64_000_000  # of a picture; they are counted before any is unpacked
SCANS_AT_ONCE = 8  # pages that one reader recognises before another goes on


class Reason(StrEnum):
    """Why a file could not be read; `data.parsing` has the sentence for each."""

    BROKEN = "broken"
    ENCRYPTED = "encrypted"
    EXPANDS = "expands"  # a few bytes that unpack to very many
    NO_TEXT = "no_text"
    TOO_LONG = "too_long"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_COSTLY = "too_costly"  # over the limits of time or memory
    TOO_MANY_DOTS = "too_many_dots"  # of a picture
    TOO_MANY_SCANS = "too_many_scans"  # pages to recognise
    NOTHING_RECOGNISED = "nothing_recognised"
    NO_RECOGNITION = "no_recognition"  # the weights that read pictures are not installed


class Unreadable(Exception):
    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        super().__init__(detail or reason.value)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a mail, not read yet: it may be of any kind."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is Markdown, except from PDF, which has no structure to keep.

    `title` is what the file's properties say, or "". `pages` are the offsets where pages or slides
    start. `scanned` are pages, counted from 0, whose text has to be recognised yet; `confidence` is
    how sure what was recognised is, 0 to 1, None where nothing was.
    """

    title: str
    text: str
    pages: tuple[int, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    scanned: tuple[int, ...] = ()
    confidence: float | None = None
