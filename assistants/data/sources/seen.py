"""Which content a fingerprint stood for at the last sync, so that nothing is read twice.

A file beside the copies of repositories, in the state directory. Losing it costs one full
reading and nothing else; what is stored is decided by content alone.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assistants import conf


@dataclass(frozen=True, slots=True)
class Seen:
    """`sha256` is "" for a file that was refused; `refusal` is why, for people."""

    fingerprint: str
    sha256: str
    refusal: str = ""


def state_of_source(source_id: uuid.UUID) -> Path:
    return conf.load().state_dir / "sources" / str(source_id)


def load_seen(source_id: uuid.UUID, pipeline: str) -> dict[str, Seen]:
    """By path. Empty if another pipeline wrote it: that one may have refused what this one reads,
    and everything is to be redone.
    """
    try:
        stored = json.loads(_file(source_id).read_text())
        if stored["pipeline"] != pipeline:
            return {}
        return {path: Seen(*fields) for path, fields in stored["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save_seen(source_id: uuid.UUID, pipeline: str, seen: Mapping[str, Seen]) -> None:
    file = _file(source_id)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(f".{os.getpid()}")
    files = {path: [s.fingerprint, s.sha256, s.refusal] for path, s in seen.items()}
    new.write_text(json.dumps({"pipeline": pipeline, "files": files}))
    new.replace(file)


def _file(source_id: uuid.UUID) -> Path:
    return state_of_source(source_id) / "seen.json"
