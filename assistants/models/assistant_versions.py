"""What an assistant was, is and may become; and the trials of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from assistants.models.base import new_id
from assistants.models.conversations import Conversation
from assistants.models.registry import Assistant


class AssistantVersion(models.Model):
    """All of an assistant that an admin decides. One that has left its draft is never changed.

    `state` is an `AssistantState` (services/assistant_states.py); `questions` are
    `{"text", "expect"}`, where `expect` is words that a good answer holds, or "".
    """

    class Stage(models.TextChoices):
        DRAFT = "draft", "draft"
        ACTIVE = "active", "active"
        RETIRED = "retired", "retired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    assistant = models.ForeignKey(Assistant, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.JSONField()
    questions = models.JSONField(default=list, blank=True)
    stage = models.CharField(max_length=7, choices=Stage.choices, default=Stage.DRAFT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created = models.DateTimeField(auto_now_add=True)
    edits = models.PositiveIntegerField(default=0, help_text="how often the draft was saved")
    reason = models.TextField(blank=True, help_text="of its latest change of stage")
    staged = models.DateTimeField(null=True, blank=True, help_text="when its stage last changed")
    staged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    before = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the version that was active when this one first became it",
    )

    class Meta:
        ordering = ["assistant", "-number"]
        permissions = [("publish_assistantversion", "Can publish and roll back")]
        constraints = [
            models.UniqueConstraint(fields=["assistant", "number"], name="assistant_number"),
            models.UniqueConstraint(
                fields=["assistant"], condition=Q(stage="active"), name="one_published_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.assistant.slug} v{self.number}"


class AssistantTrial(models.Model):
    """A test question put to a draft, or to the active version beside it (`ran`).

    The question and its answer are in the conversation, which is its asker's alone.
    """

    conversation = models.OneToOneField(
        Conversation, primary_key=True, on_delete=models.CASCADE, related_name="trial"
    )
    run = models.UUIDField(help_text="the same of both sides of one trial")
    version = models.ForeignKey(AssistantVersion, on_delete=models.CASCADE, related_name="trials")
    ran = models.ForeignKey(AssistantVersion, on_delete=models.CASCADE, related_name="+")
    edits = models.PositiveIntegerField(help_text="the draft's, when it was tried")
    question_sha256 = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"trial of {self.ran}"


class Dismissal(models.Model):
    """A notice that a person has closed: `first_visit`, `first_steps`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="dismissals"
    )
    notice = models.SlugField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "notice"], name="dismissed_once")]

    def __str__(self) -> str:
        return f"{self.notice} by {self.user_id}"
