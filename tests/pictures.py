"""Pictures drawn for tests: the text on them is known."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from assistants import pdf

FONT = pdf._folder(pdf.FONTS["Text"][0]) / pdf.FONTS["Text"][1]
PAGE = (1240, 1754)  # A4 at 150 dots an inch
GPS, ORIENTATION, MAKER = 0x8825, 0x0112, 0x010F


def draw(
    text: str, size: tuple[int, int] | None = None, letters: int = 30, left: int = 60
) -> Image.Image:
    """Black on white, a line a line, in the letters of the PDF exports."""
    lines = text.split("\n")
    picture = Image.new("RGB", size or (1000, 60 + 2 * letters * len(lines)), "white")
    font = ImageFont.truetype(str(FONT), letters)
    for number, line in enumerate(lines):
        at = (left, 30 + 2 * letters * number)
        ImageDraw.Draw(picture).text(at, line, fill="black", font=font)
    return picture


def save(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    saved = io.BytesIO()
    picture.save(saved, kind, **options)
    return saved.getvalue()


def photograph(picture: Image.Image, orientation: int = 1) -> bytes:
    """A JPEG as a telephone writes it: with the place, the maker, and how it was held."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Secret Phone"
    exif.get_ifd(GPS).update({1: "N", 2: (48.0, 8.0, 15.0), 3: "E", 4: (11.0, 34.0, 30.0)})
    return save(picture, "JPEG", quality=90, exif=exif, xmp=b"<x:xmpmeta>Secret XMP</x:xmpmeta>")


def bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes that says it has 3,600 million dots."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    dots = zlib.compress(bytes(100_000))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", dots) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def scan(pages: Sequence[Image.Image]) -> bytes:
    """A PDF whose pages are pictures."""
    first, *more = pages
    return save(first, "PDF", resolution=150, save_all=True, append_images=more)


def error_rate(known: str, read: str) -> float:
    """Of characters: how many edits make one of the other, by the known one's length."""
    known, read = " ".join(known.split()), " ".join(read.split())
    row = list(range(len(read) + 1))
    for at, wanted in enumerate(known, start=1):
        before, row[0] = row[0], at
        for column, found in enumerate(read, start=1):
            same = before + (wanted != found)
            before = row[column]
            row[column] = min(same, before + 1, row[column - 1] + 1)
    return row[-1] / max(1, len(known))
