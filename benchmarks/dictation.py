"""How soon dictated words are there: a clip is spoken in real time, and heard as the page does it.

    python -m benchmarks.dictation [--clip FILE] [--seconds 10] [--times 3]

Reported: when the first words show, and the seconds from the stop to the last word, a hearing that
is under way at the stop included; the clip is cut at slightly different lengths, so that it is met
at different moments. Without the broker and HTTP, which take milliseconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
django.setup()

from assistants import compute  # noqa: E402
from assistants.services.live_dictation import EDGE, agree  # noqa: E402
from benchmarks.retrieval import EVALS_DIR  # noqa: E402

FIRST, MORE = 1.0, 0.5  # as in static/js/speech/dictation.js
RATE = compute.speech.RATE


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.dictation")
    parser.add_argument("--clip", type=Path, default=EVALS_DIR / "audio" / "jfk.flac")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args(argv)
    if not options.clip.exists():
        print(f"not measured: there is no {options.clip} (set EVALS_DIR)")
        return
    sound = read(options.clip)[: int(options.seconds * RATE) * 2]
    transcriber = compute.speech.get_transcriber()
    compute.speech.transcribe_utterance(transcriber, sound[: RATE * 4])  # warm
    print(f"{transcriber.model} by {transcriber.engine}, {len(sound) / 2 / RATE:.1f} s of speech")
    runs = []
    for number in range(options.times):
        cut = len(sound) - int(number * MORE / options.times * RATE) * 2
        runs.append(speak(transcriber, sound[:cut]))
    finals = [run[1] for run in runs]
    print(f"  first words      {statistics.median(run[0] for run in runs):.2f} s after the start")
    print(
        f"  final text       {statistics.median(finals):.2f} s after the stop, "
        f"at worst {max(finals):.2f} ({statistics.median(run[2] for run in runs):.2f} s of "
        f"processor, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})"
    )
    print(f"  hearings         {statistics.median(run[3] for run in runs):.0f}")
    print(f"  heard            “{runs[0][4].strip()}”")


def speak(
    transcriber: compute.speech.Transcriber, sound: bytes
) -> tuple[float, float, float, int, str]:
    """Seconds to the first words, from the stop to the last, of the processor for these; how often
    it was heard; the text.
    """
    whole = len(sound) / 2 / RATE
    begun = time.perf_counter()
    fixed, pending = "", list[str]()
    language, start, heard_to, first, hearings = "", 0.0, 0.0, 0.0, 0
    while (wanted := heard_to + (MORE if heard_to else FIRST)) < whole:
        now = max(wanted, time.perf_counter() - begun)
        if now >= whole:
            break
        time.sleep(max(0.0, begun + now - time.perf_counter()))
        heard_to = now
        words, language = _hear(transcriber, sound, start, now, language if fixed else "")
        hearings += 1
        texts = [text for text, _ in words]
        agreed = agree(pending, texts)
        while agreed and words[agreed - 1][1] > now - start - EDGE:
            agreed -= 1
        fixed += "".join(texts[:agreed])
        pending = texts[agreed:]
        if agreed:
            start += words[agreed - 1][1]
        if not first and texts:
            first = time.perf_counter() - begun
    time.sleep(max(0.0, begun + whole - time.perf_counter()))
    computed = time.process_time()
    words, _ = _hear(transcriber, sound, start, whole, language if fixed else "")
    final = time.perf_counter() - begun - whole
    computed = time.process_time() - computed
    return first, final, computed, hearings, fixed + "".join(text for text, _ in words)


def _hear(
    transcriber: compute.speech.Transcriber, sound: bytes, start: float, end: float, language: str
) -> tuple[list[tuple[str, float]], str]:
    piece = sound[int(start * RATE) * 2 : int(end * RATE) * 2]
    segments = compute.speech.transcribe_utterance(transcriber, piece, language=language)
    words = [(word.text, word.end) for segment in segments for word in segment.words]
    return words, segments[0].language if segments else language


def read(path: Path) -> bytes:
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pieces = []
    with av.open(str(path)) as source:
        for frame in source.decode(audio=0):
            for each in resampler.resample(frame):
                pieces.append(bytes(each.planes[0])[: each.samples * 2])
    return b"".join(pieces)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
