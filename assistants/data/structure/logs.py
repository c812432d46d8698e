"""Logs: an entry is a line with a time stamp and the lines below it that have none."""

from __future__ import annotations

import re

from assistants.data.blocks import BlockKind
from assistants.data.structure.outline import Outline, split_lines

STAMP = re.compile(
    r"[\[{(\"']{0,2}(?:(?:time|ts|timestamp|at)\W{1,4})?"
    r"(?P<stamp>\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?"
    r"|\d\d:\d\d:\d\d"
    r"|[A-Z][a-z]{2}\s+\d{1,2}\s\d\d:\d\d:\d\d)"
)


def log_blocks(text: str) -> Outline:
    outline = Outline(text)
    lines = [line for line in split_lines(text) if not line.blank]
    stamped = any(STAMP.match(line.text) for line in lines)
    start = end = -1
    for line in lines:
        if start >= 0 and (not stamped or STAMP.match(line.text)):
            outline.add(BlockKind.ENTRY, start, end)
            start = -1
        start, end = (line.start if start < 0 else start), line.end
    if start >= 0:
        outline.add(BlockKind.ENTRY, start, end)
    return outline


def looks_like_log(text: str) -> bool:
    """Whether most of the first lines start with a time stamp."""
    lines = [line for line in text[:20_000].split("\n")[:200] if line.strip()]
    return len(lines) >= 3 and sum(bool(STAMP.match(line)) for line in lines) > 0.6 * len(lines)
