"""Sound out of any file, decoded in a process of its own (assistants/formats/sound.py), and a copy
of it with pieces bleeped out.
"""

from __future__ import annotations

import io
import json
import math
import struct
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from assistants.exceptions import AssistantsError, DocumentRejected
from assistants.formats import Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

RATE = 16_000
LONGEST = 24 * 3600  # seconds; what comes after is left out, and said so
SHORTEST = 0.05  # seconds
LARGEST_FRAME = 1 << 24  # bytes that the child may send at once
CHECKOUT = Path(__file__).resolve().parents[3]

_WHY = {
    Reason.NO_TEXT: "There is no sound in this file. Choose a recording, or a film with sound.",
    Reason.TOO_COSTLY: "This file takes too much memory or time to read. Save it as MP3, M4A or "
    "WAV and upload that.",
}
_BROKEN = (
    "This file cannot be read as sound: it is damaged, protected or of an unknown kind. Save it "
    "as MP3, M4A or WAV and upload that."
)


class Readable(Protocol):
    """A file that is read anywhere in it; `size` in bytes."""

    size: int

    def read_at(self, start: int, length: int) -> bytes: ...


class LocalFile:
    """One of this machine, for measuring and for the command line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read_at(self, start: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


class Sound:
    """What is being decoded. `channels` is 1 or 2; after the last block `seconds` is how long it
    is, and `note` says what could not be read of it ("": everything was).
    """

    def __init__(self, child: subprocess.Popen[bytes], file: Readable) -> None:
        self._child, self._file = child, file
        self._to, self._from = _pipe(child.stdin), _pipe(child.stdout)
        self._first: bytes = b""
        self.seconds = 0.0
        self.note = ""
        told = self._next()
        if told is None or told[0] != b"I":
            raise _refused(Reason.BROKEN, "the child sent no sound")
        facts = json.loads(told[1])
        self.channels = 2 if facts["channels"] == 2 else 1
        self.media_type = str(facts["media_type"])[:100]

    def blocks(self) -> Iterator[Samples]:
        """16-bit samples at 16 kHz, (n, channels), some ten seconds at a time.

        Raises DocumentRejected where nothing can be decoded.
        """
        import numpy as np

        count = 0
        while (frame := self._next()) is not None:
            block = np.frombuffer(frame[1], np.int16).reshape(-1, self.channels)
            block = block[: LONGEST * RATE - count]
            count += len(block)
            self.seconds = count / RATE
            if len(block):
                yield block
            if count >= LONGEST * RATE:
                self.note = f"Only the first {LONGEST // 3600} hours were read."
                return
        if self.seconds < SHORTEST:
            raise DocumentRejected(
                "no sound",
                user_message="This recording is empty. Check that the microphone or file works.",
            )

    def _next(self) -> tuple[bytes, bytes] | None:
        """The next frame of sound or facts; None at the end."""
        while True:
            head = self._from.read(5)
            if len(head) < 5:
                self._child.wait(10)
                raise _refused(Reason.TOO_COSTLY, f"the child ended with {self._child.returncode}")
            kind, length = head[:1], int.from_bytes(head[1:], "little")
            if length > LARGEST_FRAME:
                raise _refused(Reason.BROKEN, "the child sent too much")
            payload = self._from.read(length)
            if kind == b"R":
                start, wanted = struct.unpack("<QI", payload)
                piece = self._file.read_at(start, min(wanted, 1 << 20))
                self._to.write(len(piece).to_bytes(4, "little") + piece)
                self._to.flush()
            elif kind == b"E":
                ended = json.loads(payload)
                if ended["error"]:
                    raise _refused(Reason(ended["error"]), str(ended["detail"]))
                if ended["cut"]:
                    self.note = (
                        f"The file is damaged or ends too early: {self.seconds:.0f} seconds of it "
                        "could be read."
                    )
                return None
            else:
                return kind, payload


@contextmanager
def decode(file: Readable) -> Iterator[Sound]:
    """Raises DocumentRejected for what holds no sound, RecordingUnreadable."""
    child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-s", "-B", "-m", "assistants.formats.sound", str(file.size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=CHECKOUT,
        env={"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        yield Sound(child, file)
    finally:
        child.kill()
        for pipe in (child.stdin, child.stdout):
            with suppress(BrokenPipeError):
                _pipe(pipe).close()
        child.wait(10)


def _pipe(pipe: IO[bytes] | None) -> Any:
    if pipe is None:
        raise AssistantsError("a pipe is missing")
    return pipe


def _refused(reason: Reason, detail: str) -> DocumentRejected:
    return DocumentRejected(
        f"{reason}: {detail}", code="recording_rejected", user_message=_WHY.get(reason, _BROKEN)
    )


# -- bleeping -------------------------------------------------------------------------------------

TONE = 1_000  # Hz
TONE_LEVEL = 3_000  # of 32,767: heard, and not hurting
EDGE = 80  # samples over which the tone swells, so that it does not click


def bleep(
    file: Readable, seconds: float, silenced: Sequence[tuple[float, float]]
) -> Iterator[bytes]:
    """The sound as a WAV file, mono or stereo, with a tone in each of the `silenced` spans
    ((start, end) in seconds, in order). Streams: hours take no memory.
    """
    with decode(file) as sound:
        yield _wave_header(sound.channels, round(seconds * RATE))
        place = 0
        for block in sound.blocks():
            yield bleep_block(block, place, silenced).tobytes()
            place += len(block)


def bleep_block(block: Samples, place: int, silenced: Sequence[tuple[float, float]]) -> Samples:
    """A copy of a block that begins at sample `place`, with a tone over what is silenced."""
    import numpy as np

    made = block.copy()
    for start, end in silenced:
        first, last = math.floor(start * RATE), math.ceil(end * RATE)
        a, b = max(first - place, 0), min(last - place, len(made))
        if a >= b:
            continue
        at = np.arange(a + place, b + place)
        swell = np.minimum(1, np.minimum(at - first + 1, last - at) / EDGE)
        tone = TONE_LEVEL * swell * np.sin(2 * np.pi * TONE * at / RATE)
        made[a:b] = tone.astype(np.int16)[:, None]
    return made


def _wave_header(channels: int, frames: int) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.setnframes(frames)
        file.writeframesraw(b"")
    header = bytearray(written.getvalue())
    size = frames * channels * 2
    header[4:8] = min(36 + size, 2**32 - 1).to_bytes(4, "little")
    header[40:44] = min(size, 2**32 - 1).to_bytes(4, "little")
    return bytes(header)
