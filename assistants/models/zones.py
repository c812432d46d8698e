from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from assistants.models.base import new_id
from assistants.types import ON_PREM, Sensitivity, Treatment, ZoneRules

SENSITIVITIES = [(level.value, level.name.title()) for level in Sensitivity]

place = RegexValidator(
    r"^(on_prem|cloud)(:[a-z0-9-]+)?$",
    "A place is on_prem, cloud, or one of them with a region, such as cloud:eu.",
)


def on_the_premises() -> list[str]:
    return [ON_PREM]


class Zone(models.Model):
    """A class of data: how sensitive it is, where it may be processed, and who may read it."""

    class OnDetection(models.TextChoices):
        """What happens to a document that proves more sensitive than its zone."""

        HOLD = "hold", "hold it until a person decides"
        RAISE = "raise", "move it to the zone named below by itself"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    sensitivity = models.PositiveSmallIntegerField(
        choices=SENSITIVITIES, default=Sensitivity.RESTRICTED.value
    )
    residency = ArrayField(
        models.CharField(max_length=60, validators=[place]), default=on_the_premises, blank=True
    )
    treatment = models.CharField(
        max_length=10,
        choices=[(treatment.value, treatment.value) for treatment in Treatment],
        default=Treatment.DENY.value,
    )
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    readers = models.ManyToManyField(Group, related_name="zones", blank=True)
    on_detection = models.CharField(
        max_length=5, choices=OnDetection.choices, default=OnDetection.HOLD
    )
    raise_to = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="where documents go that prove more sensitive than this zone",
    )

    class Meta:
        ordering = ["sensitivity", "slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def rules(self) -> ZoneRules:
        return ZoneRules(
            sensitivity=Sensitivity(self.sensitivity),
            residency=frozenset(self.residency),
            treatment=Treatment(self.treatment),
            retention_days=self.retention_days,
            names=frozenset({self.slug}),
        )


class Organisation(models.Model):
    """What holds for the whole house. One row."""

    second_person_from = models.PositiveSmallIntegerField(
        choices=SENSITIVITIES,
        default=Sensitivity.RESTRICTED.value,
        help_text="from this sensitivity on, lowering a zone or moving a document out of it "
        "takes a second person",
    )
    review_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1)],
        help_text="how long an answer of ordinary risk may wait for a reviewer; of high risk a "
        "quarter of it, of low risk four times as long",
    )
    review_escalation = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="who also decides what is escalated, or has waited too long",
    )

    class Meta:
        verbose_name_plural = "organisation"
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_organisation")]

    def __str__(self) -> str:
        return "The organisation"


class ZoneChange(models.Model):
    """A loosening that a person asked for, with a reason: applied at once, or by a second person.

    `before` and `after` hold the fields that change, as the form shows them.
    """

    class Kind(models.TextChoices):
        CHANGE_ZONE = "change_zone", "change of a zone"
        MOVE_DOCUMENT = "move_document", "move of a document"
        KEEP_DOCUMENT = "keep_document", "keeping of a held document"

    class Status(models.TextChoices):
        WAITING = "waiting", "waits for a second person"
        APPLIED = "applied"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=15, choices=Kind.choices)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="changes")
    document = models.ForeignKey(
        "Document", null=True, blank=True, on_delete=models.CASCADE, related_name="moves"
    )
    version = models.ForeignKey(
        "DocumentVersion",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="the held version that is to stay in its zone",
    )
    target = models.ForeignKey(
        Zone, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decision_reason = models.TextField(blank=True)
    decided = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Nobody is their own second person. What needs none is decided by nobody.
            models.CheckConstraint(
                condition=Q(status="withdrawn")
                | Q(decided_by__isnull=True)
                | Q(requested_by__isnull=True)
                | ~Q(decided_by=F("requested_by")),
                name="second_person_is_another",
            ),
            models.UniqueConstraint(
                fields=["document"], condition=Q(status="waiting"), name="one_waiting_move"
            ),
            models.UniqueConstraint(
                fields=["zone"],
                condition=Q(status="waiting", kind="change_zone"),
                name="one_waiting_zone_change",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.zone}"
