"""Where somebody speaks, and how it is cut: nothing spoken is lost, nothing comes twice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants.compute import speech
from assistants.compute.speech import RATE, cutting
from assistants.compute.speech.cutting import FRAME, LONGEST, Cutter
from tests import sounds

SILENT, SPOKEN = 0, 1000


def by_level(samples):
    """A detector that hears whatever is not silent: what it says is known beforehand."""
    frames = samples.reshape(-1, FRAME)
    return (np.abs(frames).max(axis=1) > 0.001).astype(np.float32)


def cut(samples, pieces=(10**9,)):
    cutter = Cutter(0, by_level)
    parts, place, turn = [], 0, 0
    while place < len(samples):
        size = pieces[turn % len(pieces)]
        parts += cutter.feed(samples[place : place + size])
        place, turn = place + size, turn + 1
    return [*parts, *cutter.finish()]


runs = st.lists(
    st.tuples(st.booleans(), st.integers(1, 40 * RATE // FRAME)), min_size=1, max_size=8
)

pieces_of = st.lists(st.integers(30_000, 900_000), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(runs, pieces_of)
def test_all_that_is_spoken_is_in_exactly_one_window(runs, pieces):
    # A ramp over what is spoken: each sample tells its place.
    level = np.concatenate(
        [np.full(n * FRAME, SPOKEN if on else SILENT, np.int16) for on, n in runs]
    )
    parts = cut(level, pieces)
    windows = [window for part in parts for window in part.windows]
    assert windows == sorted(windows)
    for (_, end), (start, _) in pairwise(windows):
        assert end <= start
    covered = np.zeros(len(level) + FRAME, bool)
    for start, end in windows:
        assert end - start <= 30
        covered[round(start * RATE) : round(end * RATE)] = True
    place = 0
    for on, n in runs:
        if on and n > cutting.SHORTEST:
            assert covered[place : place + n * FRAME].all()
        place += n * FRAME
    for part in parts:
        expected = [level[round(a * RATE) : round(b * RATE)] for a, b in part.windows]
        assert np.array_equal(part.samples, np.concatenate(expected)[: len(part.samples)])
        assert len(part.samples) == sum(round((b - a) * RATE) for a, b in part.windows)


@settings(max_examples=15, deadline=None)
@given(runs, pieces_of)
def test_how_the_sound_arrives_makes_no_difference(runs, pieces):
    """A recording that is read anew after a killed worker is cut at the same places."""
    level = np.concatenate(
        [np.full(n * FRAME, SPOKEN if on else SILENT, np.int16) for on, n in runs]
    )
    assert [p.windows for p in cut(level, pieces)] == [p.windows for p in cut(level)]


def test_parts_are_of_some_minutes_and_the_first_is_short():
    level = np.full(15 * 60 * RATE // FRAME * FRAME, SPOKEN, np.int16)
    lengths = [len(part.samples) / RATE for part in cut(level)]
    assert 60 <= lengths[0] <= 60 + LONGEST / RATE
    assert all(180 <= length <= 180 + LONGEST / RATE for length in lengths[1:-1])
    assert sum(lengths) == pytest.approx(15 * 60, abs=0.1)


def test_little_is_held_of_hours():
    cutter = Cutter(0, by_level)
    block = np.zeros(60 * RATE, np.int16)
    block[: 20 * RATE] = SPOKEN
    for _ in range(30):
        assert all(len(part.samples) <= (180 + 30) * RATE for part in cutter.feed(block))
        assert len(cutter._held) < 3 * cutting.BLOCK


class TestTheDetector:
    def test_a_voice_is_found_between_silences(self):
        sound = np.concatenate(
            [sounds.silence(2), sounds.babble(4), sounds.silence(4), sounds.babble(5, seed=2)]
        )
        (part,) = speech.cut_speech([sound.reshape(-1, 1)], 1)
        (first, second) = part.windows
        assert first == pytest.approx((2, 6), abs=0.5)
        assert second == pytest.approx((10, 15), abs=0.5)

    @pytest.mark.parametrize(
        "sound", [sounds.silence(40), sounds.noise(40), sounds.noise(40, level=0.3)]
    )
    def test_silence_and_noise_are_no_speech(self, sound):
        assert list(speech.cut_speech([sound.reshape(-1, 1)], 1)) == []


class TestChannels:
    turns = (sounds.babble(6), sounds.silence(6))

    def test_a_speaker_a_channel_is_kept_apart(self):
        left = np.concatenate([self.turns[0], self.turns[1]] * 2)
        right = np.concatenate([self.turns[1], self.turns[0]] * 2)
        parts = list(speech.cut_speech([np.stack([left, right], axis=1)], 2))
        assert [part.channel for part in parts] == [1, 2]
        assert parts[0].windows[0][0] < 1 < 5 < parts[1].windows[0][0]

    @pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
    def test_one_voice_on_both_or_on_one_side_is_mixed(self, share):
        voice = np.concatenate([*self.turns])
        sound = np.stack([voice, (voice * share).astype(np.int16)], axis=1)
        assert {part.channel for part in speech.cut_speech([sound], 2)} == {0}

    def test_silence_has_no_speakers(self):
        assert not cutting.are_apart([np.zeros((RATE * 30, 2), np.int16)])
        assert not cutting.are_apart([])
