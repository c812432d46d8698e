"""The text of a picture, recognised; of a TIFF, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PIL import Image

from assistants.formats import SCANS_AT_ONCE, Reading, recognition
from assistants.formats.pixels import open_picture, read_page


def load() -> None:
    Image.init()
    recognition.load()


def read(content: bytes, pages: Sequence[int] = ()) -> Reading:
    """These pages, or the first few, with those that are left in `scanned`. Raises Unreadable."""
    picture, count = open_picture(content)
    wanted = pages or range(count)
    now, later = wanted[:SCANS_AT_ONCE], wanted[SCANS_AT_ONCE:]
    return recognise_pages((read_page(picture, number) for number in now), tuple(later))


def recognise_pages(pictures: Iterable[Image.Image], later: tuple[int, ...] = ()) -> Reading:
    """`later` are the pages that the reading leaves to another."""
    text, starts = "", []
    letters = sure = 0.0
    for picture in pictures:
        found = recognition.recognise(picture)
        text += "\n\n" if text else ""
        starts.append(len(text))
        text += found.text
        letters += len(found.text)
        sure += len(found.text) * found.confidence
    confidence = sure / letters if letters else None
    return Reading("", text, tuple(starts), scanned=later, confidence=confidence)
