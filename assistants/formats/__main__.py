"""The child: reads a file from standard input and writes one JSON object to standard output."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib
import json
import os
import resource
import sys
from collections.abc import Sequence

from assistants.formats import MAX_CHARACTERS, Reading, Reason, Unreadable

KINDS = ("pdf", "docx", "pptx", "xlsx", "html", "mail")
MEMORY = 1 << 30  # bytes of address space
CPU_SECONDS = 60
OUTPUT = 64 << 20  # bytes; also the most that any file may grow to

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2)
_FORBIDDEN = (
    "socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork",
    "ctypes.", "urllib.", "ftplib.", "smtplib.", "http.client.", "webbrowser.",
)  # fmt: skip


def limit() -> None:
    """Before the first untrusted byte is read. What is over a limit fails or is killed."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))


def leave_network() -> None:
    """Into a network of one's own, with nobody in it, where the system permits that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)


def forbid() -> None:
    """From here on no connection, no other program, no file but for reading: for good.

    It holds on every system, for what Python does. A parser has no need of any of it.
    """

    def refuse(event: str, arguments: Sequence[object]) -> None:
        if event.startswith(_FORBIDDEN):
            raise PermissionError(f"{event} in a reader")
        flags = arguments[2] if event == "open" else 0
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError("writing in a reader")

    sys.addaudithook(refuse)


def read(kind: str, content: bytes) -> Reading:
    """Raises Unreadable; whatever else a parser trips over means a broken file."""
    if kind not in KINDS:
        raise ValueError(f"no reader for {kind!r}")
    reader = importlib.import_module(f"assistants.formats.{kind}")
    try:
        reading: Reading = reader.read(content)
    except (Unreadable, MemoryError):
        raise
    except RecursionError as error:
        raise Unreadable(Reason.TOO_COSTLY, "nested too deeply") from error
    except Exception as error:
        raise Unreadable(Reason.BROKEN, f"{type(error).__name__}: {error}") from error
    if len(reading.text) > MAX_CHARACTERS:
        raise Unreadable(Reason.TOO_LONG, f"{len(reading.text)} characters")
    if not any(map(str.isalnum, reading.text)) and not reading.attachments:
        raise Unreadable(Reason.NO_TEXT)
    return reading


def main() -> None:
    limit()
    leave_network()
    forbid()
    sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl would load it for nothing
    answer: dict[str, object]
    try:
        reading = read(sys.argv[1], sys.stdin.buffer.read())
        answer = {
            "title": reading.title,
            "text": reading.text,
            "pages": reading.pages,
            "attachments": [
                (attachment.name, base64.b64encode(attachment.content).decode())
                for attachment in reading.attachments
            ],
        }
    except Unreadable as error:
        answer = {"error": error.reason, "detail": str(error)[:500]}
    except MemoryError:
        answer = {"error": Reason.TOO_COSTLY, "detail": "out of memory"}
    # ASCII only: a lone surrogate in a broken file must not break the answer
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
