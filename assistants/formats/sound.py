"""The child that decodes sound: whatever FFmpeg reads, to 16-bit samples at 16 kHz.

    python -m assistants.formats.sound SIZE

It has no file: it asks for the bytes it needs on standard output and is given them on standard
input, so that nothing of a recording lies open on a disk and a seek costs one piece. What it
writes are frames: a letter, a length (32 bits, little-endian), and so many bytes.

    R  wanted bytes: offset (64 bits) and length (32 bits); answered by a length and the bytes
    I  JSON once, before any sound: {"channels", "media_type"}
    P  samples, interleaved where there are two channels
    E  JSON, the end: {"error": a Reason or null, "detail", "cut": whether it broke off}
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

from assistants.formats import Reason, Unreadable
from assistants.formats.__main__ import forbid, leave_network

if TYPE_CHECKING:
    from av.audio.resampler import AudioResampler
    from av.container import InputContainer

RATE = 16_000
MEMORY = 3 << 30  # bytes of address space; FFmpeg's libraries alone map half a gigabyte
CPU_SECONDS = 3_600
PIECE = 1 << 18  # bytes asked for at once
SENT = RATE * 10  # samples sent at once, about
GAP, LONGEST_GAP = 0.1, 3600.0  # seconds between two frames that are filled with silence
MOST_ERRORS = 200  # packets that cannot be decoded; some are usual in what broke off
# Containers of sound and film. Not the lists that name further files (HLS, concat, SDP), nor
# pictures and texts.
CONTAINERS = (
    "aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,gsm,ircam,"
    "latm,loas,m4v,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,mulaw,nut,ogg,"
    "oma,qcp,rm,rso,sln,sox,spdif,swf,tak,truehd,tta,voc,w64,wav,wsd,wv,xwma"
)


class Asked(io.RawIOBase):
    """The file on the other side of the pipes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._place = size, 0
        self._kept = (0, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._place, 2: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, length: int = -1) -> bytes:
        if length < 0:
            length = self._size - self._place
        start, kept = self._kept
        if not start <= self._place < start + len(kept):
            if self._place >= self._size:
                return b""
            kept = _ask(self._place, PIECE)
            start = self._place
            self._kept = (start, kept)
        piece = kept[self._place - start : self._place - start + length]
        self._place += len(piece)
        return piece


def _ask(start: int, length: int) -> bytes:
    _send(b"R", struct.pack("<QI", start, length))
    given = sys.stdin.buffer
    size = int.from_bytes(_exactly(given, 4), "little")
    return _exactly(given, size)


def _exactly(given: BinaryIO, size: int) -> bytes:
    found = given.read(size)
    if len(found) != size:
        os._exit(1)  # the other side has gone; an exception would not get through FFmpeg
    return found


def _send(kind: bytes, payload: bytes) -> None:
    out = sys.stdout.buffer
    out.write(kind + struct.pack("<I", len(payload)))
    out.write(payload)
    out.flush()


def decode(size: int) -> bool:
    """Send the sound; True where it broke off before the file's end. Raises Unreadable."""
    import av

    try:
        container = av.open(
            Asked(size),
            mode="r",
            options={"format_whitelist": CONTAINERS, "protocol_whitelist": ""},
            metadata_errors="ignore",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise Unreadable(Reason.BROKEN, f"{type(error).__name__}: {error}") from error
    with container:
        if not container.streams.audio:
            raise Unreadable(Reason.NO_TEXT, "no sound in it")
        return _decode(container)


def _decode(container: InputContainer) -> bool:
    import av

    stream: Any = container.streams.best("audio") or container.streams.audio[0]
    stream.thread_type = "NONE"
    channels = 2 if (stream.codec_context.channels or 1) == 2 else 1
    resampler = av.AudioResampler(
        format="s16", layout="stereo" if channels == 2 else "mono", rate=RATE
    )
    name = container.format.name.split(",")[0]
    told = {"channels": channels, "media_type": f"audio/{name}"}
    sent, errors, cut = 0, 0, False
    waiting: list[bytes] = []
    held = 0

    def flush() -> None:
        nonlocal sent, held
        if waiting:
            if not sent:
                _send(b"I", json.dumps(told).encode())
            _send(b"P", b"".join(waiting))
            sent += held
            waiting.clear()
            held = 0

    clock = _Clock()
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError:
            cut = True
            break
        try:
            for frame in packet.decode():
                # What is missing is silent, so that times stay those that a player shows.
                if (missing := clock.missing(frame)) > 0:
                    waiting.append(bytes(2 * channels * missing))
                    held += missing
                held += _resample(resampler, frame, waiting)
        except av.error.EOFError:
            break
        except (av.error.FFmpegError, ValueError):
            errors += 1
            cut = True
            if errors > MOST_ERRORS:
                break
        if held >= SENT:
            flush()
    try:
        held += _resample(resampler, None, waiting)
    except (av.error.FFmpegError, ValueError):
        cut = True
    flush()
    if not sent:
        raise Unreadable(Reason.BROKEN, f"no sound could be decoded, {errors} errors")
    return cut


class _Clock:
    """Where in time the next frame should begin, by all that came before it."""

    def __init__(self) -> None:
        self._expected: float | None = None  # seconds, in the stream's own time

    def missing(self, frame: Any) -> int:
        """Samples at RATE that are missing before this frame; 0 where it follows, or goes back."""
        time, lasts = frame.time, frame.samples / frame.sample_rate
        if time is None:
            return 0
        gap = 0.0 if self._expected is None else time - self._expected
        self._expected = time + lasts
        return int(gap * RATE) if GAP < gap < LONGEST_GAP else 0


def _resample(resampler: AudioResampler, frame: Any, waiting: list[bytes]) -> int:
    """How many samples (of each channel) came of it."""
    count = 0
    for made in resampler.resample(frame):
        waiting.append(made.to_ndarray().tobytes())
        count += made.samples
    return count


def main() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))
    leave_network()
    import av  # before it is forbidden to load more
    import numpy  # noqa: F401

    av.logging.set_level(None)
    forbid()
    ended: dict[str, object] = {"error": None, "detail": "", "cut": False}
    try:
        ended["cut"] = decode(int(sys.argv[1]))
    except Unreadable as error:
        ended = {"error": error.reason, "detail": str(error)[:500], "cut": False}
    except MemoryError:
        ended = {"error": Reason.TOO_COSTLY, "detail": "out of memory", "cut": False}
    _send(b"E", json.dumps(ended).encode())


if __name__ == "__main__":
    main()
