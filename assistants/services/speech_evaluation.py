"""Measuring the transcription on somebody's own recordings, and hearing one file here.

The word error rate is the share of words that would have to be replaced, put in or left out, over
all files together, after Whisper's own normaliser of English on both sides (openai-whisper, MIT):
without marks and case, numbers and spellings made alike.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistants import compute, data
from assistants.exceptions import DocumentRejected, InvalidRequest
from assistants.types import SpokenSegment


@dataclass(frozen=True, slots=True)
class Heard:
    """`seconds` of sound, and how many `took` of work."""

    segments: tuple[SpokenSegment, ...]
    seconds: float
    took: float
    note: str

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


def transcribe_file(
    path: Path, *, language: str = "", hints: Sequence[str] = (), voices: bool = False
) -> Heard:
    """Decode, cut and hear a file in this process, as the workers do it part by part.

    Raises DocumentRejected, WeightsMissing, OSError.
    """
    transcriber = compute.speech.get_transcriber()
    begun = time.perf_counter()
    segments: list[SpokenSegment] = []
    with data.recordings.decode(data.recordings.LocalFile(path)) as sound:
        for part in compute.speech.cut_speech(sound.blocks(), sound.channels):
            segments += compute.speech.transcribe_windows(
                transcriber,
                part.samples.tobytes(),
                part.windows,
                language=language,
                hints=hints,
                voices=voices and not part.channel,
            )
    segments.sort(key=lambda segment: segment.start)
    return Heard(tuple(segments), sound.seconds, time.perf_counter() - begun, sound.note)


def evaluate_transcription(path: Path) -> dict[str, Any]:
    """`{"wer", "rtf", "peak_memory_mb", "files", "words", "seconds", "engine", "model", …}`.

    `path` holds lines `{file, text}`; other fields are ignored. `rtf` is seconds of work a second
    of sound, the model loaded; `peak_memory_mb` is that of this process. A file that cannot be
    read counts as heard empty. Raises InvalidRequest for lines that cannot be read.
    """
    entries = list(read_manifest(path))
    transcriber = compute.speech.get_transcriber()
    texts: list[tuple[str, str]] = []
    seconds = took = 0.0
    unread = 0
    for file, text in entries:
        try:
            heard = transcribe_file(file)
        except DocumentRejected:
            unread += 1
            texts.append((text, ""))
            continue
        texts.append((text, heard.text))
        seconds += heard.seconds
        took += heard.took
    # Before the normaliser: it brings a library that the worker may never load.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    normalise = english_normaliser()
    errors = words = 0
    for expected, said in texts:
        reference = normalise(expected).split()
        errors += word_errors(reference, normalise(said).split())
        words += len(reference)
    return {
        "wer": round(errors / words, 4) if words else 0.0,
        "rtf": round(took / seconds, 4) if seconds else 0.0,
        "peak_memory_mb": round(peak, 1),
        "files": len(entries),
        "unread": unread,
        "words": words,
        "seconds": round(seconds, 2),
        "engine": transcriber.engine,
        "model": transcriber.model,
        "version": transcriber.version,
    }


def read_manifest(path: Path) -> Iterator[tuple[Path, str]]:
    """(file, what is said in it). Raises InvalidRequest."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{error}", user_message=f"{path} cannot be read.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            file, text = path.parent / str(entry["file"]), str(entry["text"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidRequest(
                f"line {number}: {error!r}",
                user_message=f"Line {number} of {path} is not an object with `file` and `text`.",
            ) from error
        if not file.is_file():
            raise InvalidRequest(
                f"line {number}",
                user_message=f"Line {number} of {path} names {file}, which is not there.",
            )
        yield file, text


def english_normaliser() -> Any:
    from whisper.normalizers import EnglishTextNormalizer

    return EnglishTextNormalizer()


def word_errors(reference: Sequence[str], said: Sequence[str]) -> int:
    """How many words have to be replaced, put in or left out (Levenshtein)."""
    import numpy as np

    numbers: dict[str, int] = {}
    expected = np.array([numbers.setdefault(word, len(numbers)) for word in reference], int)
    heard = [numbers.setdefault(word, len(numbers)) for word in said]
    places = np.arange(len(expected) + 1)
    row = places.copy()
    for count, word in enumerate(heard, start=1):
        made = np.empty_like(row)
        made[0] = count
        made[1:] = np.minimum(row[1:] + 1, row[:-1] + (expected != word))
        row = np.minimum.accumulate(made - places) + places
    return int(row[-1])
