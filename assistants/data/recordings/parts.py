"""What waits to be transcribed: recordings to be read, parts of them to be heard.

The tables are the queue; the broker only carries wake-ups. Who claims has it for `LEASE`, and
renews that; what a killed worker had is free again after it. Every write names the attempt, so
that one who was overtaken writes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from assistants.data.recordings.chunks import delete_chunks
from assistants.data.recordings.sealing import open_sound, seal_sound
from assistants.data.scope import rights_of_system
from assistants.models import Recording, RecordingPart, Segment, Transcript, Zone
from assistants.types import SpokenSegment

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 4
PAUSES = (5, 30, 120)  # seconds before what failed is tried again
KILLED = (
    "This recording could not be transcribed: the worker ended each time before it was done, for "
    "want of memory perhaps. Please tell your administrator; the recording is kept."
)
State = Recording.State
OPEN = (State.WAITING, State.PREPARING, State.TRANSCRIBING)
Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ClaimedRecording:
    """A recording that this worker reads."""

    id: uuid.UUID
    attempt: int
    zone_id: int
    owner_id: int


@dataclass(frozen=True, slots=True)
class ClaimedPart:
    """A part that this worker hears."""

    id: uuid.UUID
    recording_id: uuid.UUID
    number: int
    channel: int
    attempt: int
    windows: tuple[Window, ...]
    language: str
    zone_id: int
    owner_id: int


def claim_recording() -> ClaimedRecording | None:
    """The one that has waited longest to be read, or None."""
    with rights_of_system():
        waiting = Recording.objects.filter(
            state__in=(State.WAITING, State.PREPARING), due__lte=timezone.now()
        ).order_by("due")
        recording = waiting.select_for_update(skip_locked=True, no_key=True).first()
        if recording is None or _given_up(recording.pk, recording.attempts):
            return None
        recording.state = State.PREPARING
        recording.attempts += 1
        recording.due = timezone.now() + LEASE
        recording.started = recording.started or timezone.now()
        recording.save(update_fields=["state", "attempts", "due", "started"])
        return ClaimedRecording(
            recording.pk, recording.attempts, recording.zone_id, recording.owner_id
        )


def claim_part() -> ClaimedPart | None:
    """The next part of any recording, or None. First parts go first, so that a short recording
    does not wait for the end of a long one.
    """
    with rights_of_system():
        waiting = RecordingPart.objects.filter(
            done=False,
            due__lte=timezone.now(),
            recording__state__in=(State.PREPARING, State.TRANSCRIBING),
        ).order_by("number", "due")
        part = (
            waiting.select_related("recording")
            .defer("sealed")
            .select_for_update(skip_locked=True, no_key=True, of=("self",))
            .first()
        )
        if part is None or _given_up(part.recording_id, part.attempts):
            return None
        part.attempts += 1
        part.due = timezone.now() + LEASE
        part.save(update_fields=["attempts", "due"])
        return ClaimedPart(
            part.pk,
            part.recording_id,
            part.number,
            part.channel,
            part.attempts,
            tuple((start, end) for start, end in part.windows),
            part.recording.language,
            part.recording.zone_id,
            part.recording.owner_id,
        )


def _given_up(recording_id: uuid.UUID, attempts: int) -> bool:
    """Whether it has cost so many workers their lives that no other is given it."""
    if attempts < MAX_ATTEMPTS:
        return False
    Recording.objects.filter(pk=recording_id).update(
        state=State.FAILED, error=KILLED, ended=timezone.now()
    )
    return True


def claim_next() -> ClaimedPart | ClaimedRecording | None:
    """A part, or a recording to be read where nobody reads one: a long file keeps one worker busy
    at most, and a new one is begun before the last is heard.
    """
    with rights_of_system():
        reading = Recording.objects.filter(state=State.PREPARING, due__gt=timezone.now()).exists()
    if reading:
        return claim_part() or claim_recording()
    return claim_recording() or claim_part()


def renew_lease(claimed: ClaimedRecording | ClaimedPart) -> bool:
    """False where it is this worker's no longer: cancelled, or taken over."""
    with rights_of_system():
        return bool(_held(claimed).update(due=timezone.now() + LEASE))


def _held(claimed: ClaimedRecording | ClaimedPart):  # type: ignore[no-untyped-def]  # of two tables
    if isinstance(claimed, ClaimedPart):
        return RecordingPart.objects.filter(
            pk=claimed.id, attempts=claimed.attempt, done=False, recording__state__in=OPEN
        )
    return Recording.objects.filter(
        pk=claimed.id, attempts=claimed.attempt, state__in=(State.WAITING, State.PREPARING)
    )


def count_due(limit: int = 16) -> int:
    """How many things wait for a worker, at most `limit`."""
    now = timezone.now()
    with rights_of_system():
        recordings = Recording.objects.filter(
            state__in=(State.WAITING, State.PREPARING), due__lte=now
        )
        parts = RecordingPart.objects.filter(
            done=False,
            due__lte=now,
            recording__state__in=(State.PREPARING, State.TRANSCRIBING),
        )
        found = parts[:limit].count()
        return min(limit, found + recordings[:limit].count())


# -- reading --------------------------------------------------------------------------------------


def begin_reading(
    claimed: ClaimedRecording, *, sha256: str, channels: int, media_type: str
) -> None:
    with rights_of_system():
        _held(claimed).update(sha256=sha256, channels=channels, media_type=media_type)


def append_part(
    claimed: ClaimedRecording,
    number: int,
    *,
    channel: int,
    windows: Sequence[Window],
    sound: bytes,
) -> bool:
    """Keep a part, to be heard; False where the recording is this worker's no longer.

    One with that number is there already where an earlier worker was killed: it stays as it is.
    """
    sealed, key_id = seal_sound(sound, claimed.id, _place(number))
    with rights_of_system():
        if not _held(claimed).select_for_update(no_key=True).exists():
            return False
        RecordingPart.objects.bulk_create(
            [
                RecordingPart(
                    recording_id=claimed.id,
                    number=number,
                    channel=channel,
                    start=windows[0][0],
                    end=windows[-1][1],
                    speech=sum(end - start for start, end in windows),
                    windows=[list(window) for window in windows],
                    sealed=sealed,
                    key_id=key_id,
                )
            ],
            ignore_conflicts=True,
        )
        return True


def list_part_numbers(recording_id: uuid.UUID) -> set[int]:
    with rights_of_system():
        return set(
            RecordingPart.objects.filter(recording_id=recording_id).values_list("number", flat=True)
        )


def end_reading(claimed: ClaimedRecording, duration: float, note: str) -> bool:
    """All parts are cut: what is left is hearing them. False where it is no longer ours.

    `note` tells a person what could not be read of it.
    """
    with rights_of_system():
        return bool(
            _held(claimed).update(
                state=State.TRANSCRIBING, duration=duration, error=note, attempts=0
            )
        )


def reject_recording(claimed: ClaimedRecording, message: str) -> None:
    """The file's fault: its parts go, and a person is told."""
    with rights_of_system():
        if _held(claimed).update(state=State.REJECTED, error=message, ended=timezone.now()):
            RecordingPart.objects.filter(recording_id=claimed.id).delete()


# -- hearing --------------------------------------------------------------------------------------


def read_part(claimed: ClaimedPart) -> bytes:
    """Its sound: 16-bit samples, 16 kHz, its windows one after the other.

    Raises RecordingUnreadable.
    """
    with rights_of_system():
        part = RecordingPart.objects.get(pk=claimed.id)
        return open_sound(
            bytes(part.sealed), part.key_id, claimed.recording_id, _place(part.number)
        )


def complete_part(claimed: ClaimedPart, segments: Sequence[SpokenSegment], seconds: float) -> bool:
    """Keep what was heard and let go of the sound, in one transaction; False where another worker
    has done it, or nobody wants it any more. `segments` are in seconds of the recording.
    """
    speaker = str(claimed.channel) if claimed.channel else ""
    with rights_of_system():
        part = _held(claimed).select_for_update(no_key=True, of=("self",)).only("pk").first()
        if part is None:
            return False
        Segment.objects.bulk_create(
            Segment(
                transcript_id=claimed.recording_id,
                part=claimed.number,
                position=position,
                start=segment.start,
                end=segment.end,
                speaker=speaker,
                text=segment.text,
                words=[
                    {
                        "text": word.text,
                        "start": round(word.start, 2),
                        "end": round(word.end, 2),
                        "probability": round(word.probability, 3),
                    }
                    for word in segment.words
                ],
                probability=segment.probability,
                no_speech=segment.no_speech,
                language=segment.language,
                voice=list(segment.voice) if segment.voice else None,
            )
            for position, segment in enumerate(segments)
        )
        RecordingPart.objects.filter(pk=claimed.id).update(
            done=True, sealed=b"", key_id="", seconds=seconds
        )
        return True


def fail(claimed: ClaimedRecording | ClaimedPart, message: str) -> bool:
    """It is tried again after a pause; True where that was the last attempt, and it failed."""
    with rights_of_system(), transaction.atomic():
        if claimed.attempt < MAX_ATTEMPTS:
            pause = timedelta(seconds=PAUSES[min(claimed.attempt, len(PAUSES)) - 1])
            _held(claimed).update(due=timezone.now() + pause)
            return False
        recording = claimed.recording_id if isinstance(claimed, ClaimedPart) else claimed.id
        if not _held(claimed).exists():
            return False
        Recording.objects.filter(pk=recording, state__in=OPEN).update(
            state=State.FAILED, error=message, ended=timezone.now()
        )
        return True


def postpone(claimed: ClaimedRecording | ClaimedPart, pause: timedelta) -> None:
    """Something that everything needs is away: this was no attempt."""
    with rights_of_system():
        _held(claimed).update(due=timezone.now() + pause, attempts=F("attempts") - 1)


# -- the whole ------------------------------------------------------------------------------------


def is_laid_out(recording_id: uuid.UUID) -> bool:
    """Whether its upload was finished."""
    return not Recording.objects.filter(
        Q(pk=recording_id) & (Q(chunks__start__isnull=True) | Q(chunks__isnull=True))
    ).exists()


def has_open_parts(recording_id: uuid.UUID) -> bool:
    with rights_of_system():
        return RecordingPart.objects.filter(recording_id=recording_id, done=False).exists()


def list_heard() -> list[uuid.UUID]:
    """Those of which all parts are done, and which are not ready yet."""
    missing = RecordingPart.objects.filter(recording=OuterRef("pk"), done=False)
    with rights_of_system():
        heard = Recording.objects.filter(~Exists(missing), state=State.TRANSCRIBING)
        return list(heard.values_list("pk", flat=True))


def ensure_transcript(recording_id: uuid.UUID, *, engine: str, model: str, version: str) -> None:
    with rights_of_system():
        Transcript.objects.update_or_create(
            recording_id=recording_id,
            defaults={"engine": engine, "model": model, "version": version},
            create_defaults={"engine": engine, "model": model, "version": version},
        )


def resume_open(recording: Recording) -> None:
    """Let a failed or cancelled one wait again; its parts that are done stay done.

    Runs with the rights of its owner.
    """
    read = recording.duration is not None
    recording.state = State.TRANSCRIBING if read else State.WAITING
    recording.attempts, recording.error = 0, ""
    recording.due, recording.ended = timezone.now(), None
    recording.save(update_fields=["state", "attempts", "error", "due", "ended"])
    RecordingPart.objects.filter(recording=recording, done=False).update(
        attempts=0, due=timezone.now()
    )


@dataclass(frozen=True, slots=True)
class ExpiredRecording:
    """One that is gone: what is left of it is what the record needs."""

    id: uuid.UUID
    zone: str
    sha256: str


def delete_expired_recordings(at: datetime, limit: int = 100) -> list[ExpiredRecording]:
    """Delete at most so many whose zone's retention has ended since they ended, sound and text.

    An upload that was never finished counts from its beginning; what is being transcribed stays.
    """
    deleted: list[ExpiredRecording] = []
    with rights_of_system():
        for zone in Zone.objects.filter(retention_days__isnull=False):
            before = at - timedelta(days=zone.retention_days or 0)
            expired = Recording.objects.filter(zone=zone).exclude(state__in=OPEN)
            expired = expired.filter(
                Q(ended__lt=before) | Q(ended__isnull=True, created__lt=before)
            ).order_by("pk")
            rows = expired.values_list("pk", "sha256")[: limit - len(deleted)]
            deleted += [ExpiredRecording(id, zone.slug, sha256) for id, sha256 in rows]
        Recording.objects.filter(pk__in=[recording.id for recording in deleted]).delete()
    return deleted


def delete_sound(recording_id: uuid.UUID) -> None:
    """The file and what is left of the parts; runs with the rights of its owner."""
    delete_chunks(recording_id)
    RecordingPart.objects.filter(recording_id=recording_id).update(sealed=b"", key_id="")


def _place(number: int) -> str:
    return f"part {number}"
