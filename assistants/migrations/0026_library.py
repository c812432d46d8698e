"""Prompts to begin with, files that wait to be sent, and the documents that a message names."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

SYSTEM = "(select coalesce(current_setting('hybridapp.system', true), '') = 'on')"
READER = "(select nullif(current_setting('hybridapp.user', true), '')::bigint)"
RULES = {
    # A person's own are nobody else's; a department's are its members'.
    "assistants_savedprompt": f"""
        owner_id = {READER} or department_id in (
            select group_id from auth_user_groups where user_id = {READER}
        )
    """,  # noqa: S608  # nothing of it is anybody's words
    "assistants_savedpromptversion": """
        exists (select from assistants_savedprompt prompt where prompt.id = prompt_id)
    """,
    "assistants_attachment": f"owner_id = {READER}",
}

ROW_LEVEL_SECURITY = """
alter table {table} enable row level security;
alter table {table} force row level security;
create policy rights on {table} using ({system} or ({rule}));
"""

NO_ROW_LEVEL_SECURITY = """
drop policy rights on {table};
alter table {table} no force row level security;
alter table {table} disable row level security;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0025_history"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="documents",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                blank=True,
                default=list,
                help_text="the documents that its author named: it is answered from these only",
                size=None,
            ),
        ),
        migrations.CreateModel(
            name="SavedPrompt",
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
                ("name", models.CharField(help_text="what is typed after /", max_length=60)),
                (
                    "description",
                    models.CharField(
                        blank=True, help_text="what it is for, in a few words", max_length=160
                    ),
                ),
                (
                    "starter",
                    models.BooleanField(
                        default=False,
                        help_text="also offer it on the empty page of the department's assistants",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("number", models.PositiveIntegerField(default=0)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("updated", models.DateTimeField(auto_now=True)),
                (
                    "department",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_prompts",
                        to="auth.group",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_prompts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["position", "name"],
            },
        ),
        migrations.CreateModel(
            name="SavedPromptVersion",
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
                ("text", models.TextField()),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "editor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="assistants.savedprompt",
                    ),
                ),
            ],
            options={
                "ordering": ["prompt", "-number"],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
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
                ("name", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("sha256", models.CharField(help_text="of the file as received", max_length=64)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created"], name="attachment_created")],
            },
        ),
        migrations.AddConstraint(
            model_name="savedprompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("owner", None), ("department", None), _connector="XOR"),
                name="saved_prompt_is_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedprompt",
            constraint=models.UniqueConstraint(
                fields=("owner", "name"), name="saved_prompt_of_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedprompt",
            constraint=models.UniqueConstraint(
                fields=("department", "name"), name="saved_prompt_of_department"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedpromptversion",
            constraint=models.UniqueConstraint(
                fields=("prompt", "number"), name="saved_prompt_number"
            ),
        ),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table, system=SYSTEM, rule=rule),
                NO_ROW_LEVEL_SECURITY.format(table=table),
            )
            for table, rule in RULES.items()
        ],
    ]
