"""What is kept for the composer: prompts to begin with, and files that wait to be sent."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from assistants.models.base import new_id

NAME_CHARACTERS = 60


class SavedPrompt(models.Model):
    """A text that is offered under `/`: one person's own, or a department's.

    What it says is in its versions; `number` is the one that holds. A department's that is a
    starter also stands on the empty page.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="saved_prompts",
    )
    department = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="saved_prompts"
    )
    name = models.CharField(max_length=NAME_CHARACTERS, help_text="what is typed after /")
    description = models.CharField(
        max_length=160, blank=True, help_text="what it is for, in a few words"
    )
    starter = models.BooleanField(
        default=False, help_text="also offer it on the empty page of the department's assistants"
    )
    position = models.PositiveSmallIntegerField(default=0)
    number = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(owner=None) ^ Q(department=None), name="saved_prompt_is_of_one"
            ),
            models.UniqueConstraint(fields=["owner", "name"], name="saved_prompt_of_person"),
            models.UniqueConstraint(
                fields=["department", "name"], name="saved_prompt_of_department"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SavedPromptVersion(models.Model):
    """One wording of a prompt. Never edited: a change is a new number."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey(SavedPrompt, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    editor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["prompt", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["prompt", "number"], name="saved_prompt_number")
        ]


class Attachment(models.Model):
    """The text of a file that its owner is about to send with a question.

    It is theirs alone. Sent, it becomes part of the message and is no more; unsent, it is deleted
    after a day. The file itself is not kept.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    text = models.TextField()
    sha256 = models.CharField(max_length=64, help_text="of the file as received")
    recognised = models.FloatField(
        null=True, blank=True, help_text="how sure text recognised in pictures is, 0 to 1"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["created"], name="attachment_created")]
