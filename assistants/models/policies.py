"""What is allowed, as versioned data; and what a version in shadow would have decided."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from assistants.models.base import new_id
from assistants.models.registry import Assistant


class Policy(models.Model):
    """The organisation's policy, a department's or an assistant's; each has versions."""

    class Level(models.TextChoices):
        ORGANISATION = "organisation", "organisation"
        DEPARTMENT = "department", "department"
        ASSISTANT = "assistant", "assistant"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    level = models.CharField(max_length=12, choices=Level.choices)
    department = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, related_name="policies"
    )
    assistant = models.ForeignKey(
        Assistant, null=True, blank=True, on_delete=models.PROTECT, related_name="policies"
    )

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(level="organisation", department=None, assistant=None)
                | Q(level="department", department__isnull=False, assistant=None)
                | Q(level="assistant", department=None, assistant__isnull=False),
                name="policy_of_one",
            ),
            models.UniqueConstraint(
                fields=["level", "department", "assistant"],
                name="one_policy_each",
                nulls_distinct=False,
                violation_error_message="There is a policy for this already. Change that one.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As decisions name it."""
        if self.department:
            return self.department.name
        return self.assistant.name if self.assistant else "Organisation"

    @property
    def target(self) -> str:
        """The department's group or the assistant's slug; empty for the organisation."""
        if self.department:
            return self.department.name
        return self.assistant.slug if self.assistant else ""


class PolicyVersion(models.Model):
    """One version of a policy. Once it has left its draft the database keeps it as it is."""

    class Stage(models.TextChoices):
        DRAFT = "draft", "draft"
        SHADOW = "shadow", "in shadow"
        ACTIVE = "active", "active"
        RETIRED = "retired", "retired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    rules = models.JSONField(default=dict, help_text="as docs/policies.md has it")
    cases = models.JSONField(default=list, help_text="examples that must hold")
    stage = models.CharField(max_length=7, choices=Stage.choices, default=Stage.DRAFT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)
    edits = models.PositiveIntegerField(default=0, help_text="how often the draft was saved")
    reason = models.TextField(blank=True, help_text="of its latest change of stage")
    staged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    staged = models.DateTimeField(null=True, blank=True, help_text="when its stage last changed")
    before = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the version that was active when this one first became it",
    )
    compared = models.PositiveBigIntegerField(default=0, help_text="decisions made in shadow")
    differing = models.PositiveBigIntegerField(
        default=0, help_text="of them, other than the active"
    )

    class Meta:
        ordering = ["policy", "-number"]
        permissions = [("activate_policyversion", "Can activate, shadow, retire and roll back")]
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_number"),
            models.UniqueConstraint(
                fields=["policy"], condition=Q(stage="active"), name="one_active_version"
            ),
            models.UniqueConstraint(
                fields=["policy"], condition=Q(stage="shadow"), name="one_shadow_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy.name} v{self.number}"


class ShadowDifference(models.Model):
    """A decision that a version in shadow would have made otherwise: by ids, without any text."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="differences")
    at = models.DateTimeField()
    subject = models.UUIDField(null=True, help_text="the answer or message that it was about")
    assistant = models.CharField(max_length=50)
    stage = models.CharField(max_length=10)
    outcome = models.CharField(max_length=10, help_text="of the active versions")
    rule = models.CharField(max_length=80, blank=True)
    shadow_outcome = models.CharField(max_length=10)
    shadow_rule = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "-id"], name="difference_version")]
