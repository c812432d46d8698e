from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from pgvector.django import HalfVectorField, HnswIndex

from assistants.models.base import new_id
from assistants.models.zones import Zone

EMBEDDING_DIMENSIONS = 384


class Document(models.Model):
    """A document by its origin; its content lives in versions."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="documents")
    title = models.CharField(max_length=300)
    origin = models.CharField(max_length=500, help_text="file name or path it came from")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # The same file in one zone is one document; in two zones it is two.
            models.UniqueConstraint(fields=["zone", "origin"], name="document_origin"),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersion(models.Model):
    """What a document said at one time: normalised text, its hash, and how it was made."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        INDEXED = "indexed"
        REJECTED = "rejected"

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
    pipeline = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVED)
    error = models.TextField(blank=True)
    current = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["document", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="version_number"),
            models.UniqueConstraint(
                fields=["document"], condition=Q(current=True), name="one_current_version"
            ),
        ]


class Chunk(models.Model):
    """A retrievable piece of the current version. `start`, `end`: characters of its text.

    `zone` repeats the document's, because the permission filter is part of the search itself.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="chunks")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    section = models.CharField(max_length=500, blank=True)
    text = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSIONS)
    search = SearchVectorField(help_text="title, section and text, weighted; set at indexing")

    class Meta:
        ordering = ["version", "position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="chunk_position")
        ]
        indexes = [
            # data.search: nearest neighbours by cosine
            HnswIndex(
                name="chunk_embedding",
                fields=["embedding"],
                m=16,
                ef_construction=64,
                opclasses=["halfvec_cosine_ops"],
            ),
            # data.search: keyword side and document frequencies
            GinIndex(fields=["search"], name="chunk_search"),
        ]


class Lexeme(models.Model):
    """In how many chunks of a zone a word stands. Kept by triggers on the chunks (0003).

    The empty word stands in every chunk: its row counts them.
    """

    pk = models.CompositePrimaryKey("zone_id", "lexeme")
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+", db_index=False)
    lexeme = models.TextField()
    chunks = models.BigIntegerField()
