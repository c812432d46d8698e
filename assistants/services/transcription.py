"""From a recording to its transcript: read and cut at silences, heard part by part, put together.

waiting → preparing → transcribing → ready; or `rejected` (the file's fault), `failed` (ours, after
all attempts), `cancelled`. The tables are the queue; the broker only carries a wake-up, at most one
at a time: who takes it passes it on while there is more to do. A part is heard once and kept in one
transaction, so that a worker may die anywhere: what it had is begun again by the next one, and
nothing is missing or doubled.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from assistants import compute, control, data
from assistants.exceptions import AssistantsError, DocumentRejected
from assistants.models import Recording, RecordingPart, Segment, Transcript
from assistants.services import egress
from assistants.types import Sensitivity, SpokenSegment

logger = logging.getLogger(__name__)

RENEW_SECONDS = 8.0  # well within data.recordings.parts.LEASE
WAKE_SECONDS = 60  # after so long a wake-up that was sent counts as lost
OUTAGE_PAUSE = timedelta(seconds=15)
MOST_HINTS = 100  # terms of a zone that the recogniser is told

State = Recording.State
Wake = Callable[[], object]
Claimed = data.recordings.ClaimedPart | data.recordings.ClaimedRecording

_WOKEN = "speech-woken"

FAULT = (
    "This recording could not be transcribed because of a fault here. Please tell your "
    "administrator, who finds it in the log, and try again later; the recording is kept."
)


class _Lost(Exception):
    """Cancelled, or taken over by another worker: nothing more is to be written."""


# -- waking ---------------------------------------------------------------------------------------


def wake_on_commit(wake: Wake) -> None:
    """Let a worker look once this transaction is committed. One on its way is enough."""
    transaction.on_commit(lambda: _wake(wake), robust=True)


def wake_if_due(wake: Wake) -> bool:
    """By the clock: for what a killed worker left, what is to be tried again, lost wake-ups."""
    for recording_id in data.recordings.list_heard():
        _complete(recording_id)
    due = data.recordings.count_due() > 0
    if due:
        _wake(wake)
    return due


def _wake(wake: Wake) -> None:
    if cache.add(_WOKEN, 1, timeout=WAKE_SECONDS):
        wake()


# -- the worker -----------------------------------------------------------------------------------


def transcribe_waiting(wake: Wake) -> bool:
    """Do one thing that waits: hear a part, or read a recording. False where nothing waits.

    The wake-up is passed on while there is more, for other workers at once and for this one after.
    """
    cache.delete(_WOKEN)
    claimed = data.recordings.claim_next()
    if claimed is None:
        return False
    if data.recordings.count_due():
        _wake(wake)
    if isinstance(claimed, data.recordings.ClaimedPart):
        _attempt(claimed, lambda lost: _hear(claimed, lost))
    else:
        _attempt(claimed, lambda lost: _read(claimed, wake, lost))
    if data.recordings.count_due():
        _wake(wake)
    return True


def _attempt(claimed: Claimed, run: Callable[[threading.Event], None]) -> None:
    """Raises only what the database raises."""
    recording_id = (
        claimed.recording_id if isinstance(claimed, data.recordings.ClaimedPart) else claimed.id
    )
    try:
        with _lease_kept(claimed) as lost:
            run(lost)
    except _Lost:
        logger.info("%s is somebody else’s, or nobody’s any more", claimed.id)
    except DocumentRejected as error:
        logger.info("recording %s rejected: %s", recording_id, error)
        if isinstance(claimed, data.recordings.ClaimedRecording):
            data.recordings.reject_recording(claimed, error.user_message)
            _tell(recording_id, "transcript.ready")
    except data.recordings.RecordingUnreadable as error:
        logger.error("recording %s cannot be opened: %s", recording_id, error)
        _fail(claimed, recording_id, error.user_message)
    except DatabaseError:
        raise
    except (AssistantsError, OSError) as error:  # no weights, no space: everything waits for it
        logger.warning("transcription waits for what it needs: %r", error)
        data.recordings.postpone(claimed, OUTAGE_PAUSE)
    except Exception:
        logger.exception("transcribing %s of recording %s failed", claimed.id, recording_id)
        _fail(claimed, recording_id, FAULT)


def _fail(claimed: Claimed, recording_id: uuid.UUID, message: str) -> None:
    if data.recordings.fail(claimed, message):
        _tell(recording_id, "transcript.ready")


@contextmanager
def _lease_kept(claimed: Claimed) -> Iterator[threading.Event]:
    """Renew it from a thread of its own, as long as this process lives. The event it gives is set
    once the lease is lost.
    """
    ended, lost = threading.Event(), threading.Event()

    def renew() -> None:
        try:
            while not ended.wait(RENEW_SECONDS):
                try:
                    if not data.recordings.renew_lease(claimed):
                        lost.set()
                        return
                except DatabaseError:
                    logger.warning("a lease could not be renewed", exc_info=True)
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        ended.set()
        thread.join()


# -- reading --------------------------------------------------------------------------------------


def _read(claimed: data.recordings.ClaimedRecording, wake: Wake, lost: threading.Event) -> None:
    """Decode the file once and keep its speech in parts, the first of which are heard meanwhile."""
    file = data.recordings.RecordingFile(claimed.id)
    there = data.recordings.list_part_numbers(claimed.id)
    with data.recordings.decode(file) as sound:
        data.recordings.begin_reading(
            claimed, sha256=file.sha256(), channels=sound.channels, media_type=sound.media_type
        )
        for number, part in enumerate(compute.speech.cut_speech(sound.blocks(), sound.channels)):
            if lost.is_set():
                raise _Lost
            if number not in there:
                if not data.recordings.append_part(
                    claimed,
                    number,
                    channel=part.channel,
                    windows=part.windows,
                    sound=part.samples.tobytes(),
                ):
                    raise _Lost
                if number < 4:  # from then on whoever is at work goes on by itself
                    _wake(wake)
        if not data.recordings.end_reading(claimed, sound.seconds, sound.note):
            raise _Lost
    _tell(claimed.id, "transcript.progress")
    if not data.recordings.has_open_parts(claimed.id):
        _complete(claimed.id)


# -- hearing --------------------------------------------------------------------------------------


def _hear(claimed: data.recordings.ClaimedPart, lost: threading.Event) -> None:
    begun = time.monotonic()
    transcriber = compute.speech.get_transcriber()
    data.recordings.ensure_transcript(
        claimed.recording_id,
        engine=transcriber.engine,
        model=transcriber.model,
        version=transcriber.version,
    )

    def heard(segment: SpokenSegment) -> None:
        if lost.is_set():
            raise _Lost

    segments = compute.speech.transcribe_windows(
        transcriber,
        data.recordings.read_part(claimed),
        claimed.windows,
        language=claimed.language,
        hints=get_hints(claimed.zone_id),
        voices=not claimed.channel,
        on_segment=heard,
    )
    if not data.recordings.complete_part(claimed, segments, time.monotonic() - begun):
        raise _Lost
    classify(claimed.recording_id, " ".join(segment.text for segment in segments))
    _tell(claimed.recording_id, "transcript.progress")
    if not data.recordings.has_open_parts(claimed.recording_id):
        _complete(claimed.recording_id)


def get_hints(zone_id: int) -> tuple[str, ...]:
    """Names of the zone that the recogniser would not know: its own terms."""
    return data.list_zone_terms(zone_id, MOST_HINTS)


def _complete(recording_id: uuid.UUID) -> None:
    """Put the transcript together; whoever comes second finds nothing to do."""
    with data.rights_of_system():
        recording = (
            Recording.objects.select_for_update(no_key=True)
            .filter(pk=recording_id, state=State.TRANSCRIBING)
            .first()
        )
        if recording is None:
            return
        Transcript.objects.get_or_create(recording=recording)
        segments = list(
            Segment.objects.filter(transcript_id=recording_id).order_by("start", "part", "position")
        )
        _tell_speakers_apart(segments)
        Transcript.objects.filter(pk=recording_id).update(
            languages=_languages(segments), completed=timezone.now()
        )
        recording.state, recording.ended = State.READY, timezone.now()
        recording.save(update_fields=["state", "ended"])
        RecordingPart.objects.filter(recording=recording).update(sealed=b"", key_id="")
        classify(recording_id)
        control.record_event(
            action="recording.transcribed",
            actor=recording.owner.get_username(),
            subject=str(recording_id),
            data={"sha256": recording.sha256, "seconds": round(recording.duration or 0)},
        )
    _tell(recording_id, "transcript.ready")


def _tell_speakers_apart(segments: list[Segment]) -> None:
    """By their voices, where channels did not. What a voice sounds like is not kept after it."""
    heard = [segment for segment in segments if segment.voice]
    if heard:
        speakers = compute.speech.group_voices(
            [segment.voice or [] for segment in heard], [s.end - s.start for s in heard]
        )
        if len(set(speakers)) > 1:
            for segment, speaker in zip(heard, speakers, strict=True):
                segment.speaker = str(speaker)
            _fill_gaps(segments)
        Segment.objects.bulk_update(segments, ["speaker"], batch_size=500)
        Segment.objects.filter(transcript_id=segments[0].transcript_id).update(voice=None)


def _fill_gaps(segments: list[Segment]) -> None:
    """One too short to be known belongs to whoever speaks just before and after it."""
    for before, segment, after in zip(segments, segments[1:], segments[2:], strict=False):
        if not segment.speaker and before.speaker == after.speaker:
            segment.speaker = before.speaker


def _languages(segments: list[Segment]) -> list[str]:
    spoken: Counter[str] = Counter()
    for segment in segments:
        if segment.language:
            spoken[segment.language] += max(0, round((segment.end - segment.start) * 100))
    return [language for language, _ in spoken.most_common(20)]


# -- zone -----------------------------------------------------------------------------------------


def classify(recording_id: uuid.UUID, text: str | None = None) -> None:
    """Raise what the recording was found to be by this text (the whole transcript, if not given).

    A detector that fails binds it like a patient's record: in doubt it stays on the premises.
    """
    with data.rights_of_system():
        recording = Recording.objects.select_for_update(no_key=True).get(pk=recording_id)
        if text is None:
            said = Segment.objects.filter(transcript_id=recording_id).order_by("start", "part")
            text = "\n".join(said.values_list("text", flat=True))
        try:
            found = egress.detect(text, recording.detected)
        except Exception:
            logger.exception("classifying recording %s failed", recording_id)
            found = Sensitivity.RESTRICTED
        if found is not None and found != recording.detected:
            recording.detected = found
            recording.save(update_fields=["detected"])
            control.record_event(
                action="recording.raised",
                subject=str(recording_id),
                data={"detected": found.name.lower()},
            )


# -- what a person does to it ---------------------------------------------------------------------


def cancel(recording: Recording) -> None:
    """The caller holds its row. Who is at work notices at the next segment or lease."""
    recording.state, recording.ended = State.CANCELLED, timezone.now()
    recording.save(update_fields=["state", "ended"])
    transaction.on_commit(lambda: _tell(recording.pk, "transcript.ready"), robust=True)


def resume(recording: Recording) -> None:
    """The caller holds its row."""
    data.recordings.resume_open(recording)


# -- telling --------------------------------------------------------------------------------------


def group_of(recording_id: uuid.UUID) -> str:
    """The channel layer's group of those who watch a recording. Whoever joins has looked at the
    rights; the events carry no text: `{"type": "transcript.progress" | "transcript.ready",
    "recording": id}`. `ready` means that it ended, in whatever way.
    """
    return f"recording.{recording_id.hex}"


def _tell(recording_id: uuid.UUID, event: str) -> None:
    message = {"type": event, "recording": str(recording_id)}
    try:
        async_to_sync(get_channel_layer().group_send)(group_of(recording_id), message)
    except Exception:  # who watches looks again by itself
        logger.warning("%s of %s could not be told", event, recording_id, exc_info=True)
