"""Where somebody speaks, and parts of some minutes cut where nobody does. Streaming: of hours of
sound no more is held than a part and a block.

Silero's voice activity detector (MIT, shipped with faster-whisper) gives a probability of speech
for each 32 ms. Speech begins above `SPEECH` and ends when it was below `SILENCE` for `PAUSE`; what
is nearby is read together in windows of at most 28 seconds, since Whisper looks at 30.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistants.compute.speech.transcriber import RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sound = NDArray[np.int16]
    Detector = Callable[[NDArray[np.float32]], NDArray[np.float32]]

FRAME = 512  # samples that the detector judges together: 32 ms
BLOCK = 1024 * FRAME  # samples judged at once: 33 s
CONTEXT = 32 * FRAME  # samples before a block that the detector hears again
SPEECH, SILENCE = 0.5, 0.35
PAUSE = 16  # frames: half a second
SHORTEST = 4  # frames; less is a click
PAD = 7 * FRAME  # samples kept before and after: 0.22 s
LONGEST = 28 * RATE  # samples of a window
APART = int(1.5 * RATE)  # samples of silence that end a window
FIRST_PART, LATER_PARTS = 60 * RATE, 180 * RATE  # samples of speech; the first is soon there
DECIDED_AFTER = 120 * RATE  # samples by which it is known whether each channel has a speaker


@dataclass(frozen=True, slots=True)
class CutPart:
    """`windows` are (start, end) in seconds of the recording; `samples` are those of the windows,
    one after the other, 16 kHz. `channel` is 0 where all were mixed, else counted from 1.
    """

    channel: int
    windows: tuple[tuple[float, float], ...]
    samples: Sound


def cut_speech(blocks: Iterable[Sound], channels: int) -> Iterator[CutPart]:
    """Parts in the order in which they end. `blocks`: 16-bit samples, (n, channels), 1 or 2.

    Two channels are kept apart where each has a speaker of its own, as telephone systems record;
    else they are mixed.
    """
    if channels == 1:
        yield from _cut((block[:, 0] for block in blocks), 0)
        return
    waiting: list[Sound] = []
    blocks = iter(blocks)
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= DECIDED_AFTER:
            break
    if not are_apart(waiting):
        yield from _cut((mix(block) for block in _chain(waiting, blocks)), 0)
        return
    cutters = Cutter(1), Cutter(2)
    for block in _chain(waiting, blocks):
        for cutter in cutters:
            yield from cutter.feed(block[:, cutter.channel - 1])
    for cutter in cutters:
        yield from cutter.finish()


def _cut(blocks: Iterable[Sound], channel: int) -> Iterator[CutPart]:
    cutter = Cutter(channel)
    for block in blocks:
        yield from cutter.feed(block)
    yield from cutter.finish()


def _chain(waiting: list[Sound], blocks: Iterable[Sound]) -> Iterator[Sound]:
    while waiting:
        yield waiting.pop(0)
    yield from blocks


def mix(block: Sound) -> Sound:
    import numpy as np

    mixed: Sound = block.astype(np.int32).mean(axis=1).astype(np.int16)
    return mixed


def are_apart(blocks: list[Sound]) -> bool:
    """Whether each channel has a speaker of its own: while one is loud, the other is not, and
    both take their turns.
    """
    import numpy as np

    if not blocks:
        return False
    sound = np.concatenate(blocks).astype(np.float32)
    sound = sound[: len(sound) // (RATE // 2) * (RATE // 2)].reshape(-1, RATE // 2, 2)
    if not len(sound):
        return False
    loud = 10 * np.log10(np.square(sound).mean(axis=1) + 1)  # of each half second and channel
    active = loud.max(axis=1) > 40  # 40 dB over one step of 16 bits: a quiet voice
    if active.sum() < 4:
        return False
    difference = (loud[:, 0] - loud[:, 1])[active]
    alone = np.abs(difference) > 10
    share = [float((difference > 10).mean()), float((difference < -10).mean())]
    return float(alone.mean()) > 0.6 and min(share) > 0.05


class Cutter:
    """Of one channel. `detector` maps samples (float32, -1 to 1) to a probability each frame."""

    def __init__(self, channel: int, detector: Detector | None = None) -> None:
        import numpy as np

        self.channel = channel
        self._np = np
        self._detect = detector or silero()
        self._held: Sound = np.zeros(0, np.int16)  # from sample `_first` on
        self._first = 0
        self._judged = 0  # samples up to which frames were judged
        self._fed = 0
        self._begun: int | None = None  # the sample at which the speech that goes on began
        self._quiet = 0  # frames below SILENCE in a row
        self._chances: list[float] = []  # of the frames since `_begun`
        self._window: tuple[int, int] | None = None  # samples; may still grow
        self._windows: list[tuple[int, int, Sound]] = []
        self._parts = 0
        self._last_end = 0  # of the part before, in samples

    def feed(self, samples: Sound) -> Iterator[CutPart]:
        """More sound; what became complete by it."""
        self._held = self._np.concatenate([self._held, samples])
        self._fed += len(samples)
        while self._fed - self._judged >= BLOCK:
            yield from self._judge(BLOCK)
            self._forget()

    def finish(self) -> Iterator[CutPart]:
        """The sound has ended."""
        left = self._fed - self._judged
        if left:
            silence = self._np.zeros(-left % FRAME, self._np.int16)
            self._held = self._np.concatenate([self._held, silence])
            yield from self._judge(left + len(silence))
        if self._begun is not None:
            self._speech(self._begun, self._fed)
            self._begun = None
        self._close_window()
        if self._windows:
            yield self._part()

    def _judge(self, length: int) -> Iterator[CutPart]:
        before = min(CONTEXT, self._judged - self._first) // FRAME * FRAME
        start = self._judged - before - self._first
        heard = self._held[start : start + before + length].astype(self._np.float32)
        heard *= self._np.float32(1 / 32768)
        for chance in self._detect(heard)[before // FRAME :]:
            self._step(float(chance))
            self._judged += FRAME
            if self._windows and self._speech_held() >= self._target():
                yield self._part()

    def _step(self, chance: float) -> None:
        """One frame, which begins at `_judged`."""
        if self._begun is None:
            if chance >= SPEECH:
                self._begun, self._quiet, self._chances = self._judged, 0, [chance]
            elif self._window and self._judged - self._window[1] > APART:
                self._close_window()
            return
        self._chances.append(chance)
        self._quiet = self._quiet + 1 if chance < SILENCE else 0
        end = self._judged + FRAME
        if self._quiet >= PAUSE:
            stop = end - self._quiet * FRAME
            if len(self._chances) - self._quiet >= SHORTEST:
                self._speech(self._begun, stop)
            self._begun = None
        elif end - self._begun >= LONGEST - 2 * PAD:
            # Somebody speaks without a pause: cut where it is most like one, near the end.
            tail = self._chances[-len(self._chances) // 3 :]
            at = len(self._chances) - len(tail) + tail.index(min(tail))
            cut = self._begun + at * FRAME
            self._speech(self._begun, cut)
            self._close_window(cut)
            self._begun, self._chances = cut, self._chances[at:]

    def _speech(self, start: int, end: int) -> None:
        """Somebody spoke; beside what was said just before, where both are short enough."""
        if self._window:
            first, last = self._window
            if start - last <= APART and end - first <= LONGEST - 2 * PAD:
                self._window = (first, end)
                return
            self._close_window(start)
        self._window = (start, end)

    def _close_window(self, limit: int | None = None) -> None:
        """It grows no more. What begins at sample `limit` belongs to the next one."""
        if self._window is None:
            return
        start, end = self._window
        self._window = None
        last = self._windows[-1][1] if self._windows else self._last_end
        start = max(start - PAD, last, self._first)
        end = min(end + PAD, self._fed if limit is None else limit)
        sound = self._held[start - self._first : end - self._first].copy()
        if len(sound):
            self._windows.append((start, end, sound))

    def _speech_held(self) -> int:
        return sum(end - start for start, end, _ in self._windows)

    def _target(self) -> int:
        return FIRST_PART if not self._parts else LATER_PARTS

    def _part(self) -> CutPart:
        windows, self._windows = self._windows, []
        self._parts += 1
        self._last_end = windows[-1][1]
        return CutPart(
            self.channel,
            tuple((start / RATE, end / RATE) for start, end, _ in windows),
            self._np.concatenate([sound for _, _, sound in windows]),
        )

    def _forget(self) -> None:
        """Sound that no window can need any more."""
        needed = [self._judged - CONTEXT - PAD]
        needed += [self._begun - PAD] if self._begun is not None else []
        needed += [self._window[0] - PAD] if self._window else []
        first = max(self._first, min(needed) // FRAME * FRAME)
        self._held = self._held[first - self._first :].copy()
        self._first = first


@functools.cache
def silero() -> Detector:
    """The detector (2 MB, about 0.1 s to load); a few ms a second of sound at most."""
    from faster_whisper.vad import get_vad_model

    model: Any = get_vad_model()

    def detect(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = model(samples).reshape(-1)
        return found

    return detect
