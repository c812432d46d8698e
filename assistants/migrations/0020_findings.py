"""What guardrails found, and incidents: seen with the answer they are of."""

import django.db.models.deletion
from django.db import migrations, models

import assistants.models.base

TABLES = ("assistants_guardrailfinding", "assistants_incident")
ROW_LEVEL_SECURITY = """
alter table {table} enable row level security;
alter table {table} force row level security;
create policy rights on {table} using (
    exists (select from assistants_answer answer where answer.id = answer_id)
);
"""
NO_ROW_LEVEL_SECURITY = """
drop policy rights on {table};
alter table {table} no force row level security;
alter table {table} disable row level security;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0019_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=assistants.models.base.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kinds", models.JSONField(default=list)),
                ("outcome", models.CharField(max_length=12)),
                ("rule", models.CharField(max_length=500)),
                ("shown", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "answer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="incidents",
                        to="assistants.answer",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="GuardrailFinding",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=assistants.models.base.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("guardrail", models.CharField(max_length=60)),
                ("version", models.CharField(blank=True, max_length=40)),
                ("kind", models.CharField(max_length=40)),
                ("severity", models.FloatField()),
                ("reason", models.CharField(max_length=300)),
                ("stage", models.CharField(max_length=12)),
                ("outcome", models.CharField(max_length=12)),
                ("passage", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("start", models.PositiveIntegerField(default=0)),
                ("end", models.PositiveIntegerField(default=0)),
                ("failed", models.BooleanField(default=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "answer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="findings",
                        to="assistants.answer",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["kind", "-created"], name="finding_kind")],
            },
        ),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table), NO_ROW_LEVEL_SECURITY.format(table=table)
            )
            for table in TABLES
        ],
    ]
