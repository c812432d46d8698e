"""One spelling for all text: what is stored, searched and cited."""

from __future__ import annotations

import re
import unicodedata

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours in logs
# Control characters, and marks that are not seen: byte order, zero width, soft hyphen, and those
# that turn the direction of writing (text could read otherwise than it is).
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\u200b\u2060\u00ad\u202a-\u202e\u2066-\u2069\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_TRAILING = re.compile(r"[^\S\n]+$", re.M)


def normalise(text: str) -> str:
    """NFC, `\\n` line ends, no control characters, no blanks at line ends, no blank lines around.

    Doing it twice changes nothing.
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _UNSEEN.sub("", _TERMINAL.sub("", text))
    text = unicodedata.normalize("NFC", text)
    return _TRAILING.sub("", text).strip("\n")


def control_share(text: str) -> float:
    """The share of control characters, 0 to 1: text has next to none."""
    bare = _TERMINAL.sub("", text)
    return len(re.findall(r"[\x00-\x08\x0e-\x1f\x7f]", bare)) / max(1, len(bare))
