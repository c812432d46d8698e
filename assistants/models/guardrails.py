"""What guardrails found in a turn, and what went wrong in it: by kind and place, without text."""

from __future__ import annotations

from django.db import models

from assistants.models.base import new_id
from assistants.models.conversations import Answer


class GuardrailFinding(models.Model):
    """One finding of a turn. `start` and `end` are offsets into the text that was checked, both 0
    for all of it; `passage` is the citation number of a passage. `outcome` is what policy said.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="findings")
    guardrail = models.CharField(max_length=60)
    version = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=40)
    severity = models.FloatField()
    reason = models.CharField(max_length=300)
    stage = models.CharField(max_length=12)
    outcome = models.CharField(max_length=12)
    passage = models.PositiveSmallIntegerField(null=True, blank=True)
    start = models.PositiveIntegerField(default=0)
    end = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["kind", "-created"], name="finding_kind")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.guardrail}"


class Incident(models.Model):
    """Text that was shown and had to be taken back. `shown` counts its characters; the text itself
    is kept nowhere, only its hash.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="incidents")
    kinds = models.JSONField(default=list)
    outcome = models.CharField(max_length=12)
    rule = models.CharField(max_length=500)
    shown = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"withdrawn from {self.answer_id}"
