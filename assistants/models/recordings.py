from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from assistants.models.base import new_id
from assistants.models.conversations import Conversation
from assistants.models.zones import SENSITIVITIES, Zone


class Recording(models.Model):
    """Something that was said: its owner's, and of a zone, which its transcript takes over.

    Seen by its owner while they may read the zone; where it is `shared`, by the zone's readers.
    `detected` is the most that the transcript was found to be by what it holds; it only grows, and
    binds the text beside the zone (data.rules_of_detected). `duration` is in seconds.
    """

    class State(models.TextChoices):
        UPLOADING = "uploading"
        WAITING = "waiting", "waits for a worker"
        PREPARING = "preparing", "is being read"
        TRANSCRIBING = "transcribing", "is being transcribed"
        READY = "ready"
        REJECTED = "rejected"  # the file's fault: another file helps
        FAILED = "failed"  # ours, after all retries
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recordings"
    )
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="recordings")
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="recordings"
    )
    shared = models.BooleanField(default=False, help_text="the zone's readers may read it too")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.UPLOADING)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes, as received")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the file as received")
    duration = models.FloatField(null=True, blank=True, help_text="seconds")
    channels = models.PositiveSmallIntegerField(default=0)
    language = models.CharField(
        max_length=8, blank=True, help_text="as its owner said; empty: it is detected"
    )
    detected = models.PositiveSmallIntegerField(null=True, blank=True, choices=SENSITIVITIES)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(
        default=timezone.now,
        help_text="no worker takes it up before: one has it, or it waits to be tried again",
    )
    error = models.TextField(blank=True, help_text="why it ended so, and what to do")
    audio_deleted = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-created"], name="recording_list"),
            # what waits for a worker
            models.Index(
                fields=["due"],
                name="recording_open",
                condition=Q(state__in=["waiting", "preparing", "transcribing"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecordingChunk(models.Model):
    """A piece of the file as received, sealed (data/recordings/sealing.py); the number is from 0.

    `start` is its first byte's place in the file, known once the upload is finished.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recording = models.ForeignKey(
        Recording, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    number = models.PositiveIntegerField()
    start = models.PositiveBigIntegerField(null=True, blank=True)
    size = models.PositiveIntegerField(help_text="bytes")
    sha256 = models.CharField(max_length=64)
    sealed = models.BinaryField()
    key_id = models.CharField(max_length=16)

    class Meta:
        constraints = [
            # a resend after a lost network meets its first arrival
            models.UniqueConstraint(fields=["recording", "number"], name="recording_chunk")
        ]


class RecordingPart(models.Model):
    """Some minutes of speech, cut at silences: what one worker transcribes at a time.

    `windows` are where somebody speaks, in seconds of the recording. `sealed` is the speech alone,
    as 16 kHz FLAC, until it is transcribed. Done or not, each part stands once.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recording = models.ForeignKey(
        Recording, on_delete=models.CASCADE, related_name="parts", db_index=False
    )
    number = models.PositiveIntegerField()
    channel = models.PositiveSmallIntegerField(default=0, help_text="0: all of them, mixed")
    start = models.FloatField(help_text="seconds")
    end = models.FloatField(help_text="seconds")
    speech = models.FloatField(help_text="seconds in which somebody speaks")
    windows = models.JSONField(default=list, help_text="[start, end] in seconds")
    sealed = models.BinaryField(default=bytes, blank=True)
    key_id = models.CharField(max_length=16, blank=True)
    done = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(default=timezone.now)
    seconds = models.FloatField(default=0, help_text="that its transcription took")

    class Meta:
        ordering = ["recording", "number"]
        constraints = [
            models.UniqueConstraint(fields=["recording", "number"], name="recording_part")
        ]
        indexes = [models.Index(fields=["due"], name="part_open", condition=Q(done=False))]


class Transcript(models.Model):
    """The text of a recording, and what made it. `completed` is empty while parts are missing.

    `speakers` names those who were told apart: `{"1": "Dr Meier"}`. `languages` are those that
    were heard, the one spoken longest first.
    """

    recording = models.OneToOneField(
        Recording, primary_key=True, on_delete=models.CASCADE, related_name="transcript"
    )
    languages = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    speakers = models.JSONField(default=dict, blank=True)
    engine = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=100, blank=True)
    version = models.CharField(max_length=100, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    completed = models.DateTimeField(null=True, blank=True)


class Segment(models.Model):
    """A stretch of speech. `start`, `end`: seconds of the recording.

    `words` are `{"text", "start", "end", "probability"}` with the spaces before them, as they were
    heard; after an edit they stay so, and `text` is what the person wrote. `speaker` is a key of
    the transcript's `speakers`, empty where nobody knows.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transcript = models.ForeignKey(
        Transcript, on_delete=models.CASCADE, related_name="segments", db_index=False
    )
    part = models.PositiveIntegerField()
    position = models.PositiveIntegerField(help_text="within its part")
    start = models.FloatField()
    end = models.FloatField()
    speaker = models.CharField(max_length=8, blank=True)
    text = models.TextField()
    words = models.JSONField(default=list, blank=True)
    probability = models.FloatField(help_text="0 to 1, of its words on average")
    no_speech = models.FloatField(help_text="0 to 1, that nobody speaks")
    language = models.CharField(max_length=8, blank=True)
    voice = ArrayField(
        models.FloatField(),
        null=True,
        blank=True,
        help_text="what the voice sounds like, to tell speakers apart",
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["transcript", "start", "part", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["transcript", "part", "position"], name="segment_position"
            )
        ]


class SegmentEdit(models.Model):
    """What a segment said before somebody changed it. Appended, never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="edits", db_index=False
    )
    version = models.PositiveIntegerField(help_text="the version that this was")
    text = models.TextField()
    speaker = models.CharField(max_length=8, blank=True)
    editor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["segment", "version"]
        constraints = [
            models.UniqueConstraint(fields=["segment", "version"], name="segment_version")
        ]
