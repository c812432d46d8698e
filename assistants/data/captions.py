"""Subtitles (WebVTT, SubRip) as a transcript: one line for what one person says at a time."""

from __future__ import annotations

import re
from html import unescape

_CUE = re.compile(r"(?P<from>(?:\d{1,2}:)?\d{1,2}:\d{2})[.,]\d{3}\s+-->\s+\S.*$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+(?P<name>[^>]{1,80})>")
_NAMED = re.compile(r"(?P<name>[^\W\d_][^:<>\n]{0,60}):\s+")
_TAG = re.compile(r"<[^>\n]{0,200}>")
_LONGEST = 600  # characters that cues without a name are joined to


def to_transcript(text: str) -> str:
    """`[00:01:12] Anna Kern: …` a line; "" if there is no cue. Cues of one person are joined."""
    lines: list[str] = []
    speaker = ""
    for block in re.split(r"\n\s*\n", text):
        rows = block.strip().split("\n")
        at = next((number for number, row in enumerate(rows) if _CUE.match(row.strip())), None)
        if at is None:
            continue
        match = _CUE.match(rows[at].strip())
        said = " ".join(rows[at + 1 :])
        voice = _VOICE.search(said) or _NAMED.match(said)
        name = " ".join(voice["name"].split()) if voice else ""
        if voice and voice.re is _NAMED:
            said = said[voice.end() :]
        said = " ".join(unescape(_TAG.sub("", said)).split())
        if not said or match is None:
            continue
        goes_on = lines and name in ("", speaker) and len(lines[-1]) < _LONGEST
        if goes_on and (speaker or not lines[-1].endswith((".", "!", "?"))):
            lines[-1] += f" {said}"
        else:
            speaker = name
            lines.append(
                f"[{match['from']}] {name}: {said}" if name else f"[{match['from']}] {said}"
            )
    return "\n".join(lines)
