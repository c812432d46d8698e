"""A picture as it may be kept: its dots, and nothing of where, when and by what it was taken."""

from __future__ import annotations

import io

from assistants.formats import Attachment, Reading, Reason, Unreadable
from assistants.formats.pixels import PHOTOGRAPHS, open_picture, read_page

MOST_PAGES = 200
QUALITY = 92  # of a JPEG; letters stay sharp


def read(content: bytes) -> Reading:
    """One attachment, the picture made anew. Raises Unreadable."""
    picture, pages = open_picture(content)
    if pages > MOST_PAGES:
        raise Unreadable(Reason.TOO_MANY_SCANS, f"{pages} pages")
    kept = io.BytesIO()
    first = read_page(picture, 0)
    if pages > 1:
        more = (read_page(picture, number) for number in range(1, pages))
        first.save(
            kept, "TIFF", save_all=True, append_images=more, compression="tiff_adobe_deflate"
        )
    elif picture.format in PHOTOGRAPHS:
        first.save(kept, "JPEG", quality=QUALITY)
    else:
        first.save(kept, "PNG")
    return Reading("", "", attachments=(Attachment("", kept.getvalue()),))
