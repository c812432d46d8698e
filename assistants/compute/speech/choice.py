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
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants import conf
from assistants.compute.speech import faster_whisper, openai_whisper, weights
from assistants.compute.weights import WeightsMissing, locked

if TYPE_CHECKING:
    from assistants.compute.speech.transcriber import Transcriber

logger = logging.getLogger(__name__)

TRIAL = "speech-trial.json"
TRIAL_TOKENS = 90  # that each engine writes, as many as 30 seconds of speech have
TRIAL_RUNS = 3  # the first warms up; the best counts
TRIAL_SECONDS = 300  # that a trial may take
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


def get_transcriber(*, trial: bool = True) -> Transcriber:
    """The one of this process; loaded at the first call (a second or more), then kept.

    Without a `trial` nobody waits for one: what an earlier one found, or the usual engine. Raises
    WeightsMissing.
    """
    with _loading:
        found = conf.load()
        return _loaded(found.whisper_model, found.speech_engine, trial)


@functools.lru_cache(maxsize=1)
def _loaded(whisper_model: str, speech_engine: str, trial: bool) -> Transcriber:
    begun = time.monotonic()
    chosen = decide(trial=trial)
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


def decide(*, trial: bool = True) -> Choice:
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
    fastest = _fastest(possible, trial)
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


def _fastest(possible: list[Choice], trial: bool) -> str:
    """By the trial of this machine, made once and kept in the state directory."""
    path = conf.load().state_dir / TRIAL
    if seconds := _kept(path, possible):
        return min(seconds, key=seconds.__getitem__)
    if not trial:
        return possible[0].engine
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        if not _kept(path, possible):
            _run_trial()
        seconds = _kept(path, possible)
    return min(seconds, key=seconds.__getitem__) if seconds else possible[0].engine


def _kept(path: Path, possible: list[Choice]) -> dict[str, float]:
    """Seconds that each engine took; empty where that was another machine or never measured."""
    try:
        trial = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    seconds: dict[str, float] = trial.get("seconds", {})
    same = trial.get("machine") == _machine() and set(seconds) == {c.engine for c in possible}
    return seconds if same else {}


def _run_trial() -> None:
    """In a process of its own: what the slower engine has loaded does not stay in this one."""
    command = [sys.executable, "-m", "assistants.compute.speech.choice"]
    ended = subprocess.run(  # noqa: S603  # our own interpreter and module
        command, cwd=conf.CHECKOUT, timeout=TRIAL_SECONDS, check=False
    )
    if ended.returncode:
        logger.warning("the trial of engines ended with %d", ended.returncode)


def write_trial() -> None:
    """Measure every engine that can run the weights, and keep what came out."""
    path = conf.load().state_dir / TRIAL
    seconds = {choice.engine: round(_measure(choice), 3) for choice in list_choices()}
    logger.info("seconds each engine takes for a trial: %s", seconds)
    half = path.with_suffix(".half")
    half.write_text(json.dumps({"machine": _machine(), "seconds": seconds}))
    half.replace(path)


def _measure(chosen: Choice) -> float:
    engine: Any = load(chosen)
    best = float("inf")
    for _ in range(TRIAL_RUNS):
        begun = time.perf_counter()
        engine.measure(TRIAL_TOKENS)
        best = min(best, time.perf_counter() - begun)
    return best


def _machine() -> str:
    """What a trial is good for: processor, GPU, weights and libraries. Loads none of them."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ENGINES)
    gpu = "a GPU" if Path("/dev/nvidiactl").exists() else "no GPU"
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {gpu}, {libraries}, {weights.SHA256[:12]}"
    )


if __name__ == "__main__":
    write_trial()
