from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class AuditEvent(models.Model):
    """Append-only and hash-chained: a trigger refuses changes, the chain shows tampering.

    `sha256` covers the canonical JSON of every other field, the previous event's hash included.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    previous_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]
        # the trail of one subject, in order
        indexes = [
            models.Index(fields=["subject", "number"], name="audit_subject"),
            # the console's filters, newest first
            models.Index(fields=["actor", "-number"], name="audit_actor"),
            models.Index(fields=["action", "-number"], name="audit_action"),
            BrinIndex(fields=["at"], name="audit_at"),
        ]
