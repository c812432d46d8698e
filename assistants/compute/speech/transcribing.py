"""From a part's windows to segments in the recording's own time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assistants.compute.speech import voices as voiced
from assistants.compute.speech.cutting import cut_speech
from assistants.compute.speech.doubt import believe
from assistants.compute.speech.transcriber import RATE, Reading, Transcriber
from assistants.types import SpokenSegment, SpokenWord

if TYPE_CHECKING:
    from assistants.compute.speech.transcriber import Samples

SURE_OF_LANGUAGE = 0.5  # below, what was spoken so far is spoken on
TELLING = 4.0  # seconds of speech by which a language is known

Window = tuple[float, float]


def transcribe_windows(
    transcriber: Transcriber,
    sound: bytes,
    windows: Sequence[Window],
    *,
    language: str = "",
    hints: Sequence[str] = (),
    voices: bool = False,
    on_segment: Callable[[SpokenSegment], None] | None = None,
) -> list[SpokenSegment]:
    """What is said in each window, in order.

    `sound` is 16-bit samples at 16 kHz of the windows, one after the other; `windows` are their
    (start, end) in seconds of the recording, and so are the times given back. Without a language it
    is detected window by window. `voices`: also what each voice sounds like. `on_segment` is told
    of each as it comes; what it raises ends the work.
    """
    import numpy as np

    samples = np.frombuffer(sound, np.int16)
    segments: list[SpokenSegment] = []
    spoken: Counter[str] = Counter()
    place = 0
    for start, end in windows:
        length = round((end - start) * RATE)
        heard = samples[place : place + length].astype(np.float32)
        heard *= np.float32(1 / 32768)
        place += length
        if not len(heard):
            continue
        window_language = language or _language(transcriber, heard, spoken)
        for segment in transcribe(transcriber, heard, window_language, hints, voices=voices):
            shifted = _shift(segment, start)
            segments.append(shifted)
            if on_segment:
                on_segment(shifted)
        spoken[window_language] += length
    return segments


def transcribe(
    transcriber: Transcriber,
    samples: Samples,
    language: str = "",
    hints: Sequence[str] = (),
    *,
    voices: bool = False,
) -> list[SpokenSegment]:
    """What is said in these samples (float32, -1 to 1, 16 kHz mono), in their own seconds."""
    language = language or transcriber.detect(samples)[0]
    length = len(samples) / RATE
    segments = []
    for reading in believe(transcriber.read(samples, language, hints)):
        segment = _segment(reading, language, length)
        if voices:
            sound = samples[int(segment.start * RATE) : int(segment.end * RATE)]
            segment = _with_voice(segment, voiced.embed_voice(sound))
        segments.append(segment)
    return segments


def transcribe_utterance(
    transcriber: Transcriber, sound: bytes, *, language: str = "", hints: Sequence[str] = ()
) -> list[SpokenSegment]:
    """As `transcribe_windows`, of some seconds of sound in which somebody may speak or not."""
    import numpy as np

    samples = np.frombuffer(sound, np.int16)
    segments: list[SpokenSegment] = []
    for part in cut_speech([samples.reshape(-1, 1)], 1):
        segments += transcribe_windows(
            transcriber, part.samples.tobytes(), part.windows, language=language, hints=hints
        )
    return segments


def _language(transcriber: Transcriber, samples: Samples, spoken: Counter[str]) -> str:
    language, sure = transcriber.detect(samples)
    before = spoken.most_common(1)
    if before and (sure < SURE_OF_LANGUAGE or len(samples) < TELLING * RATE):
        return before[0][0]
    return language


def _segment(reading: Reading, language: str, length: float) -> SpokenSegment:
    words = tuple(
        SpokenWord(
            text,
            min(max(0.0, float(start)), length),
            min(max(0.0, float(end)), length),
            float(probability),
        )
        for text, start, end, probability in reading.words
    )
    sure = sum(word.probability for word in words) / len(words) if words else 0.0
    start, end = (
        (words[0].start, words[-1].end) if words else (float(reading.start), float(reading.end))
    )
    start = min(max(0.0, start), length)
    return SpokenSegment(
        start=start,
        end=min(max(start, end), length),
        text=reading.text.strip(),
        words=words,
        probability=round(sure, 4),
        no_speech=round(min(max(0.0, float(reading.no_speech)), 1.0), 4),
        language=language,
    )


def _shift(segment: SpokenSegment, by: float) -> SpokenSegment:
    return SpokenSegment(
        segment.start + by,
        segment.end + by,
        segment.text,
        tuple(
            SpokenWord(word.text, word.start + by, word.end + by, word.probability)
            for word in segment.words
        ),
        segment.probability,
        segment.no_speech,
        segment.language,
        segment.voice,
    )


def _with_voice(segment: SpokenSegment, voice: tuple[float, ...] | None) -> SpokenSegment:
    return SpokenSegment(
        segment.start,
        segment.end,
        segment.text,
        segment.words,
        segment.probability,
        segment.no_speech,
        segment.language,
        voice,
    )
