from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from assistants.models.api_keys import ApiKey
from assistants.models.base import new_id
from assistants.models.documents import Chunk, DocumentVersion
from assistants.models.registry import Assistant, Deployment, PromptVersion
from assistants.types import Sensitivity


class Conversation(models.Model):
    """`zones` are the slugs of all zones that went into it; `detected` is the most that any of its
    messages was found to be by what it holds. Both only grow (the ratchet).

    One of the API holds one message, and is not listed on the page; nor is a trial, which is asked
    of a version of an assistant and not of what holds. One that `expires` is temporary: neither
    listed nor found, and deleted then.

    Beside these fields the tables of conversations, messages and answers have a column `search`,
    and answers their `asker_id`, which the database fills (migration 0025, `data/history.py`).
    """

    class Origin(models.TextChoices):
        PAGE = "page"
        API = "api", "API"
        TRIAL = "trial"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    assistant = models.ForeignKey(Assistant, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=120)
    zones = ArrayField(models.SlugField())
    detected = models.PositiveSmallIntegerField(
        null=True, blank=True, choices=[(level.value, level.name.lower()) for level in Sensitivity]
    )
    origin = models.CharField(max_length=5, choices=Origin.choices, default=Origin.PAGE)
    api_key = models.ForeignKey(
        ApiKey, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    pinned = models.DateTimeField(null=True, blank=True)
    archived = models.DateTimeField(null=True, blank=True)
    folder = models.ForeignKey(
        "Folder", null=True, blank=True, on_delete=models.SET_NULL, related_name="conversations"
    )
    expires = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        # the sidebar: one owner's conversations, newest first
        indexes = [
            models.Index(fields=["owner", "origin", "-updated"], name="conversation_sidebar"),
            models.Index(
                fields=["expires"], name="conversation_expires", condition=~Q(expires=None)
            ),
            models.Index(fields=["owner"], name="conversation_pinned", condition=~Q(pinned=None)),
        ]


class Message(models.Model):
    """What a person wrote. `parent` is the answer it follows; siblings share one (branches).

    `given` is what a client of the API says went before, or what is attached on the page, and
    `sampling` what a client asks of the model (services/given.py).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    parent = models.ForeignKey(
        "Answer", null=True, blank=True, on_delete=models.CASCADE, related_name="replies"
    )
    client_id = models.CharField(max_length=64)
    text = models.TextField()
    as_of = models.DateField(
        null=True, blank=True, help_text="answer from the documents as they were on this day"
    )
    zones = ArrayField(models.SlugField())
    documents = ArrayField(
        models.UUIDField(),
        default=list,
        blank=True,
        help_text="the documents that its author named: it is answered from these only",
    )
    given = models.JSONField(default=list, blank=True)
    sampling = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            # a resend after a reconnect meets its first arrival
            models.UniqueConstraint(fields=["author", "client_id"], name="message_client_id")
        ]


class Answer(models.Model):
    """One answer to one message; a retry is a sibling with a higher `number`.

    Pending until it ends, whether or not a runner is at it: that is told by its lease.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"
        STOPPED = "stopped"
        INTERRUPTED = "interrupted"
        FAILED = "failed"
        BLOCKED = "blocked"
        HELD = "held"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="answers")
    number = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PENDING)
    text = models.TextField(blank=True)
    draft = models.TextField(
        blank=True, help_text="what was written here, where a model outside polished it"
    )
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        help_text="of its text: by it, it is known when a client quotes it",
    )
    finish_reason = models.CharField(max_length=30, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    zones = ArrayField(models.SlugField(), default=list)
    made_from = ArrayField(
        models.SlugField(),
        null=True,
        blank=True,
        help_text="slugs of the zones that its passages and earlier answers are from; "
        "who may not read one of them may not read it (unknown: all of its zones)",
    )
    deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    prompt = models.ForeignKey(
        PromptVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0, help_text="euro")
    elsewhere = models.JSONField(
        default=dict,
        blank=True,
        help_text="what it would have cost on each other priced deployment: euro by slug",
    )
    receipt = models.JSONField(null=True, blank=True)
    receipt_sha256 = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["message", "number"]
        constraints = [
            models.UniqueConstraint(fields=["message", "number"], name="answer_number"),
        ]
        indexes = [
            # the sweeper: answers nobody has finished
            models.Index(
                fields=["created"],
                name="answer_open",
                condition=Q(status="pending"),
            ),
            models.Index(fields=["fingerprint"], name="answer_fingerprint"),
        ]


class Citation(models.Model):
    """A passage an answer cites. Opened under the rights the reader has then."""

    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveSmallIntegerField()
    chunk = models.ForeignKey(
        Chunk, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    version = models.ForeignKey(
        DocumentVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    document = models.UUIDField(null=True, blank=True)
    title = models.CharField(max_length=300)
    section = models.CharField(max_length=500, blank=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    class Meta:
        ordering = ["answer", "number"]
        constraints = [models.UniqueConstraint(fields=["answer", "number"], name="citation_number")]


class Generation(models.Model):
    """One attempt on one deployment: what it used, how long it took, how it ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="generations")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    model = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=100, blank=True)
    outcome = models.CharField(max_length=40)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    first_token_ms = models.FloatField(null=True, blank=True)
    duration_ms = models.FloatField()
    created = models.DateTimeField(auto_now_add=True)
