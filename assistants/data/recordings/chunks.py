"""The file of a recording, as received: in sealed pieces, put together again where it is read."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from assistants.data.recordings.sealing import RecordingUnreadable, open_sound, seal_sound
from assistants.data.scope import rights_of_system
from assistants.models import Recording, RecordingChunk

INSERTED_AT_ONCE = 8  # of some that are read from a file


@dataclass(frozen=True, slots=True)
class KeptChunk:
    number: int
    size: int
    sha256: str


def append_chunk(recording: Recording, number: int, content: bytes) -> bool:
    """Keep a piece; False where it is there already, with this content.

    The caller holds the recording's row, and has the rights. Raises ValueError where another
    content has that number.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    kept = RecordingChunk.objects.filter(recording=recording, number=number)
    if (before := kept.values_list("sha256", flat=True).first()) is not None:
        if before != sha256:
            raise ValueError(f"chunk {number} of {recording.pk} is there with another content")
        return False
    sealed, key_id = seal_sound(content, recording.pk, _place(number))
    RecordingChunk.objects.create(
        recording=recording,
        number=number,
        size=len(content),
        sha256=sha256,
        sealed=sealed,
        key_id=key_id,
    )
    return True


def list_chunks(recording_id: uuid.UUID) -> list[KeptChunk]:
    rows = RecordingChunk.objects.filter(recording_id=recording_id).order_by("number")
    return [KeptChunk(*row) for row in rows.values_list("number", "size", "sha256")]


def lay_out_chunks(recording_id: uuid.UUID) -> int:
    """Write down where in the file each piece starts; the size of the file."""
    size = 0
    with transaction.atomic():
        chunks = list(
            RecordingChunk.objects.filter(recording_id=recording_id)
            .only("pk", "size")
            .order_by("number")
        )
        for chunk in chunks:
            chunk.start = size
            size += chunk.size
        RecordingChunk.objects.bulk_update(chunks, ["start"], batch_size=2000)
    return size


def delete_chunks(recording_id: uuid.UUID) -> int:
    return RecordingChunk.objects.filter(recording_id=recording_id).delete()[0]


class RecordingFile:
    """The file, to be read anywhere in it; at most one piece is in memory.

    Whoever opens it has looked at the rights: it reads with the system's.
    """

    def __init__(self, recording_id: uuid.UUID) -> None:
        self.recording_id = recording_id
        with rights_of_system():
            rows = RecordingChunk.objects.filter(recording_id=recording_id).order_by("number")
            self._chunks = list(rows.values_list("number", "start", "size"))
        self.size = sum(size for _, _, size in self._chunks)
        self._opened: tuple[int, bytes] = (-1, b"")

    def read_at(self, start: int, length: int) -> bytes:
        """Fewer bytes at the end of the file. Raises RecordingUnreadable."""
        end = min(start + length, self.size)
        found = bytearray()
        index = self._find(start) if start < end else 0
        while start < end:
            number, first, _ = self._chunks[index]
            piece = self._piece(number)[start - (first or 0) : end - (first or 0)]
            if not piece:
                raise RecordingUnreadable(f"chunk {number} of {self.recording_id} is cut")
            found += piece
            start += len(piece)
            index += 1
        return bytes(found)

    def read_range(self, start: int, end: int, at_once: int = 1 << 18) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, some at a time."""
        while start < end and (piece := self.read_at(start, min(at_once, end - start))):
            yield piece
            start += len(piece)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.read_range(0, self.size, 1 << 20):
            digest.update(piece)
        return digest.hexdigest()

    def _find(self, place: int) -> int:
        """The index of the piece that holds this byte."""
        low, high = 0, len(self._chunks) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if (self._chunks[middle][1] or 0) <= place:
                low = middle
            else:
                high = middle - 1
        return low

    def _piece(self, number: int) -> bytes:
        if self._opened[0] != number:
            with rights_of_system():
                rows = RecordingChunk.objects.filter(recording_id=self.recording_id, number=number)
                row = rows.values_list("sealed", "key_id").first()
            if row is None:
                raise RecordingUnreadable(f"chunk {number} of {self.recording_id} is gone")
            clear = open_sound(bytes(row[0]), row[1], self.recording_id, _place(number))
            self._opened = (number, clear)
        return self._opened[1]


def _place(number: int) -> str:
    return f"chunk {number}"
