"""Pictures and scanned pages: what they are, how they may be kept, and the text that they show.

Their dots are read here and nowhere else: no model is sent a picture (decision 26).
"""

from __future__ import annotations

from collections.abc import Sequence

from assistants.data.sandbox import read_apart
from assistants.formats import SCANS_AT_ONCE, Reading, Reason, Unreadable

SCANS_SECONDS = 300.0  # of one reader, which has a few pages
MOST_SCANS = 200  # pages of one file that are recognised

_TYPES = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
]
MEDIA_TYPES = frozenset({*(kind for _, kind in _TYPES), "image/webp", "image/bmp"})
_CONTAINERS = (b"heic", b"heix", b"mif1", b"msf1", b"avif")


def picture_type(content: bytes) -> str:
    """The media type of a picture that can be read, by how it begins; "" for all else."""
    for signature, kind in _TYPES:
        if content.startswith(signature):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[:2] == b"BM" and content[6:10] == bytes(4):
        return "image/bmp"
    return ""


def is_other_picture(content: bytes) -> bool:
    """HEIC or AVIF, which no reader here opens."""
    return content[4:8] == b"ftyp" and content[8:12] in _CONTAINERS


def how_sure(confidence: float) -> str:
    """Of recognised text, for people: "97 % sure". Never all of it, and no share of one."""
    return f"{min(99, int(confidence * 100))} % sure"


def clean_picture(content: bytes) -> bytes:
    """The picture made anew: upright, of at most 4,000 dots a side, without metadata. Raises
    Unreadable.
    """
    return read_apart("cleaned", content).attachments[0].content


def read_picture(content: bytes, most: int) -> Reading:
    """The text of its pages, recognised. Raises Unreadable, also for more than `most` pages."""
    _check_count(1, most)
    return _go_on("picture", content, read_apart("picture", content, SCANS_SECONDS), most)


def read_scans(content: bytes, reading: Reading, most: int) -> Reading:
    """A PDF's reading with the text of its scanned pages put in. Raises Unreadable."""
    _check_count(len(reading.scanned), most)
    seen = Reading("", "", scanned=reading.scanned)
    seen = _go_on("scan", content, seen, most)
    pages = _pages(reading)
    for number, found in zip(reading.scanned, _pages(seen), strict=True):
        if len(found) > len(pages[number]):  # a stamped number is on the picture too
            pages[number] = found
    text, starts = _joined(pages)
    return Reading(reading.title, text, starts, reading.attachments, (), seen.confidence)


def _go_on(kind: str, content: bytes, reading: Reading, most: int) -> Reading:
    """With the pages that are left, a few a reader."""
    _check_count(len(reading.pages) + len(reading.scanned), most)
    pages = _pages(reading)
    sure = [(len(reading.text), reading.confidence)]
    left = reading.scanned
    while left:
        batch, left = left[:SCANS_AT_ONCE], left[SCANS_AT_ONCE:]
        more = read_apart(kind, content, SCANS_SECONDS, batch)
        pages += _pages(more)
        sure.append((len(more.text), more.confidence))
    text, starts = _joined(pages)
    letters = sum(length for length, confidence in sure if confidence is not None)
    if not any(map(str.isalnum, text)):
        return Reading("", text, starts)
    known = sum(length * confidence for length, confidence in sure if confidence is not None)
    return Reading("", text, starts, confidence=known / letters)


def _check_count(pages: int, most: int) -> None:
    if pages > most:
        raise Unreadable(Reason.TOO_MANY_SCANS, f"{pages} pages, at most {most}")


def _pages(reading: Reading) -> list[str]:
    ends = (*reading.pages[1:], len(reading.text))
    return [
        reading.text[start:end].strip() for start, end in zip(reading.pages, ends, strict=False)
    ]


def _joined(pages: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    text, starts = "", []
    for page in pages:
        text += "\n\n" if text else ""
        starts.append(len(text))
        text += page
    return text, tuple(starts)
