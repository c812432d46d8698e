"""What people do with their conversations: order them, judge answers, share, delete."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from assistants.models.base import new_id
from assistants.models.conversations import Answer, Conversation


class Folder(models.Model):
    """A person's own heading over some of their conversations."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders"
    )
    name = models.CharField(max_length=60)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = [Lower("name")]
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="folder_name")]


class Feedback(models.Model):
    """What the asker thinks of an answer: one row, changed or withdrawn as they like."""

    class Verdict(models.TextChoices):
        UP = "up", "Good"
        DOWN = "down", "Bad"

    class Reason(models.TextChoices):
        """The first three go with a good answer, the others with a bad one."""

        CORRECT = "correct", "Correct"
        CLEAR = "clear", "Clear and short"
        SOURCES = "sources", "Good sources"
        WRONG = "wrong", "Wrong"
        INCOMPLETE = "incomplete", "Incomplete"
        UNSUPPORTED = "unsupported", "Not what the sources say"
        MISUNDERSTOOD = "misunderstood", "Did not understand the question"
        FORM = "form", "Too long or hard to read"

    answer = models.OneToOneField(
        Answer, primary_key=True, on_delete=models.CASCADE, related_name="feedback"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=4, choices=Verdict.choices)
    reasons = ArrayField(models.CharField(max_length=20, choices=Reason.choices), default=list)
    comment = models.CharField(max_length=1000, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "feedback"
        indexes = [models.Index(fields=["-updated"], name="feedback_newest")]


class Share(models.Model):
    """A colleague may open a conversation, to read, as long as they may read all that it is made
    of: `assistants_act_for_colleague` in the database looks at each opening.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="shares")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    colleague = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)
    opened = models.DateTimeField(null=True, blank=True, help_text="when it was last opened")
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "colleague"],
                condition=Q(revoked=None),
                name="one_open_share",
            )
        ]


class KeptReceipt(models.Model):
    """The receipt of an answer whose conversation was deleted: ids and hashes, no text."""

    answer = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    receipt = models.JSONField()
    receipt_sha256 = models.CharField(max_length=64)
    deleted = models.DateTimeField(auto_now_add=True)
