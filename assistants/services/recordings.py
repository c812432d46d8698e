"""Recordings: how they come in, who sees them, how far they are, how they go.

What was said in them is in `transcripts.py`, how it is transcribed in `transcription.py`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet, Sum
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Conversation, Recording, RecordingPart, Zone
from assistants.services import transcription
from assistants.services.transcription import Wake
from assistants.types import Sensitivity, ZoneRules

State = Recording.State

CHUNK_BYTES = 1 << 20  # at most, of one piece of an upload
NAME_CHARACTERS = 200
LANGUAGE = re.compile(r"[a-z]{2,3}$")
OPEN = (State.WAITING, State.PREPARING, State.TRANSCRIBING)


class UploadedFile(Protocol):
    @property
    def name(self) -> str | None: ...

    def read(self, num_bytes: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording is. `share` is 0 to 1; `seconds_left` is an estimate (None: unknown)."""

    state: str
    share: float
    seconds_left: float | None
    error: str = ""

    @property
    def ended(self) -> bool:
        return self.state not in {*OPEN, State.UPLOADING}


# -- coming in ------------------------------------------------------------------------------------


def create_recording(
    user: AbstractUser,
    zone_slug: str,
    name: str,
    *,
    language: str = "",
    conversation_id: uuid.UUID | None = None,
) -> Recording:
    """An empty one in one of the user's zones, to be filled by `append_chunk`.

    `language` is what is spoken, as a code such as `de`; empty: it is detected. Raises NotFound
    for a zone that the user may not read or a conversation that is not theirs, InvalidRequest.
    """
    if language and not LANGUAGE.match(language):
        raise InvalidRequest(
            f"language {language!r}",
            code="language_unknown",
            user_message="Give the language as a code such as “en” or “de”, or leave it empty.",
        )
    with data.rights_of_user(user) as scope:
        zone = Zone.objects.filter(slug=zone_slug, pk__in=scope.zone_ids).first()
        if zone is None:
            raise NotFound(f"zone {zone_slug} for user {user.pk}")
        conversation = None
        if conversation_id:
            conversation = Conversation.objects.filter(pk=conversation_id, owner_id=user.pk).first()
            if conversation is None:
                raise NotFound(f"conversation {conversation_id} for user {user.pk}")
        recording = Recording.objects.create(
            owner_id=user.pk,
            zone=zone,
            conversation=conversation,
            name=_clean_name(name),
            language=language,
        )
        _record("recording.created", user, recording, zone=zone.slug)
    return recording


def append_chunk(
    user: AbstractUser, recording_id: uuid.UUID, number: int, content: bytes, sha256: str
) -> None:
    """Keep piece `number` (from 0) of the file; a resend of the same piece changes nothing.

    `sha256` (hex) is of the piece. Raises NotFound, and InvalidRequest with one of the codes
    `chunk_damaged` (send it again), `chunk_conflict`, `chunk_size`, `recording_too_large`,
    `upload_finished`.
    """
    if not 0 < len(content) <= CHUNK_BYTES:
        raise InvalidRequest(
            f"chunk of {len(content)} bytes",
            code="chunk_size",
            user_message=f"A piece of a recording holds from 1 to {CHUNK_BYTES} bytes.",
        )
    if not 0 <= number <= settings.MAX_RECORDING_BYTES:
        raise InvalidRequest(f"chunk {number}", code="chunk_size")
    if hashlib.sha256(content).hexdigest() != sha256.lower():
        raise InvalidRequest(
            f"chunk {number} of {recording_id} is damaged",
            code="chunk_damaged",
            user_message="A piece of the recording was damaged on its way. It is sent again.",
            permanent=False,
        )
    with _own(user, recording_id, lock=True) as recording:
        if recording.state != State.UPLOADING:
            if any(
                kept.number == number and kept.sha256 == sha256.lower()
                for kept in data.recordings.list_chunks(recording.pk)
            ):
                return  # a resend that crossed the end of the upload
            raise InvalidRequest(
                f"{recording_id} is {recording.state}",
                code="upload_finished",
                user_message="This recording is complete; nothing can be added to it.",
            )
        if recording.size + len(content) > settings.MAX_RECORDING_BYTES:
            raise InvalidRequest(
                f"{recording_id} is too large",
                code="recording_too_large",
                user_message=(
                    f"A recording may hold {settings.MAX_RECORDING_BYTES >> 20} MB. "
                    "Split it, or save it with a stronger compression."
                ),
            )
        try:
            new = data.recordings.append_chunk(recording, number, content)
        except ValueError as error:
            raise InvalidRequest(
                str(error),
                code="chunk_conflict",
                user_message="Another piece with this number is there already. Upload it anew.",
            ) from None
        if new:
            recording.size += len(content)
            recording.save(update_fields=["size"])


def list_chunks(user: AbstractUser, recording_id: uuid.UUID) -> list[data.recordings.KeptChunk]:
    """What has arrived of the user's own upload, so that it is resumed. Raises NotFound."""
    with _own(user, recording_id):
        return data.recordings.list_chunks(recording_id)


def finish_upload(
    user: AbstractUser, recording_id: uuid.UUID, chunks: int, wake: Wake
) -> Recording:
    """All `chunks` pieces have been sent: let a worker take it up (`wake`, once committed).

    Finishing it twice changes nothing. Raises NotFound, and InvalidRequest with the code
    `upload_incomplete` where pieces are missing (its message says which) or `recording_empty`.
    """
    with _own(user, recording_id, lock=True) as recording:
        if recording.state != State.UPLOADING:
            return recording
        kept = {chunk.number for chunk in data.recordings.list_chunks(recording.pk)}
        missing = sorted(set(range(chunks)) - kept)
        if missing or len(kept) > chunks:
            named = ", ".join(map(str, missing[:10])) or "none, but there are more than were named"
            raise InvalidRequest(
                f"{recording_id} lacks {named}",
                code="upload_incomplete",
                user_message=f"The upload is not complete. Missing pieces: {named}.",
                permanent=False,
            )
        if not kept:
            raise InvalidRequest(
                f"{recording_id} is empty",
                code="recording_empty",
                user_message="This recording is empty. Check that the microphone or file works.",
            )
        recording.size = data.recordings.lay_out_chunks(recording.pk)
        recording.state = State.WAITING
        recording.due = timezone.now()
        recording.save(update_fields=["size", "state", "due"])
        transcription.wake_on_commit(wake)
    return recording


def upload(
    user: AbstractUser,
    zone_slug: str,
    file: UploadedFile,
    wake: Wake,
    *,
    language: str = "",
    conversation_id: uuid.UUID | None = None,
) -> Recording:
    """A whole file at once, for a plain form or a program. Raises as the three above do; what was
    kept of a file that is refused is deleted again.
    """
    recording = create_recording(
        user, zone_slug, file.name or "", language=language, conversation_id=conversation_id
    )
    try:
        number = 0
        while content := file.read(CHUNK_BYTES):
            digest = hashlib.sha256(content).hexdigest()
            append_chunk(user, recording.pk, number, content, digest)
            number += 1
        return finish_upload(user, recording.pk, number, wake)
    except InvalidRequest:
        delete_recording(user, recording.pk)
        raise


# -- seeing them ----------------------------------------------------------------------------------


def list_recordings(user: AbstractUser, *, limit: int = 200) -> list[Recording]:
    """Those that the user may read, their own and shared ones, the newest first."""
    with data.rights_of_user(user):
        return list(_readable().order_by("-created")[:limit])


def get_recording(user: AbstractUser, recording_id: uuid.UUID) -> Recording:
    """With its zone and owner. Raises NotFound."""
    with data.rights_of_user(user):
        return reach(recording_id)


def get_rules(recording: Recording) -> ZoneRules:
    """What binds its text: its zone, and what the text was found to hold."""
    detected = None if recording.detected is None else Sensitivity(recording.detected)
    return data.join_zones([recording.zone.rules, data.rules_of_detected(detected)])


def get_progress(user: AbstractUser, recording_id: uuid.UUID) -> Progress:
    """Raises NotFound."""
    with data.rights_of_user(user):
        return progress_of(_get(recording_id))


def progress_of(recording: Recording) -> Progress:
    """Runs with the rights of whoever asks. The estimate is from the parts that are done."""
    state = recording.state
    if state == State.READY:
        return Progress(state, 1.0, 0.0)
    if state != State.TRANSCRIBING:
        return Progress(state, 0.0, None, recording.error)
    parts = RecordingPart.objects.filter(recording=recording)
    total = parts.aggregate(Sum("speech"))["speech__sum"] or 0.0
    done = parts.filter(done=True).aggregate(Sum("speech"), Sum("seconds"))
    heard, took = done["speech__sum"] or 0.0, done["seconds__sum"] or 0.0
    if not total or not heard:
        return Progress(state, 0.0, None)
    started = recording.started or recording.created
    elapsed = max((timezone.now() - started).total_seconds(), 0.1)
    # By the clock where several parts run at once, by the work where it waited for a worker.
    rate = min(elapsed, took or elapsed) / heard
    return Progress(state, heard / total, (total - heard) * rate)


def read_audio(
    user: AbstractUser, recording_id: uuid.UUID, start: int = 0, end: int | None = None
) -> tuple[int, Iterator[bytes]]:
    """(size of the whole file, the bytes from `start` up to `end`), as it was received.

    Raises NotFound, also where its audio was deleted.
    """
    with data.rights_of_user(user):
        recording = _get(recording_id)
        if recording.audio_deleted or recording.state == State.UPLOADING:
            raise NotFound(f"audio of {recording_id}")
    file = data.recordings.RecordingFile(recording_id)
    return file.size, file.read_range(start, file.size if end is None else min(end, file.size))


# -- what their owner changes ---------------------------------------------------------------------


def rename_recording(user: AbstractUser, recording_id: uuid.UUID, name: str) -> None:
    with _own(user, recording_id, lock=True) as recording:
        recording.name = _clean_name(name)
        recording.save(update_fields=["name"])


def share_recording(user: AbstractUser, recording_id: uuid.UUID, shared: bool) -> None:
    """Let the readers of its zone read it too, or no longer."""
    with _own(user, recording_id, lock=True) as recording:
        if recording.shared != shared:
            recording.shared = shared
            recording.save(update_fields=["shared"])
            _record("recording.shared" if shared else "recording.unshared", user, recording)


def cancel_recording(user: AbstractUser, recording_id: uuid.UUID) -> None:
    """Stop transcribing it; what was heard by then stays. Nothing to do where it has ended."""
    with _own(user, recording_id, lock=True) as recording:
        if recording.state in {*OPEN, State.UPLOADING}:
            transcription.cancel(recording)
            _record("recording.cancelled", user, recording)


def retry_recording(user: AbstractUser, recording_id: uuid.UUID, wake: Wake) -> None:
    """Take up one that failed or was cancelled; what is done is not done again.

    Raises InvalidRequest where its audio is gone or its upload was never finished.
    """
    with _own(user, recording_id, lock=True) as recording:
        if recording.state not in {State.FAILED, State.CANCELLED}:
            return
        if recording.audio_deleted or not data.recordings.is_laid_out(recording.pk):
            raise InvalidRequest(
                f"{recording_id} has no audio",
                code="audio_missing",
                user_message="Its audio is not complete here. Record or upload it again.",
            )
        transcription.resume(recording)
        transcription.wake_on_commit(wake)
        _record("recording.retried", user, recording)


def delete_audio(user: AbstractUser, recording_id: uuid.UUID) -> None:
    """Delete what can be heard, for good; the text stays. Raises InvalidRequest while it is
    being transcribed.
    """
    with _own(user, recording_id, lock=True) as recording:
        if recording.state in OPEN or recording.state == State.UPLOADING:
            raise InvalidRequest(
                f"{recording_id} is {recording.state}",
                code="recording_open",
                user_message="It is still being transcribed. Wait for it, or cancel it first.",
            )
        if recording.audio_deleted is None:
            data.recordings.delete_sound(recording.pk)
            recording.audio_deleted = timezone.now()
            recording.save(update_fields=["audio_deleted"])
            _record("recording.audio_deleted", user, recording)


def delete_recording(user: AbstractUser, recording_id: uuid.UUID) -> None:
    """Sound and text, for good."""
    with _own(user, recording_id, lock=True) as recording:
        identity, sha256 = recording.pk, recording.sha256
        recording.delete()
        recording.pk = identity
        _record("recording.deleted", user, recording, sha256=sha256)


# -- inside ---------------------------------------------------------------------------------------


@contextmanager
def _own(user: AbstractUser, recording_id: uuid.UUID, *, lock: bool = False) -> Iterator[Recording]:
    """The user's own recording, in a transaction with their rights. Raises NotFound."""
    with data.rights_of_user(user):
        yield _get(recording_id, owner=user, lock=lock)


def reach(recording_id: uuid.UUID) -> Recording:
    """With its zone and owner, under the rights that are set. Raises NotFound."""
    return _get(recording_id)


def _get(
    recording_id: uuid.UUID, *, owner: AbstractUser | None = None, lock: bool = False
) -> Recording:
    recordings = _readable().filter(pk=recording_id)
    if owner:
        recordings = recordings.filter(owner_id=owner.pk)
    if lock:
        recordings = recordings.select_for_update(of=("self",), no_key=True)
    if (recording := recordings.first()) is None:
        raise NotFound(f"recording {recording_id}")
    return recording


def _readable() -> QuerySet[Recording]:
    return Recording.objects.select_related("zone", "owner")


def _clean_name(name: str) -> str:
    """One line without control characters, at most so long."""
    line = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in name)
    line = re.split(r"[/\\]", " ".join(line.split()))[-1].strip()
    return line[:NAME_CHARACTERS] or "Recording"


def _record(action: str, user: AbstractUser, recording: Recording, **more: str) -> None:
    control.record_event(
        action=action, actor=user.get_username(), subject=str(recording.pk), data=more
    )
