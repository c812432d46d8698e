"""What the fault tests need to know of processes, from /proc."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, also those in sessions of their own."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                # the second field is the program's name in parentheses, which may hold spaces
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(folder.name))
    found, queue = [], [pid]
    while queue:
        children = parents.get(queue.pop(), [])
        found += children
        queue += children
    return found


def command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def handles(pids: list[int]) -> dict[int, int]:
    """A pidfd for each process that still is: it becomes readable when the process ends."""
    found = {}
    for pid in pids:
        with suppress(ProcessLookupError):
            found[os.pidfd_open(pid)] = pid
    return found


def wait_for_ends(ends: dict[int, int], seconds: float) -> list[str]:
    """Wait until all have ended. Returns the command lines of those that have not."""
    left = dict(ends)
    poll = select.poll()
    for end in left:
        poll.register(end, select.POLLIN)
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        for end, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            poll.unregister(end)
            del left[end]
    for end in ends:
        os.close(end)
    return [command_line(pid) for pid in left.values()]
