"""Which engine transcribes here: the one that is fastest on this machine, by a short trial.

`WHISPER_MODEL` names other weights: the path of a checkpoint of openai-whisper (`.pt`) or of a
CTranslate2 folder, or the name of one in the models directory. `SPEECH_ENGINE` decides where both
libraries could run them.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants import conf
from assistants.compute.speech import faster_whisper, openai_whisper, weights
from assistants.compute.weights import WeightsMissing, locked

if TYPE_CHECKING:
    from assistants.compute.speech.transcriber import Transcriber

logger = logging.getLogger(__name__)

TRIAL = "speech-trial.json"
TRIAL_TOKENS = 32  # that each engine writes, after it has looked at 30 seconds
TRIAL_RUNS = 2  # the first warms up
ENGINES: dict[str, Any] = {
    faster_whisper.ENGINE: faster_whisper.FasterWhisper,
    openai_whisper.ENGINE: openai_whisper.OpenaiWhisper,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and the weights for it. `model` is what people read."""

    engine: str
    path: Path
    model: str


_loading = threading.Lock()


def get_transcriber() -> Transcriber:
    """The one of this process; loaded at the first call (a second or more), then kept.

    Raises WeightsMissing.
    """
    with _loading:
        found = conf.load()
        return _loaded(found.whisper_model, found.speech_engine)


@functools.lru_cache(maxsize=1)
def _loaded(whisper_model: str, speech_engine: str) -> Transcriber:
    begun = time.monotonic()
    chosen = decide()
    transcriber = load(chosen)
    logger.info(
        "%s by %s is ready after %.1f s", chosen.model, chosen.engine, time.monotonic() - begun
    )
    return transcriber


def load(chosen: Choice) -> Transcriber:
    """A transcriber of one's own."""
    version = weights.version_of(chosen.path)
    transcriber: Transcriber = ENGINES[chosen.engine](
        chosen.path, model=chosen.model, version=version
    )
    return transcriber


def decide() -> Choice:
    """The engine that was asked for, or the fastest. Raises WeightsMissing."""
    possible = list_choices()
    wanted = conf.load().speech_engine
    if wanted:
        if wanted not in ENGINES:
            raise WeightsMissing(f"SPEECH_ENGINE is {wanted!r}, not one of {', '.join(ENGINES)}")
        possible = [choice for choice in possible if choice.engine == wanted]
        if not possible:
            raise WeightsMissing(f"{wanted} cannot run the weights that WHISPER_MODEL names")
    if len(possible) == 1:
        return possible[0]
    fastest = _fastest(possible)
    return next(choice for choice in possible if choice.engine == fastest)


def list_choices() -> list[Choice]:
    """Every engine that could run the weights. Raises WeightsMissing."""
    found = conf.load()
    named = found.whisper_model
    if not named or named == "base":
        ready = weights.prepare()
        weights.verify()
        return [
            Choice(faster_whisper.ENGINE, ready, weights.NAME),
            Choice(openai_whisper.ENGINE, ready / weights.CHECKPOINT, weights.NAME),
        ]
    places = [Path(named), found.models_dir / named, found.models_dir / f"{named}.pt"]
    for path in places:
        if path.is_dir() and (path / "model.bin").is_file():
            return [Choice(faster_whisper.ENGINE, path, path.name)]
        if path.is_file():
            return [Choice(openai_whisper.ENGINE, path, path.stem)]
    raise WeightsMissing(
        f"WHISPER_MODEL is {named!r}: no checkpoint and no CTranslate2 folder is at "
        f"{' or '.join(map(str, places))}; nothing is downloaded"
    )


def _fastest(possible: list[Choice]) -> str:
    """By the trial of this machine, made once and kept in the state directory."""
    path = conf.load().state_dir / TRIAL
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        try:
            trial = json.loads(path.read_text())
        except (OSError, ValueError):
            trial = {}
        machine = _machine()
        names = {choice.engine for choice in possible}
        if trial.get("machine") != machine or set(trial.get("seconds", {})) != names:
            seconds = {choice.engine: round(_measure(choice), 3) for choice in possible}
            trial = {"machine": machine, "seconds": seconds}
            logger.info("seconds each engine takes for a trial: %s", seconds)
            half = path.with_suffix(".half")
            half.write_text(json.dumps(trial))
            half.replace(path)
    return str(min(trial["seconds"], key=trial["seconds"].__getitem__))


def _measure(chosen: Choice) -> float:
    engine: Any = load(chosen)
    best = float("inf")
    for _ in range(TRIAL_RUNS):
        begun = time.perf_counter()
        engine.measure(TRIAL_TOKENS)
        best = min(best, time.perf_counter() - begun)
    return best


def _machine() -> str:
    """What a trial is good for: processor, threads, GPU, weights and libraries."""
    import ctranslate2
    import torch
    import whisper

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count())
    libraries = f"ctranslate2 {ctranslate2.__version__}, whisper {whisper.__version__}"
    return f"{platform.machine()}, {threads} threads, {gpu}, {libraries}, {weights.SHA256[:12]}"
