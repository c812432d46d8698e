"""One log for all parts: each line behind the name of the part it comes from."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sys
import threading

WIDTH = 8
COLOURS = {
    "run": 1,
    "database": 34,
    "broker": 36,
    "web": 32,
    "trusted": 33,
    "model": 35,
    "cloud": 31,
}
LONGEST_LINE = 32 * 1024
# Lines kept for a reader that is slow; when nobody reads at all the rest is dropped, since a
# full pipe must not stop the product.
BACKLOG = 10_000


class Log:
    """Writes from a thread of its own: standard output may block, or be gone."""

    def __init__(self) -> None:
        self.output = sys.stdout.fileno()
        self.colour = os.isatty(self.output) and "NO_COLOR" not in os.environ
        self.lines: queue.Queue[str | None] = queue.Queue(BACKLOG)
        self.thread = threading.Thread(target=self._write, name="log", daemon=True)
        self.thread.start()

    def say(self, name: str, text: str) -> None:
        prefix = f"{name:{WIDTH}} |"
        if self.colour:
            prefix = f"\x1b[{COLOURS.get(name, 90)}m{prefix}\x1b[0m"
        self._put(f"{prefix} {text}")

    def show(self, text: str) -> None:
        """Without a prefix, for people."""
        self._put(text)

    def close(self) -> None:
        self._put(None)
        self.thread.join(1)

    def _put(self, line: str | None) -> None:
        try:
            self.lines.put_nowait(line)
        except queue.Full:
            return

    def _write(self) -> None:
        while (line := self.lines.get()) is not None:
            # Not by print: a thread that hangs in it would hold a lock that Python's exit needs.
            # An error means that the terminal is gone; what ended it ends us too.
            with contextlib.suppress(OSError):
                os.write(self.output, f"{line}\n".encode(errors="replace"))


class Relay(asyncio.Protocol):
    """Reads a child's output from a pipe, line by line. `closed` is set at its end.

    Lines that begin with `withhold` are for the supervisor and not shown.
    """

    def __init__(self, log: Log, name: str, withhold: str | None = None) -> None:
        self.log = log
        self.name = name
        self.withhold = withhold
        self.withheld: list[str] = []
        self.rest = b""
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._say(line)
        if len(self.rest) > LONGEST_LINE:
            self._say(self.rest)
            self.rest = b""

    def connection_lost(self, error: Exception | None) -> None:
        if self.rest:
            self._say(self.rest)
        self.closed.set()

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if self.withhold and text.startswith(self.withhold):
            self.withheld.append(text)
        elif text:
            self.log.say(self.name, text)
