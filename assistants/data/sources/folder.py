"""A watched folder, below one of the roots that the installation permits.

Nothing is ever followed out of the folder: each step of a path is opened from the one above it,
without links, so that no exchange of a file for a link between two looks can lead elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from assistants.data.sources.changes import Changed, Entry, Extent, Listing, NotTaken, Skipped
from assistants.data.sources.paths import (
    PATH_CHARACTERS,
    is_left_out,
    refusal_of_path,
    settle,
    shown,
)
from assistants.exceptions import SourceUnavailable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe in the folder must not make the reader wait for its other end.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def resolve_below(location: str, roots: list[Path], private: Path) -> Path:
    """The real place of a path on this machine. Raises SourceUnavailable for a forbidden one.

    `private` is the installation's own folder: its keys are no documents.
    """
    place = Path(location)
    if not place.is_absolute():
        raise SourceUnavailable(user_message=f"“{location}” is not a full path, from /.")
    permitted = [Path(os.path.realpath(root)) for root in roots]
    real = Path(os.path.realpath(place))
    if not any(real.is_relative_to(root) for root in permitted):
        listed = ", ".join(map(str, roots)) or "none"
        raise SourceUnavailable(
            user_message=f"“{location}” is not below a folder that sources may read ({listed}). "
            "Whoever runs this installation can permit it with SOURCE_ROOTS."
        )
    own = Path(os.path.realpath(private))
    if real.is_relative_to(own) and not any(
        root != own and root.is_relative_to(own) and real.is_relative_to(root) for root in permitted
    ):
        raise SourceUnavailable(user_message=f"“{location}” belongs to this installation itself.")
    if not real.is_dir():
        raise SourceUnavailable(
            f"{real} is no folder",
            user_message=f"There is no folder “{location}”. Is its disk or share mounted?",
        )
    return real


def check_folder(root: Path) -> str:
    try:
        with os.scandir(root) as entries:
            count = sum(not is_left_out(entry.name) for entry in entries)
    except OSError as error:
        raise _unreadable(root, error) from error
    return f"The folder can be read; {count} files and folders lie in it."


def list_folder(root: Path, private: Path) -> Listing:
    """Raises SourceUnavailable if the folder itself cannot be read."""
    notes: list[str] = []
    before = _identity(root)
    entries = settle(_walk(root, "", private, notes))
    # An unmounted share leaves an empty folder in its place.
    if _identity(root) != before:
        raise SourceUnavailable(
            user_message=f"The folder “{root}” was exchanged while it was read. "
            "It is tried again by itself."
        )
    return Listing(entries, Extent.PART if notes else Extent.WHOLE, notes=tuple(notes))


def _walk(root: Path, below: str, private: Path, notes: list[str]) -> Iterator[Entry]:
    folder = root / below
    try:
        with os.scandir(folder) as scanned:
            found = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        if not below:
            raise _unreadable(root, error) from error
        if isinstance(error, FileNotFoundError):
            return
        notes.append(f"The folder “{shown(below)}” cannot be read: {error.strerror}.")
        return
    for entry in found:
        path = f"{below}/{entry.name}" if below else entry.name
        if is_left_out(entry.name):
            continue
        try:
            state = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            notes.append(f"“{shown(path)}” cannot be looked at: {error.strerror}.")
            continue
        if stat.S_ISDIR(state.st_mode):
            if len(path) > PATH_CHARACTERS:
                yield Skipped(path, refusal_of_path(path))
            elif folder / entry.name != private:
                yield from _walk(root, path, private, notes)
        elif stat.S_ISREG(state.st_mode):
            yield Changed(path, _fingerprint(state), partial(_read, root, path, state))
        elif stat.S_ISLNK(state.st_mode):
            target = Path(os.path.realpath(folder / entry.name))
            # One that stays inside is read where it points to.
            if not target.is_relative_to(root):
                yield Skipped(path, "is a link that leaves the folder, so it was not followed.")
        else:
            yield Skipped(path, "is no ordinary file.")


def _identity(root: Path) -> tuple[int, int]:
    try:
        state = root.stat()
    except OSError as error:
        raise _unreadable(root, error) from error
    return state.st_dev, state.st_ino


def _fingerprint(state: os.stat_result) -> str:
    return f"{state.st_size}:{state.st_mtime_ns}:{state.st_ino}"


def _read(root: Path, path: str, listed: os.stat_result, limit: int) -> bytes:
    try:
        descriptor = _open_below(root, path)
    except OSError as error:
        raise _gone(path, error) from error
    with os.fdopen(descriptor, "rb") as file:
        if _fingerprint(os.fstat(descriptor)) != _fingerprint(listed):
            raise NotTaken("changed while it was being read.")
        try:
            content = file.read(limit + 1)
        except OSError as error:
            raise _gone(path, error) from error
        if _fingerprint(os.fstat(descriptor)) != _fingerprint(listed):
            raise NotTaken("changed while it was being read.")
    return content


def _open_below(root: Path, path: str) -> int:
    *folders, name = path.split("/")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            deeper = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = deeper
        return os.open(name, _FILE, dir_fd=at)
    finally:
        os.close(at)


def _gone(path: str, error: OSError) -> NotTaken:
    if isinstance(error, FileNotFoundError):
        return NotTaken("vanished before it could be read.")
    return NotTaken(f"cannot be read: {error.strerror}.")


def _unreadable(root: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(
        f"{root}: {error}",
        user_message=f"The folder “{root}” cannot be read: {error.strerror}. "
        "Is its disk or share mounted, and may this program read it?",
    )
