from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

from assistants.types import ON_PREM, Sensitivity, Treatment, ZoneRules

place = RegexValidator(
    r"^(on_prem|cloud)(:[a-z0-9-]+)?$",
    "A place is on_prem, cloud, or one of them with a region, such as cloud:eu.",
)


def on_the_premises() -> list[str]:
    return [ON_PREM]


class Zone(models.Model):
    """A class of data: how sensitive it is, where it may be processed, and who may read it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    sensitivity = models.PositiveSmallIntegerField(
        choices=[(level.value, level.name.title()) for level in Sensitivity],
        default=Sensitivity.RESTRICTED.value,
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
