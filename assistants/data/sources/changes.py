"""What a reader of a source tells: plain values, the same for a folder, a repository, a bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# More belongs into several sources: a listing is held in memory, whole, before anything is done.
MAX_FILES = 200_000


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that is there, new or changed or not: the fingerprint tells.

    `path` is relative to the source, with "/". `fingerprint` changes whenever the content does,
    and is cheap to have. `read` fetches the content, at most `limit` bytes and one; it raises
    NotTaken if the file is no longer as it was listed, SourceUnavailable if the source is away.
    """

    path: str
    fingerprint: str
    read: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that is no longer there."""

    path: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is there and is not taken; `reason` is the end of a sentence that names it."""

    path: str
    reason: str


Entry = Changed | Removed | Skipped


class Extent(StrEnum):
    """What a listing says of files that it does not name."""

    WHOLE = "whole"  # they are gone
    CHANGES = "changes"  # they are as they were
    PART = "part"  # nothing: some of the source could not be listed


@dataclass(frozen=True, slots=True)
class Listing:
    """`cursor` is where the next listing may start from; `notes` are sentences for people."""

    entries: tuple[Entry, ...]
    extent: Extent
    cursor: str = ""
    notes: tuple[str, ...] = ()


class NotTaken(Exception):
    """A file that was listed and cannot be had: it vanished, changed, or stands for another.

    The text is the end of a sentence that names the file.
    """
