"""Runs a reader of `assistants.formats` in a process of its own, where a hostile file is alone."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from assistants.formats import Attachment, Reading, Reason, Unreadable

WALL_SECONDS = 90.0
CHECKOUT = Path(__file__).resolve().parents[2]


def read_apart(
    kind: str, content: bytes, wall_seconds: float = WALL_SECONDS, pages: Sequence[int] = ()
) -> Reading:
    """What `assistants.formats.KIND` makes of the file. Raises Unreadable for every failure.

    `pages` are those whose text is recognised, counted from 0.

    The child has no environment (no keys), no Django and no open file but these two; before it
    reads it limits its own memory, processor time and output, and gives up network, other
    programs and writing.
    """
    # Files, not pipes: neither side can block the other, and the child's limit on file size
    # bounds what comes back.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as answer:
        given.write(content)
        given.seek(0)
        try:
            ended = subprocess.run(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-s", "-B", "-m", "assistants.formats", kind, *map(str, pages)],
                stdin=given,
                stdout=answer,
                stderr=subprocess.PIPE,
                cwd=CHECKOUT,
                env={"LANG": "C.UTF-8"},
                timeout=wall_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreadable(Reason.TOO_COSTLY, f"over {wall_seconds} s") from error
        answer.seek(0)
        return _understand(answer.read(), ended)


def _understand(answer: bytes, ended: subprocess.CompletedProcess[bytes]) -> Reading:
    try:
        fields = json.loads(answer)
    except ValueError as error:
        # killed by its own limits, mostly
        trouble = ended.stderr[-500:].decode(errors="replace")
        detail = f"reader ended with {ended.returncode}: {trouble}"
        raise Unreadable(Reason.TOO_COSTLY, detail) from error
    if "error" in fields:
        raise Unreadable(Reason(fields["error"]), fields["detail"])
    attachments = tuple(
        Attachment(name, base64.b64decode(content)) for name, content in fields["attachments"]
    )
    return Reading(
        fields["title"],
        fields["text"],
        tuple(fields["pages"]),
        attachments,
        tuple(fields["scanned"]),
        fields["confidence"],
    )
