"""Recordings and what was said in them: their owner's while they read the zone, or the zone's."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

SYSTEM = "(select coalesce(current_setting('hybridapp.system', true), '') = 'on')"
READER = "(select nullif(current_setting('hybridapp.user', true), '')::bigint)"
ZONES = """(
    select coalesce(nullif(current_setting('hybridapp.zones', true), ''), '{}')::bigint[]
)::bigint[]"""

# What hangs on a recording is seen with it: the inner table's own policy decides. A transcript has
# its recording's key.
OF_RECORDING = "exists (select from assistants_recording recording where recording.id = {})"
RULES = {
    "assistants_recording": f"zone_id = any ({ZONES}) and (shared or owner_id = {READER})",
    "assistants_recordingchunk": OF_RECORDING.format("recording_id"),
    "assistants_recordingpart": OF_RECORDING.format("recording_id"),
    "assistants_transcript": OF_RECORDING.format("recording_id"),
    "assistants_segment": OF_RECORDING.format("transcript_id"),
    "assistants_segmentedit": """
        exists (select from assistants_segment segment where segment.id = segment_id)
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

# What is sealed does not compress: PostgreSQL need not try.
SEALED = """
alter table assistants_recordingchunk alter column sealed set storage external;
alter table assistants_recordingpart alter column sealed set storage external;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0021_reviews"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Recording",
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
                    "shared",
                    models.BooleanField(
                        default=False, help_text="the zone's readers may read it too"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("media_type", models.CharField(blank=True, max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploading", "Uploading"),
                            ("waiting", "waits for a worker"),
                            ("preparing", "is being read"),
                            ("transcribing", "is being transcribed"),
                            ("ready", "Ready"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="uploading",
                        max_length=12,
                    ),
                ),
                ("size", models.PositiveBigIntegerField(default=0, help_text="bytes, as received")),
                (
                    "sha256",
                    models.CharField(
                        blank=True, help_text="of the file as received", max_length=64
                    ),
                ),
                ("duration", models.FloatField(blank=True, help_text="seconds", null=True)),
                ("channels", models.PositiveSmallIntegerField(default=0)),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        help_text="as its owner said; empty: it is detected",
                        max_length=8,
                    ),
                ),
                (
                    "detected",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[
                            (0, "Public"),
                            (1, "Internal"),
                            (2, "Confidential"),
                            (3, "Restricted"),
                        ],
                        null=True,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "due",
                    models.DateTimeField(
                        default=django.utils.timezone.now,
                        help_text="no worker takes it up before: one has it, or it waits to be tried again",
                    ),
                ),
                (
                    "error",
                    models.TextField(blank=True, help_text="why it ended so, and what to do"),
                ),
                ("audio_deleted", models.DateTimeField(blank=True, null=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("started", models.DateTimeField(blank=True, null=True)),
                ("ended", models.DateTimeField(blank=True, null=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="recordings",
                        to="assistants.conversation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recordings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recordings",
                        to="assistants.zone",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Segment",
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
                ("part", models.PositiveIntegerField()),
                ("position", models.PositiveIntegerField(help_text="within its part")),
                ("start", models.FloatField()),
                ("end", models.FloatField()),
                ("speaker", models.CharField(blank=True, max_length=8)),
                ("text", models.TextField()),
                ("words", models.JSONField(blank=True, default=list)),
                ("probability", models.FloatField(help_text="0 to 1, of its words on average")),
                ("no_speech", models.FloatField(help_text="0 to 1, that nobody speaks")),
                ("language", models.CharField(blank=True, max_length=8)),
                (
                    "voice",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(),
                        blank=True,
                        help_text="what the voice sounds like, to tell speakers apart",
                        null=True,
                        size=None,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "ordering": ["transcript", "start", "part", "position"],
            },
        ),
        migrations.CreateModel(
            name="Transcript",
            fields=[
                (
                    "recording",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="transcript",
                        serialize=False,
                        to="assistants.recording",
                    ),
                ),
                (
                    "languages",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=8),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                ("speakers", models.JSONField(blank=True, default=dict)),
                ("engine", models.CharField(blank=True, max_length=40)),
                ("model", models.CharField(blank=True, max_length=100)),
                ("version", models.CharField(blank=True, max_length=100)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("completed", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RecordingChunk",
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
                ("start", models.PositiveBigIntegerField(blank=True, null=True)),
                ("size", models.PositiveIntegerField(help_text="bytes")),
                ("sha256", models.CharField(max_length=64)),
                ("sealed", models.BinaryField()),
                ("key_id", models.CharField(max_length=16)),
                (
                    "recording",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="assistants.recording",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RecordingPart",
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
                (
                    "channel",
                    models.PositiveSmallIntegerField(default=0, help_text="0: all of them, mixed"),
                ),
                ("start", models.FloatField(help_text="seconds")),
                ("end", models.FloatField(help_text="seconds")),
                ("speech", models.FloatField(help_text="seconds in which somebody speaks")),
                ("windows", models.JSONField(default=list, help_text="[start, end] in seconds")),
                ("sealed", models.BinaryField(blank=True, default=bytes)),
                ("key_id", models.CharField(blank=True, max_length=16)),
                ("done", models.BooleanField(default=False)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due", models.DateTimeField(default=django.utils.timezone.now)),
                ("seconds", models.FloatField(default=0, help_text="that its transcription took")),
                (
                    "recording",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="assistants.recording",
                    ),
                ),
            ],
            options={
                "ordering": ["recording", "number"],
            },
        ),
        migrations.CreateModel(
            name="SegmentEdit",
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
                ("version", models.PositiveIntegerField(help_text="the version that this was")),
                ("text", models.TextField()),
                ("speaker", models.CharField(blank=True, max_length=8)),
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
                    "segment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="edits",
                        to="assistants.segment",
                    ),
                ),
            ],
            options={
                "ordering": ["segment", "version"],
            },
        ),
        migrations.AddField(
            model_name="segment",
            name="transcript",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="segments",
                to="assistants.transcript",
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(fields=["owner", "-created"], name="recording_list"),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "preparing", "transcribing"])),
                fields=["due"],
                name="recording_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="recordingchunk",
            constraint=models.UniqueConstraint(
                fields=("recording", "number"), name="recording_chunk"
            ),
        ),
        migrations.AddIndex(
            model_name="recordingpart",
            index=models.Index(
                condition=models.Q(("done", False)), fields=["due"], name="part_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="recordingpart",
            constraint=models.UniqueConstraint(
                fields=("recording", "number"), name="recording_part"
            ),
        ),
        migrations.AddConstraint(
            model_name="segmentedit",
            constraint=models.UniqueConstraint(
                fields=("segment", "version"), name="segment_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="segment",
            constraint=models.UniqueConstraint(
                fields=("transcript", "part", "position"), name="segment_position"
            ),
        ),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table, system=SYSTEM, rule=rule),
                NO_ROW_LEVEL_SECURITY.format(table=table),
            )
            for table, rule in RULES.items()
        ],
        migrations.RunSQL(SEALED, migrations.RunSQL.noop),
    ]
