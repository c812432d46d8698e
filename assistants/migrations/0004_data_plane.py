import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import pgvector.django.halfvec
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

# Vectors move to a narrow table of their own. Versions are given the times they were valid in.
COPY = """
insert into assistants_embeddingmodel (id, name, version, dimensions, base_url, key_variable, state,
        created, activated)
    values (1, 'all-MiniLM-L6-v2', '', 384, '', '', 'active', now(), now());
select setval(pg_get_serial_sequence('assistants_embeddingmodel', 'id'), 1);
insert into assistants_embedding (chunk_id, model_id, zone_id, current, vector)
    select id, 1, zone_id, true, embedding from assistants_chunk;
update assistants_documentversion as version
    set valid_from = created,
        valid_until = (
            select min(later.created) from assistants_documentversion later
            where later.document_id = version.document_id and later.number > version.number
                and later.status = 'indexed'
        )
    where status = 'indexed';
set constraints all immediate;
"""

COPY_BACK = """
update assistants_chunk as chunk set embedding = vector
    from assistants_embedding embedding
    join assistants_embeddingmodel model on model.id = model_id and model.state = 'active'
    where chunk_id = chunk.id;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0003_lexemes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Embedding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("current", models.BooleanField(default=True)),
                ("vector", pgvector.django.halfvec.HalfVectorField()),
            ],
        ),
        migrations.CreateModel(
            name="EmbeddingModel",
            fields=[
                ("id", models.SmallAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("version", models.CharField(blank=True, max_length=100)),
                ("dimensions", models.PositiveSmallIntegerField()),
                (
                    "base_url",
                    models.URLField(
                        blank=True, help_text="an embeddings endpoint; empty: in-process"
                    ),
                ),
                ("key_variable", models.CharField(blank=True, max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "Building"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                        ],
                        default="building",
                        max_length=10,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("activated", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Entity",
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
                ("kind", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=300)),
                ("name", models.CharField(max_length=300)),
            ],
            options={
                "verbose_name_plural": "entities",
            },
        ),
        migrations.CreateModel(
            name="Mention",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("defines", models.BooleanField(default=False)),
                ("start", models.PositiveIntegerField()),
                ("end", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Organisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "second_person_from",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Public"),
                            (1, "Internal"),
                            (2, "Confidential"),
                            (3, "Restricted"),
                        ],
                        default=3,
                        help_text="from this sensitivity on, lowering a zone or moving a document out of it takes a second person",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "organisation",
            },
        ),
        migrations.CreateModel(
            name="Relation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("predicate", models.CharField(max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name="Source",
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
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("folder", "watched folder"),
                            ("git", "git repository"),
                            ("s3", "S3-compatible bucket"),
                        ],
                        max_length=10,
                    ),
                ),
                ("location", models.CharField(max_length=500)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("key_variable", models.CharField(blank=True, max_length=100)),
                ("interval_minutes", models.PositiveIntegerField(default=15)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "never synced"),
                            ("syncing", "Syncing"),
                            ("synced", "Synced"),
                            ("failed", "Failed"),
                        ],
                        default="new",
                        max_length=10,
                    ),
                ),
                ("cursor", models.CharField(blank=True, max_length=200)),
                ("error", models.TextField(blank=True)),
                (
                    "summary",
                    models.JSONField(blank=True, default=dict, help_text="counts of the last sync"),
                ),
                ("started", models.DateTimeField(blank=True, null=True)),
                ("synced", models.DateTimeField(blank=True, null=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ZoneChange",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("change_zone", "change of a zone"),
                            ("move_document", "move of a document"),
                        ],
                        max_length=15,
                    ),
                ),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("reason", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for a second person"),
                            ("applied", "Applied"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("decision_reason", models.TextField(blank=True)),
                ("decided", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.RemoveIndex(
            model_name="chunk",
            name="chunk_embedding",
        ),
        migrations.RemoveIndex(
            model_name="chunk",
            name="chunk_search",
        ),
        migrations.AddField(
            model_name="assistant",
            name="rewrite_questions",
            field=models.BooleanField(
                default=True,
                help_text="complete a follow-up question from the conversation before searching",
            ),
        ),
        migrations.AddField(
            model_name="assistant",
            name="widen_by_links",
            field=models.BooleanField(
                default=False,
                help_text="also look at passages that the found ones refer to, or that define what they name; keep it where it measurably helps",
            ),
        ),
        migrations.AddField(
            model_name="chunk",
            name="current",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="document",
            name="removed",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="confirmed_by",
            field=models.ForeignKey(
                blank=True,
                help_text="who decided that it may stay in its zone",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="detected",
            field=models.JSONField(
                blank=True, default=dict, help_text="how many sensitive spans of each type"
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="detected_sensitivity",
            field=models.PositiveSmallIntegerField(
                blank=True,
                choices=[(0, "Public"), (1, "Internal"), (2, "Confidential"), (3, "Restricted")],
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="pages",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveIntegerField(),
                blank=True,
                default=list,
                help_text="where in the text each page starts",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="valid_from",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="valid_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="as_of",
            field=models.DateField(
                blank=True,
                help_text="answer from the documents as they were on this day",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="zone",
            name="on_detection",
            field=models.CharField(
                choices=[
                    ("hold", "hold it until a person decides"),
                    ("raise", "move it to the zone named below by itself"),
                ],
                default="hold",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="zone",
            name="raise_to",
            field=models.ForeignKey(
                blank=True,
                help_text="where documents go that prove more sensitive than this zone",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="assistants.zone",
            ),
        ),
        migrations.AlterField(
            model_name="documentversion",
            name="status",
            field=models.CharField(
                choices=[
                    ("received", "Received"),
                    ("validated", "Validated"),
                    ("parsed", "Parsed"),
                    ("classified", "Classified"),
                    ("chunked", "Chunked"),
                    ("embedded", "Embedded"),
                    ("indexed", "Indexed"),
                    ("held", "Held"),
                    ("rejected", "Rejected"),
                    ("failed", "Failed"),
                ],
                default="received",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("current", True)), fields=["search"], name="chunk_search"
            ),
        ),
        migrations.AddIndex(
            model_name="documentversion",
            index=models.Index(
                condition=models.Q(("status__in", ["indexed", "rejected"]), _negated=True),
                fields=["created"],
                name="version_open",
            ),
        ),
        migrations.AddField(
            model_name="embedding",
            name="chunk",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="embeddings",
                to="assistants.chunk",
            ),
        ),
        migrations.AddField(
            model_name="embedding",
            name="zone",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="assistants.zone"
            ),
        ),
        migrations.AddConstraint(
            model_name="embeddingmodel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")),
                fields=("state",),
                name="one_active_embedding_model",
            ),
        ),
        migrations.AddConstraint(
            model_name="embeddingmodel",
            constraint=models.UniqueConstraint(
                fields=("name", "version"), name="embedding_model_version"
            ),
        ),
        migrations.AddField(
            model_name="embedding",
            name="model",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="assistants.embeddingmodel",
            ),
        ),
        migrations.AddField(
            model_name="entity",
            name="zone",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="assistants.zone"
            ),
        ),
        migrations.AddField(
            model_name="mention",
            name="chunk",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="mentions",
                to="assistants.chunk",
            ),
        ),
        migrations.AddField(
            model_name="mention",
            name="entity",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="mentions",
                to="assistants.entity",
            ),
        ),
        migrations.AddField(
            model_name="mention",
            name="zone",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="assistants.zone"
            ),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.CheckConstraint(
                condition=models.Q(("pk", 1)), name="one_organisation"
            ),
        ),
        migrations.AddField(
            model_name="relation",
            name="chunk",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="relations",
                to="assistants.chunk",
            ),
        ),
        migrations.AddField(
            model_name="relation",
            name="object",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="related_from",
                to="assistants.entity",
            ),
        ),
        migrations.AddField(
            model_name="relation",
            name="subject",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="relations",
                to="assistants.entity",
            ),
        ),
        migrations.AddField(
            model_name="relation",
            name="zone",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="assistants.zone"
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="created_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="zone",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sources",
                to="assistants.zone",
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="source",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="documents",
                to="assistants.source",
            ),
        ),
        migrations.AddField(
            model_name="zonechange",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="zonechange",
            name="document",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="moves",
                to="assistants.document",
            ),
        ),
        migrations.AddField(
            model_name="zonechange",
            name="requested_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="zonechange",
            name="target",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="assistants.zone",
            ),
        ),
        migrations.AddField(
            model_name="zonechange",
            name="zone",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="assistants.zone",
            ),
        ),
        migrations.AddConstraint(
            model_name="embedding",
            constraint=models.UniqueConstraint(
                fields=("chunk", "model"), name="embedding_of_chunk"
            ),
        ),
        migrations.AddConstraint(
            model_name="entity",
            constraint=models.UniqueConstraint(fields=("zone", "kind", "key"), name="entity_key"),
        ),
        migrations.AddConstraint(
            model_name="mention",
            constraint=models.UniqueConstraint(
                fields=("chunk", "entity", "defines", "start"), name="mention_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="relation",
            constraint=models.UniqueConstraint(
                fields=("subject", "predicate", "object", "chunk"), name="relation_said"
            ),
        ),
        migrations.AddConstraint(
            model_name="zonechange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "move_document"), ("status", "waiting")),
                fields=("document",),
                name="one_waiting_move",
            ),
        ),
        migrations.RunSQL("set hybridapp.system = 'on'", "set hybridapp.system = 'on'"),
        migrations.RunSQL(COPY, COPY_BACK),
        migrations.RunSQL("reset hybridapp.system", "reset hybridapp.system"),
        migrations.RemoveField(
            model_name="chunk",
            name="embedding",
        ),
    ]
