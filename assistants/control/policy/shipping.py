"""The policies that come with the product, as files of the form that `manage.py policy` reads."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistants.control.policy.rules import Level

FOLDER = Path(__file__).with_name("shipped")


@dataclass(frozen=True, slots=True)
class Shipped:
    """`target` is the department's group, or empty for the organisation."""

    level: Level
    target: str
    rules: dict[str, Any]
    cases: list[dict[str, Any]]


@functools.cache
def list_shipped() -> tuple[Shipped, ...]:
    """The organisation's first. To be read only: they are shared."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    found = [
        Shipped(
            Level[file["level"].upper()],
            file.get("target", ""),
            {key: file[key] for key in ("on_failure", "appeal", "rules") if key in file},
            file["cases"],
        )
        for file in files
    ]
    return tuple(sorted(found, key=lambda shipped: (shipped.level, shipped.target)))
