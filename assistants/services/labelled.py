"""Labelled texts in files, one JSON object a line, read line by line: a file may be any size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistants.exceptions import InvalidRequest

LONGEST_TEXT = 1_000_000  # characters of one record


@dataclass(frozen=True, slots=True)
class LabelledText:
    """`label` 1 is an attack, 0 is none. `kind` is whatever the file calls it; `cluster` names
    near copies of each other, where the file tells.
    """

    text: str
    label: int
    kind: str = ""
    cluster: str = ""


def read_labelled(path: Path) -> Iterator[LabelledText]:
    """The lines `{text, label, kind}`; other fields are ignored, blank lines passed over.

    Raises InvalidRequest, naming the line, for what cannot be read, and for a file without lines.
    """
    empty = True
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    empty = False
                    yield _read(line, f"{path.name}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(user_message=f"{path} cannot be read: {error}.") from error
    if empty:
        raise InvalidRequest(user_message=f"{path} holds no lines.")


def _read(line: str, place: str) -> LabelledText:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise InvalidRequest(
            user_message=f"{place}: expected a JSON object with text, label and kind."
        )
    label, kind = record.get("label"), record.get("kind", "")
    if label not in (0, 1) or isinstance(label, float):
        raise InvalidRequest(
            user_message=f"{place}: label must be 1 (an attack) or 0 (none), not {label!r}."
        )
    if not isinstance(kind, str):
        raise InvalidRequest(user_message=f"{place}: kind must be a text, not {kind!r}.")
    if len(record["text"]) > LONGEST_TEXT:
        raise InvalidRequest(
            user_message=f"{place}: the text has more than {LONGEST_TEXT:,} characters."
        )
    return LabelledText(record["text"], int(label), kind, str(record.get("cluster") or ""))
