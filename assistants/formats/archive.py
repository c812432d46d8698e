"""The checks that every office file passes before it is unpacked."""

from __future__ import annotations

import io
import re
import zipfile

from assistants.formats import Reason, Unreadable

MAX_UNPACKED = 256 << 20  # bytes
MAX_RATIO = 200  # unpacked to packed, for parts over a megabyte
MAX_MEMBERS = 10_000

_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)")


def check_archive(content: bytes) -> None:
    """Raises Unreadable for what is no archive, is locked, or unpacks to absurd sizes.

    Sizes are those the archive states; zipfile never unpacks more than the stated size. Office
    formats have no document types: a part that declares one is after entities that multiply.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise Unreadable(Reason.BROKEN, str(error)) from error
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable(Reason.ENCRYPTED)
    swollen = any(
        part.file_size > 1 << 20 and part.file_size > MAX_RATIO * max(1, part.compress_size)
        for part in parts
    )
    total = sum(part.file_size for part in parts)
    if swollen or total > MAX_UNPACKED or len(parts) > MAX_MEMBERS:
        raise Unreadable(Reason.EXPANDS, f"{len(content)} bytes unpack to {total}")
    for part in parts:
        if part.filename.lower().endswith((".xml", ".rels")):
            with archive.open(part) as opened:
                if _DECLARES.search(opened.read(2048)):
                    raise Unreadable(Reason.EXPANDS, f"{part.filename} declares a document type")
