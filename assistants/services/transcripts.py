"""Transcripts: read, corrected, speakers named, exported whole or redacted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Recording, Segment, SegmentEdit, Transcript
from assistants.services import recordings, transcription
from assistants.services.egress import names_of

FORMATS = tuple(data.recordings.FORMATS)
LONGEST_TEXT = 10_000  # characters of a segment
LONGEST_NAME = 80  # characters of a speaker's name


@dataclass(frozen=True, slots=True)
class TranscriptView:
    """A recording and what was heard so far. `speakers` are names by the segments' keys, also of
    those that nobody has named (`Speaker 1`). `transcript` is None where nothing was heard yet.
    """

    recording: Recording
    transcript: Transcript | None
    segments: Sequence[Segment]
    speakers: Mapping[str, str]

    def speaker_of(self, segment: Segment) -> str:
        return self.speakers.get(segment.speaker, "")


@dataclass(frozen=True, slots=True)
class Export:
    """A file to be sent; `name` has its ending."""

    name: str
    media_type: str
    content: bytes


def get_transcript(
    user: AbstractUser, recording_id: uuid.UUID, *, after: float = -1.0
) -> TranscriptView:
    """What was heard, the segments after second `after` only. Raises NotFound."""
    with data.rights_of_user(user):
        return _view(recording_id, after)


def edit_segment(user: AbstractUser, segment_id: uuid.UUID, text: str, *, version: int) -> Segment:
    """Correct what it says; what it said before is kept. For whoever may read it.

    `version` is the one that was read. Raises NotFound, and InvalidRequest with the code
    `segment_changed` where somebody else changed it meanwhile.
    """
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(
            "long segment", user_message=f"Keep a passage below {LONGEST_TEXT} characters."
        )
    with data.rights_of_user(user):
        segment = _lock(segment_id, version)
        if segment.text != text:
            data.recordings.change_segment(segment, user.pk, text=text, speaker=segment.speaker)
            transcription.classify(segment.transcript_id)
            _record("transcript.edited", user, segment.transcript_id, segment=str(segment.pk))
    return segment


def set_speaker(
    user: AbstractUser, segment_id: uuid.UUID, speaker: str, *, version: int
) -> Segment:
    """Say who speaks in one segment: a key of `speakers`, a new one, or "" for nobody known."""
    if len(speaker) > 8:
        raise InvalidRequest(f"speaker {speaker!r}")
    with data.rights_of_user(user):
        segment = _lock(segment_id, version)
        if segment.speaker != speaker:
            data.recordings.change_segment(segment, user.pk, text=segment.text, speaker=speaker)
    return segment


def rename_speaker(user: AbstractUser, recording_id: uuid.UUID, speaker: str, name: str) -> None:
    """Give a speaker a name, everywhere in the transcript; an empty one takes it away."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME:
        raise InvalidRequest(
            "long name", user_message=f"Keep a speaker’s name below {LONGEST_NAME} characters."
        )
    if not 0 < len(speaker) <= 8:
        raise InvalidRequest(f"speaker {speaker!r}")
    with data.rights_of_user(user):
        data.recordings.name_speakers(recording_id, {speaker: name})


def merge_speakers(user: AbstractUser, recording_id: uuid.UUID, one: str, other: str) -> None:
    """They are one person: all that `other` says is said by `one`."""
    with data.rights_of_user(user):
        if recordings.reach(recording_id) and one != other:
            data.recordings.merge_speakers(recording_id, one, other)


def list_edits(user: AbstractUser, segment_id: uuid.UUID) -> list[SegmentEdit]:
    """What it said before, the oldest first; empty also where the user may not read it."""
    with data.rights_of_user(user):
        return data.recordings.list_edits(segment_id)


# -- exports --------------------------------------------------------------------------------------


def export_transcript(
    user: AbstractUser, recording_id: uuid.UUID, format: str, *, redacted: bool = False
) -> Export:
    """The transcript as a file of one of `FORMATS`; `redacted`: without what identifies anybody.

    Raises NotFound, InvalidRequest for another format.
    """
    if format not in data.recordings.FORMATS:
        raise InvalidRequest(
            f"format {format!r}",
            code="format_unknown",
            user_message=f"A transcript is exported as one of {', '.join(FORMATS)}.",
        )
    write, media_type = data.recordings.FORMATS[format]
    with data.rights_of_user(user):
        view = _view(recording_id)
        if redacted:
            heading, lines = _redacted(user, view)
        else:
            heading, lines = _heading(view), [_line(view, segment) for segment in view.segments]
        _record(
            "transcript.exported",
            user,
            recording_id,
            format=format,
            redacted="yes" if redacted else "no",
        )
    suffix = " (redacted)" if redacted else ""
    name = "Recording" if redacted else _stem(view.recording.name)
    return Export(f"{name}{suffix}.{format}", media_type, write(heading, lines))


def list_silenced(user: AbstractUser, recording_id: uuid.UUID) -> list[tuple[float, float]]:
    """(start, end) in seconds of what a bleeped copy of the audio leaves out. Raises NotFound."""
    with data.rights_of_user(user):
        view = _view(recording_id)
    return data.recordings.list_silenced(view.segments, _hidden(user, view))


def export_bleeped(user: AbstractUser, recording_id: uuid.UUID) -> tuple[str, Iterator[bytes]]:
    """(file name, its bytes): the audio as WAV with a tone where something identifying is said.

    Everything between is as it was said, so a voice may still be known. Raises NotFound, also
    where the audio was deleted, and InvalidRequest while the transcript is not ready.
    """
    recording = recordings.get_recording(user, recording_id)
    if recording.audio_deleted:
        raise NotFound(f"audio of {recording_id}")
    if recording.state != Recording.State.READY:
        raise InvalidRequest(
            f"{recording_id} is {recording.state}",
            code="recording_open",
            user_message="What is said has to be known before it can be left out. Wait until the "
            "transcript is ready.",
        )
    silenced = list_silenced(user, recording_id)
    with data.rights_of_user(user):
        _record("recording.bleeped", user, recording_id, pieces=len(silenced))
    file = data.recordings.RecordingFile(recording_id)
    return "Recording (bleeped).wav", data.recordings.bleep(
        file, recording.duration or 0.0, silenced
    )


# -- inside ---------------------------------------------------------------------------------------


def _view(recording_id: uuid.UUID, after: float = -1.0) -> TranscriptView:
    recording = recordings.reach(recording_id)
    transcript = data.recordings.get_transcript(recording_id)
    segments = data.recordings.list_segments(recording_id, after) if transcript else []
    return TranscriptView(recording, transcript, segments, _speakers(transcript, segments))


def _speakers(transcript: Transcript | None, segments: Iterable[Segment]) -> dict[str, str]:
    named = dict(transcript.speakers) if transcript else {}
    keys = dict.fromkeys([*named, *(s.speaker for s in segments if s.speaker)])
    return {key: named.get(key) or f"Speaker {key}" for key in sorted(keys)}


def _lock(segment_id: uuid.UUID, version: int) -> Segment:
    segment = data.recordings.lock_segment(segment_id)
    if segment.version != version:
        raise InvalidRequest(
            f"segment {segment_id} is at {segment.version}, not {version}",
            code="segment_changed",
            user_message="Somebody changed this passage meanwhile. Look at it again; your text "
            "is kept here.",
        )
    return segment


def _heading(view: TranscriptView) -> data.recordings.Heading:
    recording, transcript = view.recording, view.transcript
    facts = [
        ("Recorded", f"{recording.created:%Y-%m-%d %H:%M} UTC"),
        ("Duration", data.recordings.clock(recording.duration or 0.0)),
        ("Zone", recording.zone.name),
    ]
    if transcript:
        facts.append(("Language", ", ".join(transcript.languages)))
        made_by = f"{transcript.model} {transcript.version}, {transcript.engine}"
        facts.append(("Transcribed by", made_by))
    if recording.state != Recording.State.READY:
        facts.append(("Complete", "no, it is still being transcribed or was stopped"))
    return data.recordings.Heading(recording.name, tuple(fact for fact in facts if fact[1]))


def _line(view: TranscriptView, segment: Segment) -> data.recordings.Line:
    words = tuple(segment.words) if segment.version == 1 else ()
    return data.recordings.Line(
        segment.start, segment.end, view.speaker_of(segment), segment.text, words
    )


def _redacted(
    user: AbstractUser, view: TranscriptView
) -> tuple[data.recordings.Heading, list[data.recordings.Line]]:
    """Without names of speakers and of the recording, which are names too."""
    texts = data.recordings.redact([s.text for s in view.segments], _hidden(user, view))
    lines = [
        data.recordings.Line(
            segment.start,
            segment.end,
            f"Speaker {segment.speaker}" if segment.speaker else "",
            text,
        )
        for segment, text in zip(view.segments, texts, strict=True)
    ]
    heading = _heading(view)
    return data.recordings.Heading("Redacted transcript", heading.facts), lines


def _hidden(user: AbstractUser, view: TranscriptView) -> list[data.recordings.Hidden]:
    names = [
        *view.speakers.values(),
        *names_of(user),
        *names_of(view.recording.owner),
    ]
    known = [name for name in names if not name.startswith("Speaker ")]
    texts = [segment.text for segment in view.segments]
    return data.recordings.find_hidden(texts, data.get_term_list(), known)


def _stem(name: str) -> str:
    """Without the ending of the file that it came from."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and len(ending) <= 5 and ending.isalnum() else name


def _record(action: str, user: AbstractUser, recording_id: uuid.UUID, **more: object) -> None:
    control.record_event(
        action=action, actor=user.get_username(), subject=str(recording_id), data=more
    )
