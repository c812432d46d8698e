from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from assistants.models.base import new_id


class EgressRecord(models.Model):
    """One verdict of the egress gate, allowed or not. Append-only; it holds no content.

    `findings` are check, type and severity in hundredths; `placeholders` counts by type. `sha256`
    covers the canonical JSON of every other field and stands again in the audit trail.
    """

    class Outcome(models.TextChoices):
        ALLOWED = "allow", "allowed"
        REFUSED = "block", "refused"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    purpose = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    deployment = models.CharField(max_length=100)
    place = models.CharField(max_length=100)
    region = models.CharField(max_length=60, blank=True)
    zones = ArrayField(models.CharField(max_length=100), default=list)
    treatment = models.CharField(max_length=20)
    sealed = models.BooleanField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    rule = models.CharField(max_length=500)
    payload_sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes of the payload")
    placeholders = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    expires = models.DateTimeField(null=True, help_text="of the ticket; none for what was refused")
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # what left for one answer; the console's filters, newest first
            models.Index(fields=["subject"], name="egress_subject"),
            models.Index(fields=["outcome", "-id"], name="egress_outcome"),
            models.Index(fields=["deployment", "-id"], name="egress_deployment"),
            models.Index(fields=["purpose", "-id"], name="egress_purpose"),
            models.Index(fields=["actor", "-id"], name="egress_actor"),
            models.Index(fields=["payload_sha256"], name="egress_payload"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} for {self.deployment}, {self.at:%Y-%m-%d %H:%M:%S}"
