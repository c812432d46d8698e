"""What is named in documents, and how it hangs together: plain tables, filled at ingestion."""

from __future__ import annotations

from django.db import models

from assistants.models.base import new_id
from assistants.models.documents import Chunk
from assistants.models.zones import Zone


class Entity(models.Model):
    """Something named in the documents of a zone: a regulation, a section, a function, ….

    `key` is the name as it is compared (normalised); `name` as it was first written. The same
    name in two zones is two entities: what one zone knows must not show in another.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=300)

    class Meta:
        verbose_name_plural = "entities"
        constraints = [
            models.UniqueConstraint(fields=["zone", "kind", "key"], name="entity_key"),
        ]

    def __str__(self) -> str:
        return self.name


class Mention(models.Model):
    """A place in a chunk that names an entity, or is what the entity stands for (`defines`).

    A passage that mentions "section 4.2" is linked to the one that defines it. `start`, `end`:
    characters of the version's text.
    """

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="mentions")
    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="mentions")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    defines = models.BooleanField(default=False)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chunk", "entity", "defines", "start"], name="mention_place"
            ),
        ]


class Relation(models.Model):
    """One entity's relation to another, and the chunk that says so: `calls`, `refers_to`, …."""

    subject = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="relations")
    predicate = models.CharField(max_length=20)
    object = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="related_from")
    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="relations")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "predicate", "object", "chunk"], name="relation_said"
            ),
        ]
