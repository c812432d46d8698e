"""Sounds made up for the tests: no clip of anybody's voice is kept here.

`babble` is vowels and pauses in the rhythm of speech, by formants (Klatt 1980): the detector of
speech takes it for a voice, and the recogniser writes something or other.
"""

from __future__ import annotations

import io
import os
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.product import CHECKOUT

RATE = 16_000
Samples = NDArray[np.int16]
# First three formants in Hz of some vowels (Peterson and Barney 1952).
VOWELS = (
    (270, 2290, 3010), (660, 1720, 2410), (730, 1090, 2440), (300, 870, 2240), (490, 1350, 1690),
)  # fmt: skip
CLIPS = Path(os.environ.get("EVALS_DIR") or CHECKOUT.parent / "shared" / "evals") / "audio"
with_clips = pytest.mark.skipif(
    not CLIPS.is_dir(), reason="EVALS_DIR names no folder with audio clips"
)


def babble(seconds: float, *, seed: int = 0, pitch: float = 120.0, level: float = 0.3) -> Samples:
    random = np.random.default_rng(seed)
    made = np.zeros(int(seconds * RATE))
    place = 0
    while place < len(made):
        length = int(random.uniform(0.12, 0.3) * RATE)
        end = min(place + length, len(made))
        if random.random() < 0.85:
            formants = VOWELS[random.integers(len(VOWELS))]
            made[place:end] = _vowel(end - place, formants, pitch * random.uniform(0.85, 1.25))
        place = end
    peak = np.abs(made).max() or 1.0
    return (made / peak * level * 32767).astype(np.int16)


def _vowel(length: int, formants: tuple[int, ...], pitch: float) -> NDArray[np.float64]:
    """A sum of harmonics, each as loud as the formants let it through, swelling and fading."""
    time = np.arange(length) / RATE
    bend = pitch * (1 + 0.06 * np.sin(2 * np.pi * 3 * time))
    phase = 2 * np.pi * np.cumsum(bend) / RATE
    made = np.zeros(length)
    for number in range(1, int(5000 / pitch)):
        at = number * pitch
        gain = sum(
            1 / (1 + ((at - f) / (60 + 20 * i)) ** 2) / (i + 1) for i, f in enumerate(formants)
        )
        made += gain / number**0.5 * np.sin(number * phase)
    swell = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.02 * RATE))
    result: NDArray[np.float64] = made * swell
    return result


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def noise(seconds: float, *, level: float = 0.05, seed: int = 0) -> Samples:
    made = np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * level * 32767
    return made.clip(-32768, 32767).astype(np.int16)


def as_wav(samples: Samples, *, rate: int = RATE) -> bytes:
    """(n,) or (n, channels)."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return written.getvalue()


def encode(samples: Samples, container: str, codec: str, *, film: bool = False) -> bytes:
    """By FFmpeg, mono; with `film` beside a picture."""
    written = io.BytesIO()
    with av.open(written, "w", format=container) as file:
        picture: Any = None
        if film:
            picture = file.add_stream("mpeg4", rate=5)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
        stream = file.add_stream(codec, rate=RATE if codec != "libopus" else 48_000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=stream.rate, frame_size=stream.frame_size
        )
        if picture:
            for _ in range(int(len(samples) / RATE * 5)):
                shown = av.VideoFrame(64, 64, "yuv420p")
                file.mux(picture.encode(shown))
            file.mux(picture.encode(None))
        for made in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(made))
        file.mux(stream.encode(None))
    return written.getvalue()
