"""Pages of a PDF that are pictures: drawn by PDFium, then recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pypdfium2
from PIL import Image

from assistants.formats import SCANS_AT_ONCE, Reading, recognition
from assistants.formats.picture import recognise_pages

DOTS_A_POINT = 200 / 72  # 200 dots an inch
LONGEST = 3_000  # dots of a side; a poster is drawn smaller


def load() -> None:
    recognition.load()
    empty = pypdfium2.PdfDocument.new()
    empty.new_page(10, 10).render(scale=1).to_pil()
    empty.close()


def read(content: bytes, pages: Sequence[int] = ()) -> Reading:
    """These pages; those beyond what is read at once are left in `scanned`."""
    return recognise_pages(_draw(content, pages[:SCANS_AT_ONCE]), tuple(pages[SCANS_AT_ONCE:]))


def _draw(content: bytes, pages: Sequence[int]) -> Iterator[Image.Image]:
    document = pypdfium2.PdfDocument(content)
    for number in pages:
        page = document[number]
        scale = min(DOTS_A_POINT, LONGEST / max(1.0, *page.get_size()))
        yield page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
        page.close()
