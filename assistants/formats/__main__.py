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

KINDS = ("pdf", "docx", "pptx", "xlsx", "html", "mail", "cleaned", "picture", "scan")
RECOGNISING = ("picture", "scan")
MEMORY = 1 << 30  # bytes of address space
CPU_SECONDS = 60
RECOGNISING_MEMORY = 3 << 30  # much of it is never touched: threads, and files that are mapped
RECOGNISING_SECONDS = 240
OUTPUT = 64 << 20  # bytes; also the most that any file may grow to

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2)
_FORBIDDEN = (
    "socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork",
    "ctypes.", "urllib.", "ftplib.", "smtplib.", "http.client.", "webbrowser.",
)  # fmt: skip


def limit(kind: str = "") -> None:
    """Before the first untrusted byte is read. What is over a limit fails or is killed."""
    recognising = kind in RECOGNISING
    for what, most in (
        (resource.RLIMIT_AS, RECOGNISING_MEMORY if recognising else MEMORY),
        (resource.RLIMIT_CPU, RECOGNISING_SECONDS if recognising else CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))
    if recognising:
        os.nice(10)  # answers go first


def leave_network() -> None:
    """Into a network of one's own, with nobody in it, where the system permits that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)


def forbid(kind: str = "") -> None:
    """From here on no connection, no other program, no file but for reading: for good.

    It holds on every system, for what Python does. A parser has no need of any of it, but for
    PDFium, which is called by ctypes.
    """
    forbidden = tuple(each for each in _FORBIDDEN if kind != "scan" or each != "ctypes.")

    def refuse(event: str, arguments: Sequence[object]) -> None:
        if event.startswith(forbidden):
            raise PermissionError(f"{event} in a reader")
        flags = arguments[2] if event == "open" else 0
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError("writing in a reader")

    sys.addaudithook(refuse)


def read(kind: str, content: bytes, pages: Sequence[int] = ()) -> Reading:
    """Raises Unreadable; whatever else a parser trips over means a broken file. `pages`, counted
    from 0, are those to recognise.
    """
    if kind not in KINDS:
        raise ValueError(f"no reader for {kind!r}")
    reader = importlib.import_module(f"assistants.formats.{kind}")
    try:
        reading: Reading = (
            reader.read(content, pages) if kind in RECOGNISING else reader.read(content)
        )
    except (Unreadable, MemoryError):
        raise
    except RecursionError as error:
        raise Unreadable(Reason.TOO_COSTLY, "nested too deeply") from error
    except Exception as error:
        raise Unreadable(Reason.BROKEN, f"{type(error).__name__}: {error}") from error
    if len(reading.text) > MAX_CHARACTERS:
        raise Unreadable(Reason.TOO_LONG, f"{len(reading.text)} characters")
    comes = reading.attachments or reading.scanned or kind in RECOGNISING
    if not any(map(str.isalnum, reading.text)) and not comes:
        raise Unreadable(Reason.NO_TEXT)
    return reading


def main() -> None:
    kind, *pages = sys.argv[1:]
    limit(kind)
    leave_network()
    answer: dict[str, object]
    try:
        if kind in RECOGNISING:
            # what is opened and started for it is, before anything is forbidden
            importlib.import_module(f"assistants.formats.{kind}").load()
        else:
            sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl loads it for nothing
        forbid(kind)
        reading = read(kind, sys.stdin.buffer.read(), [int(page) for page in pages])
        answer = {
            "title": reading.title,
            "text": reading.text,
            "pages": reading.pages,
            "scanned": reading.scanned,
            "confidence": reading.confidence,
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
