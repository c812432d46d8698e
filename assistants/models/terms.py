from __future__ import annotations

from django.db import models

from assistants.models.base import new_id
from assistants.models.zones import Zone


class Term(models.Model):
    """A name to protect (a client, a project), from a zone's own list."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="terms")
    text = models.CharField(max_length=200)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["text"]
        constraints = [
            models.UniqueConstraint(fields=["zone", "text"], name="a_term_once_in_a_zone")
        ]

    def __str__(self) -> str:
        return self.text
