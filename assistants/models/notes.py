from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from assistants.models.base import new_id
from assistants.models.recordings import Recording
from assistants.models.registry import Assistant


class NoteTemplate(models.Model):
    """The sections of one kind of note, for the members of the assistant's department.

    `sections` is a list of `{"key", "title", "examples", "cues", "said_by"}`
    (data/notes/templates.py).
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    assistant = models.ForeignKey(
        Assistant, on_delete=models.CASCADE, related_name="note_templates"
    )
    sections = models.JSONField(
        help_text="a list of sections, each with a key, a title, and examples of sentences that "
        "belong there; cues are words that tell it, said_by is lead (who asks) or other"
    )
    clinical = models.BooleanField(
        default=False, help_text="also check medicines, doses and allergies against the recording"
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["assistant__position", "slug"]

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    """What a recording comes to, drafted here and answered for by its author.

    It counts once its author has approved it; until then nobody else sees it. `number` is the
    current version's. `template` is what it was drafted by, as it was then. `drafter` is a
    deployment's slug, with what it says of itself.
    """

    class State(models.TextChoices):
        DRAFTING = "drafting", "is being drafted"
        WAITING = "waiting", "waits for its author’s approval"
        APPROVED = "approved"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes"
    )
    name = models.CharField(max_length=100)
    template = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFTING)
    number = models.PositiveIntegerField(default=0)
    drafter = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=100, blank=True)
    notice = models.TextField(blank=True, help_text="what its author should know of the draft")
    due = models.DateTimeField(default=timezone.now, help_text="no worker takes it up before")
    created = models.DateTimeField(auto_now_add=True)
    approved = models.DateTimeField(null=True, blank=True)
    receipt = models.JSONField(null=True, blank=True)
    receipt_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class NoteVersion(models.Model):
    """One state of a note; `number` 1 is the draft. Kept as it is: a change is a new version.

    `statements` as `data.notes.Statement` writes them; `omissions` are marks of what was said and
    is not noted. `sha256` covers both. `editor` is empty for what was drafted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    statements = models.JSONField()
    omissions = models.JSONField(default=list)
    sha256 = models.CharField(max_length=64)
    editor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["note", "number"]
        constraints = [
            models.UniqueConstraint(fields=["note", "number"], name="note_version_number")
        ]
