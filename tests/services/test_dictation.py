"""A few seconds of sound to text, sealed on the way, by the real recogniser."""

from __future__ import annotations

import threading

import pytest
from django.core.cache import cache

from assistants import compute, data
from assistants.compute.broker import sync_client
from assistants.exceptions import InvalidRequest, NotFound
from assistants.services import dictation
from tests import sounds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_trial(monkeypatch):
    monkeypatch.setenv("SPEECH_ENGINE", "faster-whisper")


def test_silence_is_no_text_and_nothing_is_left_in_the_broker(cast):
    sent = []

    def send(identity):
        sent.append(identity)
        asked, _ = cache.get(f"dictation:{identity}")
        assert sounds.noise(2).tobytes()[:64] not in asked
        dictation.dictate(identity)

    said = dictation.transcribe_utterance(
        cast.carol, "clinical", sounds.noise(2).tobytes(), send, language="en"
    )
    assert (said.text, said.segments) == ("", ())
    assert cache.get(f"dictation:{sent[0]}") is None
    assert not sync_client().keys("dictation:answer:*")
    dictation.dictate(sent[0])  # a task that comes twice does nothing
    assert not sync_client().keys("dictation:answer:*")


@sounds.with_clips
def test_what_is_said_is_written(cast):
    with data.recordings.decode(data.recordings.LocalFile(sounds.CLIPS / "goforward.wav")) as sound:
        samples = b"".join(block.tobytes() for block in sound.blocks())
    said = dictation.transcribe_utterance(cast.carol, "clinical", samples, dictation.dictate)
    assert "forward" in said.text.lower()
    assert said.language == "en"
    assert said.segments[0].words[0].text.strip()


def test_whoever_waits_in_vain_is_told(cast, monkeypatch):
    monkeypatch.setattr(dictation, "PATIENCE", 0.05)
    with pytest.raises(dictation.DictationUnavailable):
        dictation.transcribe_utterance(cast.carol, "clinical", bytes(3200), lambda identity: None)


def test_a_fault_of_the_worker_is_told(cast, monkeypatch):
    def broken(**more):
        raise compute.speech.WeightsMissing("none")

    monkeypatch.setattr(compute.speech, "get_transcriber", broken)
    with pytest.raises(dictation.DictationUnavailable):
        dictation.transcribe_utterance(cast.carol, "clinical", bytes(3200), dictation.dictate)


def test_what_is_asked_wrongly(cast):
    with pytest.raises(NotFound):
        dictation.transcribe_utterance(cast.alice, "clinical", bytes(2), threading.Event)
    for sound in (bytes(3), bytes(int(dictation.LONGEST + 1) * 32_000)):
        with pytest.raises(InvalidRequest):
            dictation.transcribe_utterance(cast.carol, "clinical", sound, threading.Event)
    assert dictation.transcribe_utterance(cast.carol, "clinical", b"", threading.Event).text == ""
