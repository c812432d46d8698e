"""Speakers told apart by their voices: the same encoder, and vectors that are one person's."""

from __future__ import annotations

import numpy as np
import pytest

from assistants.compute import speech
from assistants.compute.speech import voices
from tests import sounds


def around(centre, spread, count, seed):
    random = np.random.default_rng(seed)
    made = centre + random.normal(0, spread, (count, len(centre)))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


CENTRES = np.eye(3, 40)


@pytest.mark.parametrize("speakers", [1, 2, 3])
def test_as_many_speakers_as_there_are(speakers):
    groups = [around(CENTRES[i], 0.04, 12, i) for i in range(speakers)]
    mixed = [voice for turn in zip(*groups, strict=True) for voice in turn]
    found = speech.group_voices(mixed, [3.0] * len(mixed))
    assert found == [1 + i % speakers for i in range(len(mixed))]


def test_a_misheard_piece_is_no_speaker():
    voices_ = [*around(CENTRES[0], 0.04, 20, 0), *around(CENTRES[1], 0.04, 20, 1)]
    odd = around(CENTRES[2], 0.01, 1, 2)[0]
    found = speech.group_voices([*voices_, odd], [4.0] * 40 + [0.5])
    assert set(found) == {1, 2}


def test_more_than_are_compared_follow_the_nearest():
    groups = [around(CENTRES[i], 0.04, 400, i) for i in range(2)]
    found = speech.group_voices([*groups[0], *groups[1]], [2.0] * 800)
    assert found == [1] * 400 + [2] * 400


def test_nobody_is_nobody():
    assert speech.group_voices([], []) == []


def test_a_voice_is_a_unit_vector_and_the_same_each_time():
    sound = sounds.babble(3).astype(np.float32) / 32768
    voice = speech.embed_voice(sound)
    assert voice == speech.embed_voice(sound)
    assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-3)
    assert len(voice) == 256
    assert speech.embed_voice(sound[:4000]) is None


def test_bands_have_one_area_each():
    """Slaney's triangles: the higher, the wider and the lower."""
    bands = voices._bands()
    assert bands.shape == (40, 201)
    peaks = bands.max(axis=1)
    assert (bands.argmax(axis=1)[1:] >= bands.argmax(axis=1)[:-1]).all()
    assert peaks[-1] < peaks[5]


@sounds.with_clips
def test_people_are_told_apart():
    """Halves of real clips: each is closer to its own other half than to another's."""
    from assistants import data

    halves = []
    for name in ("jfk.flac", "librivox_0880.wav", "cards_005.wav"):
        with data.recordings.decode(data.recordings.LocalFile(sounds.CLIPS / name)) as sound:
            whole = np.concatenate([block.mean(axis=1) for block in sound.blocks()]) / 32768
        middle = len(whole) // 2
        halves.append(
            [
                np.array(speech.embed_voice(h.astype(np.float32)))
                for h in (whole[:middle], whole[middle:])
            ]
        )
    for i, (one, other) in enumerate(halves):
        others = [float(one @ half) for j, pair in enumerate(halves) if j != i for half in pair]
        assert float(one @ other) > max(others)
