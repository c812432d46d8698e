"""Assistants by version, their trials, and notices that people have closed."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models

import assistants.models.base

KEPT = """
create function assistants_keep_assistant_version() returns trigger language plpgsql as $$
begin
    if old.stage = 'draft' then
        return case tg_op when 'DELETE' then old else new end;
    end if;
    if tg_op = 'DELETE' then
        raise exception 'an assistant version that has left its draft is kept';
    end if;
    if (new.assistant_id, new.number, new.state, new.questions)
        is distinct from (old.assistant_id, old.number, old.state, old.questions)
        or new.stage = 'draft' then
        raise exception 'an assistant version that has left its draft is not changed';
    end if;
    return new;
end $$;
create trigger kept before update or delete on assistants_assistantversion
    for each row execute function assistants_keep_assistant_version();
"""

NOT_KEPT = """
drop trigger kept on assistants_assistantversion;
drop function assistants_keep_assistant_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0026_library"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="assistant",
            name="permitted_deployments",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.SlugField(),
                blank=True,
                default=list,
                help_text="the only ones that may answer (none named: all that the zones permit)",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="conversation",
            name="origin",
            field=models.CharField(
                choices=[("page", "Page"), ("api", "API"), ("trial", "Trial")],
                default="page",
                max_length=5,
            ),
        ),
        migrations.CreateModel(
            name="AssistantVersion",
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
                ("number", models.PositiveIntegerField()),
                ("state", models.JSONField()),
                ("questions", models.JSONField(blank=True, default=list)),
                (
                    "stage",
                    models.CharField(
                        choices=[("draft", "draft"), ("active", "active"), ("retired", "retired")],
                        default="draft",
                        max_length=7,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "edits",
                    models.PositiveIntegerField(
                        default=0, help_text="how often the draft was saved"
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="of its latest change of stage")),
                (
                    "staged",
                    models.DateTimeField(
                        blank=True, help_text="when its stage last changed", null=True
                    ),
                ),
                (
                    "assistant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="assistants.assistant",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "before",
                    models.ForeignKey(
                        blank=True,
                        help_text="the version that was active when this one first became it",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="assistants.assistantversion",
                    ),
                ),
                (
                    "staged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["assistant", "-number"],
                "permissions": [("publish_assistantversion", "Can publish and roll back")],
            },
        ),
        migrations.CreateModel(
            name="AssistantTrial",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="trial",
                        serialize=False,
                        to="assistants.conversation",
                    ),
                ),
                ("run", models.UUIDField(help_text="the same of both sides of one trial")),
                ("edits", models.PositiveIntegerField(help_text="the draft's, when it was tried")),
                ("question_sha256", models.CharField(max_length=64)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ran",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="assistants.assistantversion",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="trials",
                        to="assistants.assistantversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-created"],
            },
        ),
        migrations.CreateModel(
            name="Dismissal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("notice", models.SlugField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dismissals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="assistantversion",
            constraint=models.UniqueConstraint(
                fields=("assistant", "number"), name="assistant_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="assistantversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "active")),
                fields=("assistant",),
                name="one_published_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="dismissal",
            constraint=models.UniqueConstraint(fields=("user", "notice"), name="dismissed_once"),
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
        *[
            migrations.AddIndex(model_name=model, index=index)
            for model, index in (
                ("auditevent", models.Index(fields=["actor", "-number"], name="audit_actor")),
                ("auditevent", models.Index(fields=["action", "-number"], name="audit_action")),
                ("auditevent", BrinIndex(fields=["at"], name="audit_at")),
                ("egressrecord", models.Index(fields=["purpose", "-id"], name="egress_purpose")),
                ("egressrecord", models.Index(fields=["actor", "-id"], name="egress_actor")),
                ("egressrecord", models.Index(fields=["payload_sha256"], name="egress_payload")),
            )
        ],
    ]
