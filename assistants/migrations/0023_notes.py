"""A note is its author's until they approve it; then it is read with its recording."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

READER = "(select nullif(current_setting('hybridapp.user', true), '')::bigint)"
SYSTEM = "(select coalesce(current_setting('hybridapp.system', true), '') = 'on')"
# The inner tables' own policies decide: who may not read the recording sees no note of it.
RULES = {
    "assistants_note": f"""
        (state = 'approved' or author_id = {READER})
        and exists (select from assistants_recording recording where recording.id = recording_id)
    """,
    "assistants_noteversion": """
        exists (select from assistants_note note where note.id = note_id)
    """,
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
        ("assistants", "0022_recordings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Note",
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
                ("name", models.CharField(max_length=100)),
                ("template", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("drafting", "is being drafted"),
                            ("waiting", "waits for its author’s approval"),
                            ("approved", "Approved"),
                            ("failed", "Failed"),
                        ],
                        default="drafting",
                        max_length=10,
                    ),
                ),
                ("number", models.PositiveIntegerField(default=0)),
                ("drafter", models.CharField(blank=True, max_length=60)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("version", models.CharField(blank=True, max_length=100)),
                (
                    "notice",
                    models.TextField(
                        blank=True, help_text="what its author should know of the draft"
                    ),
                ),
                (
                    "due",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="no worker takes it up before"
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("approved", models.DateTimeField(blank=True, null=True)),
                ("receipt", models.JSONField(blank=True, null=True)),
                ("receipt_sha256", models.CharField(blank=True, max_length=64)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "recording",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to="assistants.recording",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="NoteTemplate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(unique=True)),
                ("name", models.CharField(max_length=100)),
                (
                    "sections",
                    models.JSONField(
                        help_text="a list of sections, each with a key, a title, and examples of sentences that belong there; cues are words that tell it, said_by is lead (who asks) or other"
                    ),
                ),
                (
                    "clinical",
                    models.BooleanField(
                        default=False,
                        help_text="also check medicines, doses and allergies against the recording",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "assistant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="note_templates",
                        to="assistants.assistant",
                    ),
                ),
            ],
            options={
                "ordering": ["assistant__position", "slug"],
            },
        ),
        migrations.CreateModel(
            name="NoteVersion",
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
                ("statements", models.JSONField()),
                ("omissions", models.JSONField(default=list)),
                ("sha256", models.CharField(max_length=64)),
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
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="assistants.note",
                    ),
                ),
            ],
            options={
                "ordering": ["note", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("note", "number"), name="note_version_number")
                ],
            },
        ),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table, system=SYSTEM, rule=rule),
                NO_ROW_LEVEL_SECURITY.format(table=table),
            )
            for table, rule in RULES.items()
        ],
    ]
