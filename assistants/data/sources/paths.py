"""Which paths of a source are taken, and under which name: one rule for every kind of source."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from assistants.data.sources.changes import MAX_FILES, Changed, Entry, Removed, Skipped
from assistants.exceptions import SourceUnavailable

# Beside everything hidden, version control among it.
SKIPPED_FOLDERS = {"CVS", "__pycache__", "node_modules"}
PATH_CHARACTERS = 390  # with the source's name before it, it fits a document's origin


def settle(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Leaves out what is hidden, skips names that play tricks, and tidies the others.

    Of two files whose names look the same, the first is taken. Raises SourceUnavailable for more
    files than one source may hold.
    """
    settled: list[Entry] = []
    taken: set[str] = set()
    for number, entry in enumerate(entries, 1):
        if number > MAX_FILES:
            raise SourceUnavailable(
                user_message=f"This source holds more than {MAX_FILES:,} files. "
                "Please divide it into several sources, by folder, branch or prefix."
            )
        if is_left_out(entry.path):
            continue
        reason = refusal_of_path(entry.path)
        if reason:
            if not isinstance(entry, Removed):
                settled.append(Skipped(shown(entry.path), reason))
            continue
        path = tidy(entry.path)
        if isinstance(entry, Removed):
            settled.append(Removed(path))
            continue
        if path in taken:
            settled.append(Skipped(path, "has the same name as another file, as people read it."))
            continue
        taken.add(path)
        if isinstance(entry, Changed):
            settled.append(Changed(path, entry.fingerprint, entry.read))
        else:
            settled.append(Skipped(path, entry.reason))
    # A file that only changed the spelling of its name is there.
    return tuple(e for e in settled if not (isinstance(e, Removed) and e.path in taken))


def is_left_out(path: str) -> bool:
    """Hidden files and folders, and those that hold no documents; never a path with tricks."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part in SKIPPED_FOLDERS
        for part in path.split("/")
    )


def refusal_of_path(path: str) -> str:
    """Why a file of that name is not taken; "" if it may be."""
    if any(part in ("", ".", "..") for part in path.split("/")) or "\\" in path:
        return "has a path that could point elsewhere. Please rename it."
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in path):
        return "has unreadable characters in its name. Please rename it."
    if not tidy(path).rpartition("/")[2]:
        return "has no visible name. Please rename it."
    if len(tidy(path)) > PATH_CHARACTERS:
        return f"has a path of more than {PATH_CHARACTERS} characters. Please shorten it."
    return ""


def tidy(path: str) -> str:
    """Composed characters, and none that only steer how text is shown."""
    visible = "".join(c for c in path if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", visible)


def shown(path: str) -> str:
    """For people and logs: what cannot be read is a question mark."""
    return "".join(
        "?" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in path[-PATH_CHARACTERS:]
    )
