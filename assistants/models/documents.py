from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from pgvector.django import HalfVectorField

from assistants.models.base import new_id
from assistants.models.zones import SENSITIVITIES, Zone

EMBEDDING_DIMENSIONS = 384


class Source(models.Model):
    """Where documents come from by themselves: a watched folder, a git repository, a bucket.

    `location` is a path, a repository's address or a bucket's; `options` what the kind needs
    beside it (branch, prefix, endpoint). Keys are never stored: `key_variable` names where one
    is. `cursor` is how far the last sync came (a commit, for git).
    """

    class Kind(models.TextChoices):
        FOLDER = "folder", "watched folder"
        GIT = "git", "git repository"
        S3 = "s3", "S3-compatible bucket"

    class State(models.TextChoices):
        NEW = "new", "never synced"
        SYNCING = "syncing"
        SYNCED = "synced"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="sources")
    location = models.CharField(max_length=500)
    options = models.JSONField(default=dict, blank=True)
    key_variable = models.CharField(max_length=100, blank=True)
    interval_minutes = models.PositiveIntegerField(default=15)
    enabled = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    cursor = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    summary = models.JSONField(default=dict, blank=True, help_text="counts of the last sync")
    started = models.DateTimeField(null=True, blank=True)
    synced = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """A document by its origin; its content lives in versions.

    `removed` says since when it is gone from its source or taken away by a person: it is not
    found any more, and what cites it still opens until its retention ends.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="documents")
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.SET_NULL, related_name="documents"
    )
    title = models.CharField(max_length=300)
    origin = models.CharField(max_length=500, help_text="file name or path it came from")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)
    removed = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # The same file in one zone is one document; in two zones it is two.
            models.UniqueConstraint(fields=["zone", "origin"], name="document_origin"),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersion(models.Model):
    """What a document said at one time: normalised text, its hash, and how it was made.

    The statuses up to `indexed` are the stages of ingestion, in order. `valid_from` to
    `valid_until` is when answers came from this version (until now, where it is the current one).
    """

    class Status(models.TextChoices):
        RECEIVED = "received"
        VALIDATED = "validated"
        PARSED = "parsed"
        CLASSIFIED = "classified"
        CHUNKED = "chunked"
        EMBEDDED = "embedded"
        INDEXED = "indexed"
        HELD = "held"  # more sensitive than its zone: a person decides
        REJECTED = "rejected"  # the file's fault: another file helps
        FAILED = "failed"  # ours, after all retries: the dead letters

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    content = models.BinaryField(
        default=bytes, blank=True, help_text="the file as received, until it is indexed or rejected"
    )
    text = models.TextField(blank=True)
    pages = ArrayField(
        models.PositiveIntegerField(),
        default=list,
        blank=True,
        help_text="where in the text each page starts",
    )
    recognised = models.FloatField(
        null=True, blank=True, help_text="how sure text recognised in pictures is, 0 to 1"
    )
    pipeline = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(
        default=timezone.now,
        help_text="no worker takes it up before: one has it, or it waits to be tried again",
    )
    error = models.TextField(blank=True)
    detected = models.JSONField(
        default=dict, blank=True, help_text="how many sensitive spans of each type"
    )
    detected_sensitivity = models.PositiveSmallIntegerField(
        choices=SENSITIVITIES, null=True, blank=True
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="who decided that it may stay in its zone",
    )
    current = models.BooleanField(default=False)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["document", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="version_number"),
            models.UniqueConstraint(
                fields=["document"], condition=Q(current=True), name="one_current_version"
            ),
        ]
        indexes = [
            # what waits for a worker or a person
            models.Index(
                fields=["created"],
                name="version_open",
                condition=~Q(status__in=["indexed", "rejected"]),
            ),
            # the same file in another zone
            models.Index(fields=["sha256"], name="version_content"),
        ]


class Chunk(models.Model):
    """A retrievable piece of a version. `start`, `end`: characters of its text.

    `zone` repeats the document's, and `current` the version's, because they are part of the
    search itself. Chunks of older versions stay, for questions "as of" a date.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.ForeignKey(
        DocumentVersion,
        on_delete=models.CASCADE,
        related_name="chunks",
        db_index=False,  # by chunk_position
    )
    zone = models.ForeignKey(
        Zone,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # by chunk_words
    )
    current = models.BooleanField(default=True)
    position = models.PositiveIntegerField()
    section = models.CharField(max_length=500, blank=True)
    text = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    search = SearchVectorField(help_text="title, section and text, weighted; set at indexing")

    class Meta:
        ordering = ["version", "position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="chunk_position")
        ]
        indexes = [
            # data.search: keyword side. A word that is common elsewhere costs a small zone nothing.
            GinIndex(fields=["zone", "search"], name="chunk_words", condition=Q(current=True)),
        ]


class EmbeddingModel(models.Model):
    """A model that texts are embedded with. One is active; a new one is filled beside it."""

    class State(models.TextChoices):
        BUILDING = "building"
        ACTIVE = "active"
        RETIRED = "retired"

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=100, blank=True)
    dimensions = models.PositiveSmallIntegerField()
    base_url = models.URLField(blank=True, help_text="an embeddings endpoint; empty: in-process")
    key_variable = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    created = models.DateTimeField(auto_now_add=True)
    activated = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="active"), name="one_active_embedding_model"
            ),
            models.UniqueConstraint(fields=["name", "version"], name="embedding_model_version"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


class Embedding(models.Model):
    """A chunk's vector by one model; narrow rows, since a search reads many of them.

    `zone` and `current` follow the chunk's by a trigger. Each model has its own two indexes over
    the current rows (data.embedding_models). Others, as foreign keys usually have, would cost every
    new chunk more than they save.
    """

    chunk = models.ForeignKey(
        Chunk, on_delete=models.CASCADE, related_name="embeddings", db_index=False
    )
    model = models.ForeignKey(
        EmbeddingModel, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+", db_index=False)
    current = models.BooleanField(default=True)
    vector = HalfVectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chunk", "model"], name="embedding_of_chunk")
        ]


class Lexeme(models.Model):
    """In how many current chunks of a zone a word stands. Kept by triggers on the chunks.

    The empty word stands in every chunk: its row counts them.
    """

    pk = models.CompositePrimaryKey("zone_id", "lexeme")
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+", db_index=False)
    lexeme = models.TextField()
    chunks = models.BigIntegerField()
