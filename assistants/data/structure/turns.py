"""Transcripts: a turn is a line that names who speaks, or when, and the lines below it."""

from __future__ import annotations

import re
from collections import Counter

from assistants.data.blocks import BlockKind
from assistants.data.structure.outline import Outline, split_lines

_TIME = r"[\[(]?(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?[\])]?"
_NAME = r"[^\W\d_][\w.'’\-]*(?:[ ][\w.'’&\-]+){0,4}(?:[ ]\([^()\n:]{1,40}\))?"
# "Anna Kern: …", "[00:01:12] Anna Kern: …", "Anna Kern (00:01:12): …" and, with a time, no name
TURN = re.compile(
    rf"(?:(?P<stamp>{_TIME})(?:\s*[-–])?\s+)?"
    rf"(?:\*\*)?(?P<speaker>{_NAME})(?:\s+(?P<after>{_TIME}))?\s*:(?:\*\*)?(?=\s)\s*"
    rf"|(?P<alone>{_TIME})(?:\s*[-–])?\s+(?=\S)"
)
_LEVELS = {
    "trace", "debug", "info", "notice", "warn", "warning", "error", "err", "fatal", "critical",
    "panic", "exception", "caused by", "note", "http", "https",
}  # fmt: skip
_FEWEST = 4  # turns that make a transcript


def turn_blocks(text: str) -> Outline:
    """What stands before the first turn is paragraphs."""
    outline = Outline(text)
    kind = BlockKind.PARAGRAPH
    start = end = -1
    for line in split_lines(text):
        begins = TURN.match(line.text) is not None
        if start >= 0 and (begins or (line.blank and kind is BlockKind.PARAGRAPH)):
            outline.add(kind, start, end)
            start = -1
        if line.blank:
            continue
        if begins:
            kind = BlockKind.TURN
        start, end = (line.start if start < 0 else start), line.end
    if start >= 0:
        outline.add(kind, start, end)
    return outline


def get_speaker(turn: str) -> str:
    """ "Anna Kern:", or "" where a turn names nobody."""
    match = TURN.match(turn)
    return f"{match['speaker']}:" if match and match["speaker"] else ""


def get_stamp(turn: str) -> str:
    """When a turn begins, as it says: "00:01:12"; "" if it does not."""
    match = TURN.match(turn)
    stamp = match and (match["stamp"] or match["after"] or match["alone"])
    return stamp.strip("[]()") if stamp else ""


def looks_like_transcript(text: str) -> bool:
    """Whether most lines are turns, and those who speak do so more than once."""
    lines = [line.strip() for line in text[:20_000].split("\n")[:400] if line.strip()]
    turns = [match for line in lines if (match := TURN.match(line))]
    speakers = Counter(match["speaker"] for match in turns if match["speaker"])
    if any(name.lower() in _LEVELS for name in speakers):
        return False
    spoken = speakers.total()
    often = sum(count for count in speakers.values() if count > 1)
    return spoken >= _FEWEST and 2 * len(turns) > len(lines) and 3 * often >= 2 * spoken
