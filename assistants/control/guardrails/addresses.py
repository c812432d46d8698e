"""Addresses in an answer that could carry data to somebody outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.types import Finding, Stage

NAME, VERSION = "outside addresses", "1"
_ADDRESS = re.compile(
    r"(?i)\b(?:https?|ftp|wss?|data|javascript):[^\s<>\"'`\])}]{3,2000}|\bwww\.[^\s<>\"'`\])}]{4,500}|\bmailto:[^\s<>\"'`\])}]{3,500}"
)
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\(|<img\b|\bsrc\s*=", re.IGNORECASE)
_RUN = re.compile(r"[A-Za-z0-9+/=_%-]{24,}")


def check_addresses(checked: Checked) -> Iterator[Finding]:
    """An address that no source and no asker gave, and the graver the more it can carry."""
    given = [checked.question, *checked.known, *(passage.text for passage in checked.passages)]
    for match in _ADDRESS.finditer(checked.text):
        address = match[0].rstrip(".,;:!?*_")
        if any(address in text for text in given):
            continue
        severity = _severity(address, checked, match.start())
        yield Finding(
            NAME,
            severity,
            "links to an address outside that no source names"
            + (", with room for data" if severity >= 0.5 else ""),
            Kind.INDIRECT_INJECTION,
            checked.stage,
            match.start(),
            match.start() + len(address),
            VERSION,
        )


def _severity(address: str, checked: Checked, start: int) -> float:
    try:
        parts = urlsplit(address if "://" in address or ":" in address[:12] else f"//{address}")
    except ValueError:
        return 0.9
    image = _IMAGE.search(checked.text, max(0, start - 230), start)
    carries = bool(parts.query or parts.username or len(parts.fragment) > 32)
    carries |= bool(_RUN.search(parts.path)) or any(
        len(p) > 30 for p in (parts.hostname or "").split(".")
    )
    if parts.scheme in ("data", "javascript", "mailto"):
        carries |= parts.scheme != "mailto"
    if carries or image:
        return 0.9
    # A grounded answer has no business with hosts that no source knows.
    return 0.6 if checked.grounded else 0.3


outside_addresses = Guardrail(
    NAME,
    VERSION,
    frozenset({Kind.INDIRECT_INJECTION}),
    frozenset({Stage.BLOCK, Stage.ANSWER}),
    0.1,
    0.1,
    lambda checked: list(check_addresses(checked)),
)
