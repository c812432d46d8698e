"""Sound out of any file: what it is, what is broken about it, and that a hostile one is alone."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from assistants import data
from assistants.data.recordings import decoding
from assistants.exceptions import DocumentRejected
from tests import sounds
from tests.sounds import RATE


class Bytes:
    """A file in memory."""

    def __init__(self, content: bytes) -> None:
        self.content, self.size = content, len(content)
        self.asked = 0

    def read_at(self, start: int, length: int) -> bytes:
        self.asked += 1
        return self.content[start : start + length]


def decode(content):
    with data.recordings.decode(Bytes(content)) as sound:
        blocks = list(sound.blocks())
    return np.concatenate(blocks), sound


def rejected(content):
    with pytest.raises(DocumentRejected) as caught:
        decode(content)
    return caught.value.user_message


VOICE = sounds.babble(2)


def alike(one, other):
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


def test_wav_comes_out_as_it_went_in():
    samples, sound = decode(sounds.as_wav(VOICE))
    assert np.array_equal(samples[:, 0], VOICE)
    assert (sound.channels, sound.seconds, sound.note) == (1, 2.0, "")
    assert sound.media_type == "audio/wav"


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "aac"),
        ("ogg", "libopus"),
        ("webm", "libopus"),
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
    ],
)
def test_the_usual_containers(container, codec):
    samples, sound = decode(sounds.encode(VOICE, container, codec))
    assert sound.seconds == pytest.approx(2, abs=0.2)
    if codec == "flac":
        assert np.array_equal(samples[: len(VOICE), 0], VOICE)
    else:  # coders delay a little, each in its own way
        loud = np.abs(samples[:, 0].astype(float)).mean()
        assert loud == pytest.approx(np.abs(VOICE.astype(float)).mean(), rel=0.2)


def test_of_a_film_only_the_sound():
    _samples, sound = decode(sounds.encode(VOICE, "mp4", "aac", film=True))
    assert sound.seconds == pytest.approx(2, abs=0.2)


def test_telephone_sound_is_brought_to_sixteen_kilohertz():
    samples, sound = decode(sounds.as_wav(VOICE[::2], rate=8000))
    assert sound.seconds == pytest.approx(2, abs=0.01)
    assert alike(samples[:, 0].astype(float), VOICE.astype(float)) > 0.8


def test_two_channels_stay_apart_and_six_are_mixed():
    silent = np.zeros_like(VOICE)
    samples, sound = decode(sounds.as_wav(np.stack([VOICE, silent], axis=1)))
    assert sound.channels == 2
    assert np.array_equal(samples[:, 0], VOICE)
    assert not samples[:, 1].any()
    _, sound = decode(sounds.as_wav(np.stack([VOICE] * 6, axis=1)))
    assert sound.channels == 1


def test_a_name_that_lies_about_the_kind_changes_nothing():
    """Only the content tells; there is no name here at all."""
    samples, _ = decode(sounds.encode(VOICE, "mp3", "libmp3lame"))
    assert len(samples) > RATE


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus")])
def test_of_a_truncated_file_what_is_there(container, codec, share):
    whole = sounds.encode(sounds.babble(10), container, codec)
    _samples, sound = decode(whole[: int(len(whole) * share)])
    assert sound.seconds == pytest.approx(10 * share, abs=1.5)


def test_damage_in_the_middle_is_silent_and_moves_little():
    whole_sound = sounds.babble(10)
    whole = bytearray(sounds.encode(whole_sound, "flac", "flac"))
    middle = len(whole) // 2
    whole[middle : middle + 2000] = bytes(2000)
    samples, sound = decode(bytes(whole))
    assert sound.seconds == pytest.approx(10, abs=0.3)
    assert np.array_equal(samples[: 3 * RATE, 0], whole_sound[: 3 * RATE])
    assert np.array_equal(samples[-RATE:, 0], whole_sound[-RATE:])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        b"Dear all, this is a letter.",
        b"%PDF-1.7 and so on",
        sounds.as_wav(VOICE)[:20],
        b"\x1a\x45\xdf\xa3" + b"\xff" * 500,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5000 RTP/AVP 0\n",
    ],
)
def test_what_is_no_sound_is_rejected_with_what_to_do(content):
    assert "WAV" in rejected(content)


def test_an_archive_is_no_sound():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr("voice.wav", sounds.as_wav(VOICE))
    assert "MP3" in rejected(written.getvalue())


def test_an_empty_recording_is_told_apart():
    assert "empty" in rejected(sounds.as_wav(VOICE[:10]))


def test_a_header_that_promises_hours_takes_no_memory():
    content = bytearray(sounds.as_wav(VOICE))
    content[4:8] = content[40:44] = struct.pack("<I", 0xFFFFFFF0)
    _samples, sound = decode(bytes(content))
    assert sound.seconds == pytest.approx(2, abs=0.01)


def test_what_is_longer_than_a_day_is_cut_and_said_so(monkeypatch):
    monkeypatch.setattr(decoding, "LONGEST", 1)
    _samples, sound = decode(sounds.as_wav(VOICE))
    assert sound.seconds == 1
    assert "first" in sound.note


def test_hours_are_read_piece_by_piece():
    class Long:
        """Five hours of silence as WAV, made as they are asked for."""

        header = sounds.as_wav(VOICE[:0])
        size = 44 + 5 * 3600 * RATE * 2
        largest = 0

        def read_at(self, start, length):
            head = bytearray(self.header)
            head[40:44] = struct.pack("<I", self.size - 44)
            self.largest = max(self.largest, length)
            count = min(length, self.size - start)
            return (bytes(head[start : start + count]) + bytes(count))[:count]

    file = Long()
    longest = 0
    with data.recordings.decode(file) as sound:
        for block in sound.blocks():
            longest = max(longest, len(block))
            if sound.seconds > 600:
                break
    assert longest < 60 * RATE
    assert file.largest <= 1 << 20


class TestBleeping:
    def test_only_what_is_silenced_changes(self):
        block = np.stack([VOICE, VOICE], axis=1)
        made = decoding.bleep_block(block, RATE, [(1.5, 1.75), (2.9, 9.0)])
        a, b, c = int(0.5 * RATE), int(0.75 * RATE), int(1.9 * RATE)
        assert np.array_equal(made[:a], block[:a])
        assert np.array_equal(made[b:c], block[b:c])
        assert abs(alike(made[a:b, 0], block[a:b, 0])) < 0.1
        assert abs(alike(made[c:, 0], block[c:, 0])) < 0.1
        assert np.abs(made[a:b]).max() <= decoding.TONE_LEVEL

    def test_it_is_a_wav_file_again(self):
        made = b"".join(data.recordings.bleep(Bytes(sounds.as_wav(VOICE)), 2.0, [(0.5, 1.0)]))
        samples, sound = decode(made)
        assert sound.seconds == 2.0
        assert np.array_equal(samples[: RATE // 2, 0], VOICE[: RATE // 2])
