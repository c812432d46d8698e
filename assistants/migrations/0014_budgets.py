"""Budgets, what answers cost, and what a deployment tells routing of itself."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0013_egress_record"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="answer",
            name="elsewhere",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="what it would have cost on each other priced deployment: euro by slug",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="capacity",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="answers at once that do not wait for each other; equal deployments share requests in this proportion (0: not limited)",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="hedge_after_ms",
            field=models.PositiveIntegerField(
                default=0,
                help_text="milliseconds without a word, after which the next permitted deployment is started beside it and the first to speak answers (0: never)",
                verbose_name="hedge after",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="latency_budget_ms",
            field=models.PositiveIntegerField(
                default=0,
                help_text="milliseconds to the first word; while it takes longer, others that are as good go first (0: however long it takes)",
                verbose_name="latency budget",
            ),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="input_price",
            field=models.FloatField(
                default=0,
                help_text="euro for a million tokens of a prompt",
                validators=[django.core.validators.MinValueValidator(0.0)],
            ),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="output_price",
            field=models.FloatField(
                default=0,
                help_text="euro for a million tokens of an answer",
                validators=[django.core.validators.MinValueValidator(0.0)],
            ),
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "a day"), ("month", "a month")],
                        default="day",
                        max_length=5,
                    ),
                ),
                (
                    "soft_limit",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="euro; from here on cheaper models are preferred, and the asker is told",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                    ),
                ),
                (
                    "hard_limit",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="euro; from here on models that cost something are refused, others go on",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "department",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budgets",
                        help_text="whose assistants are asked; without one, and without a person, it is the whole organisation’s",
                        to="auth.group",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        help_text="whoever asks, of any department’s assistant",
                        related_name="budgets",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "ordering": ["department__name", "user__username", "period"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("department", "user", "period"),
                        name="one_budget_a_period",
                        nulls_distinct=False,
                        violation_error_message="There is a budget for this already. Change that one.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("department", None), ("user", None), _connector="OR"),
                        name="budget_of_one",
                        violation_error_message="A budget is for a department or for a person, not both.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("soft_limit__isnull", False),
                            ("hard_limit__isnull", False),
                            _connector="OR",
                        ),
                        name="budget_has_a_limit",
                        violation_error_message="Give at least one of the two limits.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("soft_limit", None),
                            ("hard_limit", None),
                            ("soft_limit__lte", models.F("hard_limit")),
                            _connector="OR",
                        ),
                        name="budget_soft_below_hard",
                        violation_error_message="The soft limit must not be above the hard one.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Charge",
            fields=[
                ("answer", models.UUIDField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("cost", models.DecimalField(decimal_places=6, help_text="euro", max_digits=12)),
                (
                    "department",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["at"], include=("cost",), name="charge_house"),
                    models.Index(
                        fields=["department", "at"], include=("cost",), name="charge_department"
                    ),
                    models.Index(fields=["user", "at"], include=("cost",), name="charge_user"),
                ],
            },
        ),
    ]
