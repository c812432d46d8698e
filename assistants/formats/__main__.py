"""The child: reads a file from standard input and writes one JSON object to standard output."""

from __future__ import annotations

import importlib
import json
import resource
import sys

from assistants.formats import MAX_CHARACTERS, Reading, Reason, Unreadable

KINDS = ("pdf", "docx", "html")
MEMORY = 1 << 30  # bytes of address space
CPU_SECONDS = 60
OUTPUT = 64 << 20  # bytes; also the most that any file may grow to


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
    if not any(map(str.isalnum, reading.text)):
        raise Unreadable(Reason.NO_TEXT)
    return reading


def main() -> None:
    limit()
    answer: dict[str, object]
    try:
        reading = read(sys.argv[1], sys.stdin.buffer.read())
        answer = {"title": reading.title, "text": reading.text, "pages": reading.pages}
    except Unreadable as error:
        answer = {"error": error.reason, "detail": str(error)[:500]}
    except MemoryError:
        answer = {"error": Reason.TOO_COSTLY, "detail": "out of memory"}
    # ASCII only: a lone surrogate in a broken file must not break the answer
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
