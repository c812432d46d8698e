"""Transcription beside calling the libraries directly, in the same run.

    python -m benchmarks.transcription [--minutes M] [--rounds N] [--json]

On public clips (EVALS_DIR), decoded beforehand, with the default weights: for each engine the
seconds of work a second of sound, the library's `transcribe` with its own defaults and word times,
and ours (cut at silences, language window by window, doubted), taking turns; our share is what
ours takes more (negative: less). Word error rates of both by Whisper's normaliser of English.
Peak memory of each in a process of its own. Then the clips strung together with pauses to
`--minutes` of speech (60 for the hour): how many seconds of sound a second one and two worker
processes transcribe, with the processor's cores shared between them. Then ten minutes of silence,
noise, hum and clicks: how many words are made up. Last, pieces of two seconds of three people's
clips: how many speakers are found, and how many pieces are given to the right one.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.product import CHECKOUT
from benchmarks.retrieval import EVALS_DIR

RATE = 16_000
NOISE_MINUTES = 10
LIBRARY_NOISE_SECONDS = 30  # alone it takes minutes over noise: it tries each window six times
CORES = os.cpu_count() or 1


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.transcription")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    if not (EVALS_DIR / "audio").is_dir():
        print(f"There are no clips in {EVALS_DIR}: set EVALS_DIR to measure transcription.")
        return
    with tempfile.TemporaryDirectory(prefix="hybridapp-bench-") as folder:
        # The trial of engines is this run's; the prepared weights may be those of before.
        os.environ["STATE_DIR"] = folder
        os.environ.setdefault("MODELS_DIR", str(CHECKOUT / ".state" / "models"))
        os.environ.setdefault("DATABASE_POOL", "0")
        _measure(options)


def _measure(options: argparse.Namespace) -> None:
    _start()
    figures: dict[str, Any] = {}
    print(f"{'engine':<16}{'':<10}{'rtf':>8}{'wer':>8}{'peak MB':>9}")
    spawn = multiprocessing.get_context("spawn")
    for engine in _engines():
        # Each in a process of its own: what one has loaded does not count for the other.
        with spawn.Pool(1) as pool:
            compared = pool.apply(compare, (engine, options.rounds))
        for name in ("library", "ours"):
            with spawn.Pool(1) as pool:
                compared[name]["peak_mb"] = pool.apply(measure_memory, (engine, name))
            row = compared[name]
            print(
                f"{engine:<16}{name:<10}{row['rtf']:>8.3f}{row['wer']:>8.3f}{row['peak_mb']:>9.0f}",
                flush=True,
            )
        print(f"{engine:<16}our share {compared['share']:+.1%}", flush=True)
        figures[engine] = compared
    figures["throughput"] = {}
    for workers in (1, 2):
        speed = throughput(options.minutes, workers)
        figures["throughput"][workers] = round(speed, 2)
        print(
            f"{workers} worker{'s' if workers > 1 else ''}: {speed:.1f} s of sound a second "
            f"({options.minutes:g} minutes of speech)",
            flush=True,
        )
    with spawn.Pool(1) as pool:
        figures["noise"] = pool.apply(measure_noise)
    for name, count in figures["noise"].items():
        print(f"words made up over {name}: {count}", flush=True)
    with spawn.Pool(1) as pool:
        figures["voices"] = pool.apply(measure_voices)
    print(
        "speakers: {found} found of {people}, {right} of {pieces} pieces right".format(
            **figures["voices"]
        )
    )
    if options.json:
        print(json.dumps(figures))


def _engines() -> list[str]:
    from assistants import compute

    return [choice.engine for choice in compute.speech.list_choices()]


def _start(threads: int = CORES) -> None:
    """Set Django up, as it is without a database; the first call counts."""
    import django

    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
    logging.disable(logging.INFO)
    django.setup()


def _transcriber(engine: str = "") -> Any:
    from assistants import compute

    if not engine:
        return compute.speech.get_transcriber()
    (chosen,) = (c for c in compute.speech.list_choices() if c.engine == engine)
    return compute.speech.load(chosen)


def load_clips() -> list[tuple[Any, str]]:
    """(16-bit samples, what is said) of each."""
    import numpy as np

    from assistants import data
    from assistants.services import speech_evaluation

    clips = []
    for file, text in speech_evaluation.read_manifest(EVALS_DIR / "audio" / "manifest.jsonl"):
        with data.recordings.decode(data.recordings.LocalFile(file)) as sound:
            blocks = [block.mean(axis=1).astype(np.int16) for block in sound.blocks()]
        clips.append((np.concatenate(blocks), text))
    return clips


def string_together(clips: list[tuple[Any, str]], seconds: float) -> Any:
    """Clips one after the other, with pauses of half a second to two, to so many seconds."""
    import numpy as np

    random = np.random.default_rng(1)
    pieces, length = [], 0
    while length < seconds * RATE:
        clip = clips[random.integers(len(clips))][0]
        pause = np.zeros(int(random.uniform(0.5, 2) * RATE), np.int16)
        pieces += [clip, pause]
        length += len(clip) + len(pause)
    return np.concatenate(pieces)


def by_library(transcriber: Any, samples: Any) -> str:
    import numpy as np

    heard = samples.astype(np.float32) / 32768
    if transcriber.engine == "faster-whisper":
        segments, _ = transcriber._whisper.transcribe(heard, word_timestamps=True)
        return " ".join(segment.text for segment in segments)
    result = transcriber._whisper.transcribe(heard, word_timestamps=True, fp16=transcriber._half)
    return str(result["text"])


def by_ours(transcriber: Any, samples: Any) -> str:
    from assistants import compute

    return " ".join(
        segment.text
        for part in compute.speech.cut_speech([samples.reshape(-1, 1)], 1)
        for segment in compute.speech.transcribe_windows(
            transcriber, part.samples.tobytes(), part.windows
        )
    )


WAYS: dict[str, Callable[[Any, Any], str]] = {"library": by_library, "ours": by_ours}


def compare(engine: str, rounds: int) -> dict[str, Any]:
    _start()
    from assistants.services import speech_evaluation

    clips = load_clips()
    # The clips, and all of them in one file of a minute.
    minute = string_together(clips, 60)
    transcriber = _plain(engine)
    ours = _transcriber(engine)
    seconds = dict.fromkeys(WAYS, 0.0)
    texts: dict[str, list[str]] = {name: [] for name in WAYS}
    for name, way in WAYS.items():
        way(transcriber if name == "library" else ours, clips[0][0])  # warm
    for turn in range(rounds):
        for name in list(WAYS)[:: 1 if turn % 2 else -1]:
            model = transcriber if name == "library" else ours
            begun = time.perf_counter()
            heard = [WAYS[name](model, samples) for samples, _ in clips]
            WAYS[name](model, minute)
            seconds[name] += time.perf_counter() - begun
            texts[name] = heard
    normalise = speech_evaluation.english_normaliser()
    length = (sum(len(samples) for samples, _ in clips) + len(minute)) / RATE * rounds
    result: dict[str, Any] = {}
    for name in WAYS:
        errors = words = 0
        for (_, text), said in zip(clips, texts[name], strict=True):
            reference = normalise(text).split()
            errors += speech_evaluation.word_errors(reference, normalise(said).split())
            words += len(reference)
        result[name] = {"rtf": round(seconds[name] / length, 4), "wer": round(errors / words, 4)}
    result["share"] = round(seconds["ours"] / seconds["library"] - 1, 4)
    return result


def _plain(engine: str) -> Any:
    """The library's model without our wrapping of its encoder."""
    transcriber = _transcriber(engine)
    encoder = getattr(transcriber._whisper, "encoder", None)
    if encoder is not None and hasattr(encoder, "encoder"):
        transcriber._whisper.encoder = encoder.encoder
    return transcriber


def measure_memory(engine: str, name: str) -> float:
    """Of loading and transcribing a minute, in a fresh process, in MB."""
    _start()
    minute = string_together(load_clips(), 60)
    WAYS[name](_plain(engine) if name == "library" else _transcriber(engine), minute)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def throughput(minutes: float, workers: int) -> float:
    """Seconds of sound a second; the models are loaded before the clock starts."""
    from assistants import compute

    sound = string_together(load_clips(), minutes * 60)
    parts = list(compute.speech.cut_speech([sound.reshape(-1, 1)], 1))
    context = multiprocessing.get_context("spawn")
    threads = max(1, CORES // workers)
    with context.Pool(workers, initializer=_start, initargs=(threads,)) as pool:
        pool.map(_ready, range(workers * 2), chunksize=1)
        begun = time.perf_counter()
        work = [(part.samples.tobytes(), part.windows) for part in parts]
        list(pool.imap_unordered(_hear, work, chunksize=1))
        return len(sound) / RATE / (time.perf_counter() - begun)


def _ready(_: int) -> None:
    _transcriber()
    time.sleep(0.5)  # so that the other process gets the next one


def _hear(work: tuple[bytes, Any]) -> int:
    from assistants import compute

    return len(compute.speech.transcribe_windows(_transcriber(), *work, language="en"))


def measure_noise() -> dict[str, int]:
    _start()
    transcriber = _transcriber()
    sounds = list(_noises(NOISE_MINUTES * 60))
    made_up = sum(len(by_ours(transcriber, sound).split()) for _, sound in sounds)
    found = {f"{NOISE_MINUTES} minutes, ours": made_up}
    for name, sound in sounds:
        said = by_library(transcriber, sound[: LIBRARY_NOISE_SECONDS * RATE])
        found[f"{LIBRARY_NOISE_SECONDS} s of {name}, the library alone"] = len(said.split())
    return found


def measure_voices() -> dict[str, int]:
    """Pieces of three clips in turns: right are those of whoever has most of their group."""
    import numpy as np

    _start()
    from assistants import compute

    people = [clip for clip, text in load_clips() if len(clip) > 2.9 * RATE][:3]
    piece = int(1.4 * RATE)
    voices, speakers = [], []
    for turn in range(6):
        for person, clip in enumerate(people):
            sound = clip[turn * piece : (turn + 1) * piece].astype(np.float32) / 32768
            if (voice := compute.speech.embed_voice(sound)) is not None:
                voices.append(voice)
                speakers.append(person)
    found = compute.speech.group_voices(voices, [1.4] * len(voices))
    right = 0
    for group in set(found):
        members = [s for s, g in zip(speakers, found, strict=True) if g == group]
        right += max(members.count(person) for person in set(members))
    return {
        "found": len(set(found)),
        "people": len(people),
        "right": right,
        "pieces": len(voices),
    }


def _noises(seconds: float) -> Iterator[tuple[str, Any]]:
    import numpy as np

    random = np.random.default_rng(7)
    length = int(seconds / 5 * RATE)
    at = np.arange(length) / RATE
    white = random.standard_normal(length)
    spectrum = np.fft.rfft(random.standard_normal(length))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), length)
    clicks = (random.random(length) < 2 / RATE) * random.standard_normal(length)
    hum = np.sin(2 * np.pi * 50 * at) + 0.3 * np.sin(2 * np.pi * 150 * at)
    for name, sound, level in (
        ("silence", np.zeros(length), 0.0),
        ("white noise", white, 0.05),
        ("pink noise", pink, 0.1),
        ("hum", hum, 0.1),
        ("clicks", clicks, 0.5),
    ):
        peak = np.abs(sound).max() or 1.0
        yield name, (sound / peak * level * 32767).astype(np.int16)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
