"""Both engines on the real weights: which one runs, and that they hear the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

from assistants import data
from assistants.compute import speech
from assistants.compute.speech import choice, weights
from assistants.compute.weights import WeightsMissing
from tests import sounds

ENGINES = ("faster-whisper", "openai-whisper")


@pytest.fixture(scope="module")
def choices():
    return {each.engine: each for each in speech.list_choices()}


def test_the_checkpoint_is_whole(choices):
    import torch

    checkpoint = torch.load(choices["openai-whisper"].path, weights_only=True)
    assert len(checkpoint["model_state_dict"]) == 245
    assert checkpoint["dims"] == weights.DIMENSIONS


def test_weights_that_were_changed_are_refused(choices, monkeypatch):
    monkeypatch.setattr(weights, "SHA256", "0" * 64)
    with pytest.raises(WeightsMissing, match="delete it"):
        weights.verify()


def test_a_setting_decides(choices, monkeypatch, tmp_path):
    for engine in ENGINES:
        monkeypatch.setenv("SPEECH_ENGINE", engine)
        assert choice.decide() == choices[engine]
    monkeypatch.setenv("SPEECH_ENGINE", "another")
    with pytest.raises(WeightsMissing, match="another"):
        choice.decide()
    monkeypatch.delenv("SPEECH_ENGINE")
    for path, engine in (
        (choices["faster-whisper"].path, ENGINES[0]),
        (tmp_path / "x.pt", ENGINES[1]),
    ):
        if not path.exists():
            path.write_bytes(b"weights")
        monkeypatch.setenv("WHISPER_MODEL", str(path))
        assert choice.decide().engine == engine
    monkeypatch.setenv("WHISPER_MODEL", "large-v9")
    with pytest.raises(WeightsMissing, match="nothing is downloaded"):
        choice.decide()


def test_the_faster_one_is_found_once_and_remembered(choices, monkeypatch, tmp_path):
    measured = []

    def measure(chosen):
        measured.append(chosen.engine)
        return {"faster-whisper": 0.5, "openai-whisper": 2.0}[chosen.engine]

    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.setattr(choice, "_measure", measure)
    monkeypatch.setattr(choice, "_run_trial", choice.write_trial)  # here, not in a process apart
    assert choice.decide(trial=False).engine == ENGINES[0]
    assert measured == []
    for _ in range(2):
        assert choice.decide() == choices["faster-whisper"]
    assert measured == list(ENGINES)
    kept = json.loads((tmp_path / choice.TRIAL).read_text())
    (tmp_path / choice.TRIAL).write_text(json.dumps({**kept, "machine": "another"}))
    choice.decide()
    assert len(measured) == 4


@sounds.with_clips
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_said_with_its_times(choices, engine):
    with data.recordings.decode(
        data.recordings.LocalFile(sounds.CLIPS / "librivox_0880.wav")
    ) as sound:
        samples = np.concatenate([block[:, 0] for block in sound.blocks()])
    transcriber = speech.load(choices[engine])
    (segment,) = speech.transcribe_utterance(transcriber, samples.tobytes())
    assert segment.text.lower().startswith("he was not an ill")
    assert segment.language == "en"
    assert 0 <= segment.start < 0.5 < 2 < segment.end <= 3
    assert "".join(word.text for word in segment.words).strip() == segment.text
    assert transcriber.version == weights.version_of(choices[engine].path)
    # The window is heard once more, after another: nothing is remembered wrongly.
    other = speech.transcribe_utterance(transcriber, sounds.noise(2).tobytes())
    assert other == []
    (again,) = speech.transcribe_utterance(transcriber, samples.tobytes())
    assert again.text == segment.text


@sounds.with_clips
def test_an_utterance_is_encoded_once_for_language_and_text(choices, monkeypatch):
    with data.recordings.decode(
        data.recordings.LocalFile(sounds.CLIPS / "librivox_0880.wav")
    ) as sound:
        samples = np.concatenate([block[:, 0] for block in sound.blocks()])
    transcriber = speech.load(choices["faster-whisper"])
    encode, seen = transcriber._whisper.encode, []

    def look(features):
        seen.append(features.shape)
        return encode(features)

    monkeypatch.setattr(transcriber._whisper, "encode", look)
    for _ in range(2):
        (spoken,) = speech.transcribe_utterance(transcriber, samples.tobytes())
        assert spoken.language == "en"
    assert len(seen) == 2
