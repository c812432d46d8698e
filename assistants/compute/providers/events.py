"""Reads server-sent events from bytes, however the network cuts them. This is the hot path."""

from __future__ import annotations

MAX_EVENT_BYTES = 1024 * 1024


class EventReader:
    """`feed` takes bytes as they come and returns the `data` of each event they complete.

    A line may end in LF, CRLF or CR; comments and other fields are skipped. Cutting the bytes
    elsewhere never changes what comes out in all.
    """

    __slots__ = ("_data", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Raises ValueError when a single event outgrows MAX_EVENT_BYTES."""
        if self._rest:
            chunk = self._rest + chunk
        if b"\r" in chunk:
            # A CR at the very end may be half of a CRLF: it waits for what follows.
            held = b"\r" if chunk.endswith(b"\r") else b""
            body = chunk[:-1] if held else chunk
            chunk = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        lines = chunk.split(b"\n")
        self._rest = lines.pop()
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and data:
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
        if len(self._rest) > MAX_EVENT_BYTES or sum(map(len, data)) > MAX_EVENT_BYTES:
            raise ValueError("an event is larger than a mebibyte")
        return events

    def close(self) -> list[bytes]:
        """The end of the stream: servers often leave out the blank line after the last event."""
        return self.feed(b"\n\n")
