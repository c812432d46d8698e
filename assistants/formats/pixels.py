"""Opening pictures: few formats, no bombs, upright, without what cameras write beside the dots."""

from __future__ import annotations

import io
from typing import cast

from PIL import Image, ImageOps

from assistants.formats import MAX_DOTS, Reason, Unreadable

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
LONGEST = 4_000  # dots of a side that are kept; letters on a page have enough of them
PHOTOGRAPHS = ("JPEG", "WEBP")

Image.MAX_IMAGE_PIXELS = MAX_DOTS


def open_picture(content: bytes) -> tuple[Image.Image, int]:
    """Its header alone, and how many pages it has: those of a TIFF, of all others one. Raises
    Unreadable.
    """
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(Reason.TOO_MANY_DOTS, str(error)) from error
    pages = int(getattr(picture, "n_frames", 1)) if picture.format == "TIFF" else 1
    return picture, pages


def read_page(picture: Image.Image, number: int) -> Image.Image:
    """One page in RGB, upright, at most `LONGEST` dots a side, on white, with no metadata. Raises
    Unreadable.
    """
    if number:
        picture.seek(number)
    width, height = picture.size
    if width * height > MAX_DOTS:
        raise Unreadable(Reason.TOO_MANY_DOTS, f"{width} × {height}")
    if picture.format == "JPEG":
        picture.draft("RGB", (min(width, LONGEST), min(height, LONGEST)))  # unpacks fewer dots
    picture.load()
    shown = ImageOps.exif_transpose(picture)
    if shown.mode.startswith("I;16") or shown.mode in ("I", "F"):
        shown = _in_bytes(shown)
    if shown.has_transparency_data:
        shown = shown.convert("RGBA")
        white = Image.new("RGBA", shown.size, "white")
        shown = Image.alpha_composite(white, shown)
    shown = shown.convert("RGB")
    shown.thumbnail((LONGEST, LONGEST))
    bare = Image.new("RGB", shown.size)
    bare.paste(shown)
    return bare


def _in_bytes(picture: Image.Image) -> Image.Image:
    """From dots of 16 bits or more, its darkest to black and its lightest to white."""
    dots = picture.convert("F")
    low, high = cast(tuple[float, float], dots.getextrema())
    scale = 255 / (high - low) if high > low else 0.0
    return dots.point(lambda dot: dot * scale - low * scale).convert("L")
