"""Keys of the API, and what a client of it gives along with a message."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import assistants.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0014_budgets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
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
                (
                    "name",
                    models.CharField(blank=True, help_text="what it is used for", max_length=100),
                ),
                ("prefix", models.CharField(max_length=16)),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("last_used", models.DateTimeField(blank=True, null=True)),
                ("expires", models.DateTimeField(blank=True, null=True)),
                ("revoked", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "API key", "ordering": ["-created"]},
        ),
        migrations.AddField(
            model_name="conversation",
            name="origin",
            field=models.CharField(
                choices=[("page", "Page"), ("api", "API")], default="page", max_length=4
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="api_key",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="assistants.apikey",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="given",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="message",
            name="sampling",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="answer",
            name="fingerprint",
            field=models.CharField(
                blank=True,
                help_text="of its text: by it, it is known when a client quotes it",
                max_length=64,
            ),
        ),
        migrations.RemoveIndex(model_name="conversation", name="conversation_sidebar"),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["owner", "origin", "-updated"], name="conversation_sidebar"),
        ),
        migrations.AddIndex(
            model_name="answer",
            index=models.Index(fields=["fingerprint"], name="answer_fingerprint"),
        ),
    ]
