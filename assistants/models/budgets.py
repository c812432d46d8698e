"""What may be spent on answers, and what was."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

_NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class Budget(models.Model):
    """So much in a day or a month: of one department, one person or the whole organisation.

    Above the soft limit cheaper deployments are preferred, above the hard one those that cost
    something are refused.
    """

    class Period(models.TextChoices):
        DAY = "day", "a day"
        MONTH = "month", "a month"

    department = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="budgets",
        help_text="whose assistants are asked; without one, and without a person, it is the "
        "whole organisation’s",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="person",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="budgets",
        help_text="whoever asks, of any department’s assistant",
    )
    period = models.CharField(max_length=5, choices=Period.choices, default=Period.DAY)
    soft_limit = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=_NOT_NEGATIVE,
        help_text="euro; from here on cheaper models are preferred, and the asker is told",
    )
    hard_limit = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=_NOT_NEGATIVE,
        help_text="euro; from here on models that cost something are refused, others go on",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["department__name", "user__username", "period"]
        constraints = [
            models.UniqueConstraint(
                fields=["department", "user", "period"],
                name="one_budget_a_period",
                nulls_distinct=False,
                violation_error_message="There is a budget for this already. Change that one.",
            ),
            models.CheckConstraint(
                condition=Q(department=None) | Q(user=None),
                name="budget_of_one",
                violation_error_message="A budget is for a department or for a person, not both.",
            ),
            models.CheckConstraint(
                condition=Q(soft_limit__isnull=False) | Q(hard_limit__isnull=False),
                name="budget_has_a_limit",
                violation_error_message="Give at least one of the two limits.",
            ),
            models.CheckConstraint(
                condition=Q(soft_limit=None)
                | Q(hard_limit=None)
                | Q(soft_limit__lte=F("hard_limit")),
                name="budget_soft_below_hard",
                violation_error_message="The soft limit must not be above the hard one.",
            ),
        ]

    def __str__(self) -> str:
        of = self.department or self.user or "The whole organisation"
        return f"{of}, {self.get_period_display()}"


class Charge(models.Model):
    """What one answer cost. Kept for the budgets, whatever becomes of the answer itself."""

    answer = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    department = models.ForeignKey(
        Group, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    cost = models.DecimalField(max_digits=12, decimal_places=6, help_text="euro")

    class Meta:
        # the sums that a budget is compared with, from the index alone
        indexes = [
            models.Index(fields=["at"], include=["cost"], name="charge_house"),
            models.Index(fields=["department", "at"], include=["cost"], name="charge_department"),
            models.Index(fields=["user", "at"], include=["cost"], name="charge_user"),
        ]
