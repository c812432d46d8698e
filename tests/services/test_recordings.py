"""Recordings from the first piece to the transcript, with the real recogniser."""

from __future__ import annotations

import hashlib
import io
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from assistants import compute, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import AuditEvent, Recording, RecordingChunk, RecordingPart, Segment
from assistants.services import recordings, retention, transcription, transcripts
from assistants.services.recordings import CHUNK_BYTES, State
from assistants.types import Sensitivity, SpokenSegment, SpokenWord
from tests import factories, sounds

pytestmark = pytest.mark.django_db


def hear(transcriber, sound, windows, **more):
    """In place of the model: each window says where it begins."""
    return [SpokenSegment(a, b, f"from {a:.2f}", (), 1.0, 0.0, "en") for a, b in windows]


LISTENER = SimpleNamespace(engine="test", model="test", version="test")


@pytest.fixture
def by_hand(monkeypatch):
    """Babble costs the model minutes, and says nothing."""
    monkeypatch.setattr(compute.speech, "get_transcriber", lambda: LISTENER)
    monkeypatch.setattr(compute.speech, "transcribe_windows", hear)


@pytest.fixture(autouse=True)
def no_trial(monkeypatch):
    monkeypatch.setenv("SPEECH_ENGINE", "faster-whisper")


def nothing():
    """Nobody is woken: the test does the work itself."""


def digest(content):
    return hashlib.sha256(content).hexdigest()


def named(content, name="visit.wav"):
    file = io.BytesIO(content)
    file.name = name
    return file


def upload(user, content, zone="clinical", **more):
    return recordings.upload(user, zone, named(content), nothing, **more)


def work(times=50):
    done = 0
    while done < times and transcription.transcribe_waiting(nothing):
        done += 1
    return done


def seen(recording):
    with data.rights_of_system():
        return Recording.objects.get(pk=recording.pk)


def code(call):
    with pytest.raises(InvalidRequest) as caught:
        call()
    assert caught.value.user_message
    return caught.value.code


def put(recording, *texts, speaker="", zone_segments=3.0):
    """A transcript as a worker would have written it."""
    with data.rights_of_system():
        Recording.objects.filter(pk=recording.pk).update(state=State.READY, duration=60.0)
        data.recordings.ensure_transcript(recording.pk, engine="e", model="m", version="v")
        for number, text in enumerate(texts):
            start = number * zone_segments
            words = text.split()
            step = zone_segments / max(1, len(words))
            Segment.objects.create(
                transcript_id=recording.pk,
                part=0,
                position=number,
                start=start,
                end=start + zone_segments,
                text=text,
                speaker=speaker,
                probability=0.9,
                no_speech=0.0,
                language="en",
                words=[
                    {
                        "text": f" {word}",
                        "start": start + i * step,
                        "end": start + (i + 1) * step,
                        "probability": 0.9,
                    }
                    for i, word in enumerate(words)
                ],
            )


@pytest.fixture
def visit(cast):
    """carol's, in the clinical zone, not transcribed yet."""
    return upload(cast.carol, sounds.as_wav(sounds.silence(1)))


class TestUpload:
    def test_pieces_come_in_any_order_and_twice(self, cast):
        content = sounds.as_wav(sounds.noise(3))
        pieces = [content[i : i + 30_000] for i in range(0, len(content), 30_000)]
        recording = recordings.create_recording(cast.carol, "clinical", "../a\x00 visit.wav")
        assert recording.name == "a visit.wav"
        for number in [2, 0, 1, 2, 3]:
            piece = pieces[number]
            recordings.append_chunk(cast.carol, recording.pk, number, piece, digest(piece))
        kept = recordings.list_chunks(cast.carol, recording.pk)
        assert [(c.number, c.sha256) for c in kept] == [
            (n, digest(piece)) for n, piece in enumerate(pieces)
        ]
        for _ in range(2):
            recordings.finish_upload(cast.carol, recording.pk, len(pieces), nothing)
        file = data.recordings.RecordingFile(recording.pk)
        assert file.read_at(0, 10**9) == content
        assert seen(recording).state == State.WAITING
        # a resend that crossed the end of the upload
        recordings.append_chunk(cast.carol, recording.pk, 1, pieces[1], digest(pieces[1]))

    def test_what_is_wrong_is_said(self, cast, settings):
        recording = recordings.create_recording(cast.carol, "clinical", "x")

        def append(number, content, sha256=None):
            return lambda: recordings.append_chunk(
                cast.carol, recording.pk, number, content, sha256 or digest(content)
            )

        append(0, b"one")()
        assert code(append(1, b"two", digest(b"other"))) == "chunk_damaged"
        assert code(append(0, b"two")) == "chunk_conflict"
        assert code(append(1, b"")) == "chunk_size"
        assert code(append(1, bytes(CHUNK_BYTES + 1))) == "chunk_size"
        settings.MAX_RECORDING_BYTES = 5
        assert code(append(1, b"two")) == "recording_too_large"
        assert (
            code(lambda: recordings.finish_upload(cast.carol, recording.pk, 3, nothing))
            == "upload_incomplete"
        )
        recordings.finish_upload(cast.carol, recording.pk, 1, nothing)
        assert code(append(1, b"two")) == "upload_finished"
        empty = recordings.create_recording(cast.carol, "clinical", "x")
        assert (
            code(lambda: recordings.finish_upload(cast.carol, empty.pk, 0, nothing))
            == "recording_empty"
        )
        assert (
            code(lambda: recordings.create_recording(cast.carol, "clinical", "x", language="ENG?"))
            == "language_unknown"
        )

    def test_only_into_a_zone_that_one_reads(self, cast):
        with pytest.raises(NotFound):
            recordings.create_recording(cast.alice, "clinical", "x")

    def test_what_is_refused_leaves_nothing(self, cast, settings):
        settings.MAX_RECORDING_BYTES = 10
        assert code(lambda: upload(cast.carol, bytes(100))) == "recording_too_large"
        assert recordings.list_recordings(cast.carol) == []

    def test_nothing_audible_is_stored_in_the_clear(self, visit):
        with data.rights_of_system(), connection.cursor() as cursor:
            cursor.execute("select sealed from assistants_recordingchunk")
            assert all(b"WAVE" not in bytes(row[0]) for row in cursor.fetchall())


class TestRights:
    def test_its_owner_sees_it_while_they_read_its_zone(self, cast, visit):
        other = factories.make_user("claire", "clinical")
        assert recordings.get_recording(cast.carol, visit.pk).name == "visit.wav"
        for user in (other, cast.alice, cast.adam, cast.outsider):
            with pytest.raises(NotFound):
                recordings.get_recording(user, visit.pk)
            assert recordings.list_recordings(user) == []
        cast.carol.groups.clear()
        with pytest.raises(NotFound):
            recordings.get_recording(cast.carol, visit.pk)

    def test_a_shared_one_is_read_by_the_zone_and_changed_by_its_owner(self, cast, visit):
        other = factories.make_user("claire", "clinical")
        put(visit, "Good morning.")
        recordings.share_recording(cast.carol, visit.pk, True)
        view = transcripts.get_transcript(other, visit.pk)
        assert [segment.text for segment in view.segments] == ["Good morning."]
        with pytest.raises(NotFound):
            recordings.delete_recording(other, visit.pk)
        with pytest.raises(NotFound):
            transcripts.get_transcript(cast.alice, visit.pk)
        recordings.share_recording(cast.carol, visit.pk, False)
        with pytest.raises(NotFound):
            transcripts.get_transcript(other, visit.pk)

    def test_what_hangs_on_it_is_hidden_with_it(self, cast, visit):
        put(visit, "Good morning.")
        with data.rights_of_user(cast.alice):
            for model in (Recording, RecordingChunk, Segment):
                assert not model.objects.exists()
        with data.rights_of_user(cast.carol):
            assert RecordingChunk.objects.exists()


class TestTranscribing:
    def test_silence_is_ready_and_says_nothing(self, cast, visit):
        assert work() == 1
        recording = seen(visit)
        assert (recording.state, recording.duration) == (State.READY, 1.0)
        assert recording.sha256 == digest(sounds.as_wav(sounds.silence(1)))
        assert transcripts.get_transcript(cast.carol, visit.pk).segments == []
        assert AuditEvent.objects.filter(action="recording.transcribed").exists()

    @pytest.mark.parametrize("content", [b"no sound at all", b"#EXTM3U\nfile:///etc/passwd\n"])
    def test_what_is_no_sound_is_rejected_with_what_to_do(self, cast, content):
        recording = upload(cast.carol, content)
        work()
        found = recordings.get_progress(cast.carol, recording.pk)
        assert (found.state, found.ended) == (State.REJECTED, True)
        assert "MP3" in found.error

    def test_each_part_is_heard_once_and_its_sound_let_go(self, cast, by_hand):
        babble = [sounds.babble(40, seed=n) for n in range(2)]
        gap = sounds.silence(3)
        content = sounds.as_wav(sounds.np.concatenate([babble[0], gap, babble[1]]))
        recording = upload(cast.carol, content, language="en")
        assert work(1) == 1  # read
        found = recordings.get_progress(cast.carol, recording.pk)
        assert (found.state, found.share) == (State.TRANSCRIBING, 0.0)
        with data.rights_of_system():
            parts = list(RecordingPart.objects.order_by("number"))
        assert [part.number for part in parts] == list(range(len(parts)))
        assert len(work_claims := {part.pk for part in parts}) == len(parts) >= 1
        # One worker takes a part and is killed: nobody has it until its lease has lapsed.
        claimed = data.recordings.claim_part()
        assert claimed
        assert claimed.id in work_claims
        work()
        assert seen(recording).state == State.TRANSCRIBING
        with data.rights_of_system():
            RecordingPart.objects.filter(done=False).update(due=timezone.now())
        work()
        assert seen(recording).state == State.READY
        with data.rights_of_system():
            assert not RecordingPart.objects.exclude(sealed=b"").exists()
            before = Segment.objects.count()
        # The killed one comes back late: it writes nothing.
        late = SpokenSegment(0, 1, "late", (), 1.0, 0.0, "en")
        assert not data.recordings.complete_part(claimed, [late], 1.0)
        with data.rights_of_system():
            assert Segment.objects.count() == before

    @pytest.mark.parametrize("kept", [0, 1])
    def test_a_reader_killed_anywhere_doubles_nothing(self, cast, by_hand, kept, monkeypatch):
        recording = upload(cast.carol, sounds.as_wav(sounds.babble(30)), language="en")
        append, end = data.recordings.append_part, data.recordings.end_reading

        def dies(*args, **more):
            raise KeyboardInterrupt  # as little is written as by a kill

        monkeypatch.setattr(data.recordings, "append_part" if not kept else "end_reading", dies)
        with pytest.raises(KeyboardInterrupt):
            work(1)
        monkeypatch.setattr(data.recordings, "append_part", append)
        monkeypatch.setattr(data.recordings, "end_reading", end)
        with data.rights_of_system():
            assert RecordingPart.objects.count() == kept
            Recording.objects.update(due=timezone.now())
        work()
        with data.rights_of_system():
            assert RecordingPart.objects.count() == 1
        assert seen(recording).state == State.READY

    def test_a_cancelled_one_stops_and_is_taken_up_again(self, cast, by_hand):
        recording = upload(cast.carol, sounds.as_wav(sounds.babble(10)), language="en")
        work(1)
        claimed = data.recordings.claim_part()
        recordings.cancel_recording(cast.carol, recording.pk)
        assert claimed
        assert not data.recordings.renew_lease(claimed)
        assert not data.recordings.complete_part(claimed, [], 1.0)
        assert work() == 0
        assert seen(recording).state == State.CANCELLED
        recordings.retry_recording(cast.carol, recording.pk, nothing)
        work()
        assert seen(recording).state == State.READY

    def test_what_fails_again_and_again_is_told(self, cast, visit, monkeypatch):
        def broken(*args, **more):
            raise ZeroDivisionError

        monkeypatch.setattr(compute.speech, "cut_speech", broken)
        for _ in range(4):
            with data.rights_of_system():
                Recording.objects.update(due=timezone.now())
            work(1)
        found = recordings.get_progress(cast.carol, visit.pk)
        assert found.state == State.FAILED
        assert "administrator" in found.error

    def test_what_costs_its_worker_each_time_is_given_up(self, cast, visit):
        for _ in range(4):
            assert data.recordings.claim_recording()
            with data.rights_of_system():
                Recording.objects.update(due=timezone.now())
        assert work() == 0
        assert seen(visit).state == State.FAILED
        recordings.retry_recording(cast.carol, visit.pk, nothing)
        work()
        assert seen(visit).state == State.READY

    def test_a_piece_that_was_tampered_with_is_an_error_and_no_silence(self, cast, visit):
        with data.rights_of_system():
            chunk = RecordingChunk.objects.get()
            sealed = bytearray(chunk.sealed)
            sealed[50] ^= 1
            chunk.sealed = bytes(sealed)
            chunk.save()
            Recording.objects.update(attempts=3)
        work(1)
        assert seen(visit).state == State.FAILED
        assert "SECRET_KEY_FALLBACKS" in seen(visit).error

    @sounds.with_clips
    @pytest.mark.django_db(transaction=True)  # its lease is renewed on another connection
    def test_what_is_said_is_written_down(self, cast):
        content = (sounds.CLIPS / "jfk.flac").read_bytes()
        recording = recordings.upload(cast.carol, "clinical", named(content, "jfk.flac"), nothing)
        work()
        view = transcripts.get_transcript(cast.carol, recording.pk)
        assert "ask what you can do for your country" in view.segments[-1].text
        assert view.transcript.languages == ["en"]
        assert view.transcript.model == "whisper-base"
        words = [word for segment in view.segments for word in segment.words]
        assert all(0 <= word["start"] <= word["end"] <= 11.1 for word in words)
        assert [word["start"] for word in words] == sorted(word["start"] for word in words)


class TestZone:
    def test_a_patients_record_binds_the_transcript(self, cast, visit):
        put(visit, "Patient, MRN 00482915, takes metformin for diabetes, blood pressure is fine.")
        recording = recordings.get_recording(cast.carol, visit.pk)
        transcription.classify(visit.pk)
        recording = recordings.get_recording(cast.carol, visit.pk)
        assert recording.detected == Sensitivity.RESTRICTED
        assert recordings.get_rules(recording).sensitivity == Sensitivity.RESTRICTED
        transcription.classify(visit.pk, "Nothing.")
        assert recordings.get_recording(cast.carol, visit.pk).detected == Sensitivity.RESTRICTED

    def test_a_detector_that_fails_binds_it_most(self, cast, visit, monkeypatch):
        put(visit, "Nothing.")

        def broken(*args):
            raise ZeroDivisionError

        monkeypatch.setattr(transcription.egress, "detect", broken)
        transcription.classify(visit.pk)
        assert recordings.get_recording(cast.carol, visit.pk).detected == Sensitivity.RESTRICTED


class TestEnds:
    def test_the_sound_goes_and_the_text_stays(self, cast, visit):
        put(visit, "Good morning.")
        recordings.delete_audio(cast.carol, visit.pk)
        with data.rights_of_system():
            assert not RecordingChunk.objects.exists()
        assert transcripts.get_transcript(cast.carol, visit.pk).segments
        for call in (recordings.read_audio, transcripts.export_bleeped):
            with pytest.raises(NotFound):
                call(cast.carol, visit.pk)

    def test_not_while_it_is_transcribed(self, cast, visit):
        assert code(lambda: recordings.delete_audio(cast.carol, visit.pk)) == "recording_open"

    def test_with_its_zones_retention(self, cast, visit):
        put(visit, "Good morning.")
        cast.zones.clinical.retention_days = 30
        cast.zones.clinical.save()
        with data.rights_of_system():
            Recording.objects.update(ended=timezone.now())
        retention.delete_expired(timezone.now() + timedelta(days=29))
        assert recordings.list_recordings(cast.carol)
        retention.delete_expired(timezone.now() + timedelta(days=31))
        assert recordings.list_recordings(cast.carol) == []
        with data.rights_of_system():
            assert not Segment.objects.exists()
            assert not RecordingChunk.objects.exists()
        assert AuditEvent.objects.filter(action="recordings.expired").exists()

    def test_deleted_for_good(self, cast, visit):
        put(visit, "Good morning.")
        recordings.delete_recording(cast.carol, visit.pk)
        with data.rights_of_system():
            assert not Segment.objects.exists()
            assert not RecordingChunk.objects.exists()


class TestCorrecting:
    def test_an_edit_keeps_what_was_there(self, cast, visit):
        put(visit, "Good mourning.")
        (segment,) = transcripts.get_transcript(cast.carol, visit.pk).segments
        changed = transcripts.edit_segment(cast.carol, segment.pk, " Good morning. ", version=1)
        assert (changed.text, changed.version) == ("Good morning.", 2)
        (edit,) = transcripts.list_edits(cast.carol, segment.pk)
        assert (edit.text, edit.version, edit.editor) == ("Good mourning.", 1, cast.carol)
        assert (
            code(lambda: transcripts.edit_segment(cast.carol, segment.pk, "x", version=1))
            == "segment_changed"
        )
        with pytest.raises(NotFound):
            transcripts.edit_segment(cast.alice, segment.pk, "x", version=2)

    def test_speakers_are_named_moved_and_joined(self, cast, visit):
        put(visit, "One.", "Two.", speaker="1")
        _first, second = transcripts.get_transcript(cast.carol, visit.pk).segments
        transcripts.set_speaker(cast.carol, second.pk, "2", version=1)
        transcripts.rename_speaker(cast.carol, visit.pk, "1", " Dr  Meier ")
        view = transcripts.get_transcript(cast.carol, visit.pk)
        assert [view.speaker_of(s) for s in view.segments] == ["Dr Meier", "Speaker 2"]
        transcripts.merge_speakers(cast.carol, visit.pk, "1", "2")
        view = transcripts.get_transcript(cast.carol, visit.pk)
        assert [view.speaker_of(s) for s in view.segments] == ["Dr Meier", "Dr Meier"]
        with pytest.raises(NotFound):
            transcripts.rename_speaker(cast.alice, visit.pk, "1", "x")


class TestExports:
    @pytest.fixture
    def said(self, visit):
        put(
            visit,
            "Good morning Mrs Katarzyna Wolanski.",
            "I am taking five milligrams, katarzina wolanskey said.",
        )
        return visit

    @pytest.mark.parametrize("format", transcripts.FORMATS)
    def test_each_format(self, cast, said, format):
        made = transcripts.export_transcript(cast.carol, said.pk, format)
        assert made.name == f"visit.{format}"
        if format != "docx":
            assert "Wolanski" in made.content.decode()
        redacted = transcripts.export_transcript(cast.carol, said.pk, format, redacted=True)
        assert b"visit" not in redacted.content
        if format != "docx":
            text = redacted.content.decode().lower()
            assert "wolansk" not in text
            assert "katarz" not in text
            assert "five milligrams" in text

    def test_another_format_is_refused(self, cast, said):
        assert (
            code(lambda: transcripts.export_transcript(cast.carol, said.pk, "pdf"))
            == "format_unknown"
        )

    def test_names_are_bleeped_where_they_are_said(self, cast):
        loud = sounds.as_wav(sounds.noise(6, level=0.3))
        recording = upload(cast.carol, loud)
        put(recording, "Good morning Mrs Katarzyna Wolanski.")
        (start, end), *rest = transcripts.list_silenced(cast.carol, recording.pk)
        assert not rest
        assert 1.0 < start < 2.0 < end < 3.2  # the last words of five in three seconds
        _, pieces = transcripts.export_bleeped(cast.carol, recording.pk)
        import numpy as np

        made = np.frombuffer(b"".join(pieces)[44:], np.int16)
        original = np.frombuffer(loud[44:], np.int16)
        a, b = int(start * 16_000), int(end * 16_000) + 1
        assert np.array_equal(made[: a - 1], original[: a - 1])
        assert np.array_equal(made[b + 1 :], original[b + 1 :])
        assert abs(np.corrcoef(made[a:b], original[a:b])[0, 1]) < 0.1

    def test_before_it_is_ready_there_is_no_bleeping(self, cast, visit):
        assert code(lambda: transcripts.export_bleeped(cast.carol, visit.pk)) == "recording_open"


def test_hints_are_the_zones_own_terms(cast):
    data.add_terms(cast.zones.clinical, ["Brackenfell"])
    data.add_terms(cast.zones.compliance, ["Harbour Deal"])
    assert transcription.get_hints(cast.zones.clinical.pk) == ("Brackenfell",)


def test_a_wake_up_is_sent_once_until_it_is_taken(cast, django_capture_on_commit_callbacks):
    woken = []
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            transcription.wake_on_commit(lambda: woken.append(1))
    assert woken == [1]
    transcription.transcribe_waiting(nothing)
    assert not transcription.wake_if_due(lambda: woken.append(1))
    upload(cast.carol, sounds.as_wav(sounds.silence(1)))
    assert transcription.wake_if_due(lambda: woken.append(1))
    assert woken == [1, 1]
    transcription.transcribe_waiting(nothing)


def test_words_survive_storage(cast, visit):
    with data.rights_of_system():
        Recording.objects.filter(pk=visit.pk).update(state=State.PREPARING, attempts=1)
    claimed = data.recordings.ClaimedRecording(visit.pk, 1, visit.zone_id, cast.carol.pk)
    window = ((1.0, 2.0),)
    assert data.recordings.append_part(claimed, 0, channel=2, windows=window, sound=b"\1\0" * 9)
    part = data.recordings.claim_part()
    assert part is not None
    assert data.recordings.read_part(part) == b"\1\0" * 9
    data.recordings.ensure_transcript(visit.pk, engine="e", model="m", version="v")
    word = SpokenWord(" hello", 1.1, 1.5, 0.7512)
    segment = SpokenSegment(1.1, 1.5, "hello", (word,), 0.75, 0.1, "en")
    assert data.recordings.complete_part(part, [segment], 2.0)
    (kept,) = transcripts.get_transcript(cast.carol, visit.pk).segments
    assert kept.speaker == "2"
    assert kept.words == [{"text": " hello", "start": 1.1, "end": 1.5, "probability": 0.751}]
    assert isinstance(kept.pk, uuid.UUID)
