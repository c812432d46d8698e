"""Indexes that know the zones: a search reads what is in scope, and nothing beside it."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations, models

# The first model's; `data.embedding_models` makes those of later ones.
ZONE_INDEX = """
create index embedding_zone_1 on assistants_embedding (zone_id) include (chunk_id, vector)
    where current and model_id = 1
"""

# A scan of the zones' index looks at the table where it was not vacuumed since rows were added.
VACUUMED = "alter table assistants_embedding set (autovacuum_vacuum_insert_scale_factor = 0.02)"
SELDOM_VACUUMED = "alter table assistants_embedding reset (autovacuum_vacuum_insert_scale_factor)"


class Migration(migrations.Migration):
    dependencies = [("assistants", "0015_api_keys")]

    operations = [
        BtreeGinExtension(),
        migrations.RemoveIndex(model_name="chunk", name="chunk_search"),
        migrations.AddIndex(
            model_name="chunk",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("current", True)),
                fields=["zone", "search"],
                name="chunk_words",
            ),
        ),
        migrations.AlterField(
            model_name="chunk",
            name="version",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="chunks",
                to="assistants.documentversion",
            ),
        ),
        migrations.AlterField(
            model_name="chunk",
            name="zone",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="assistants.zone",
            ),
        ),
        migrations.AlterField(
            model_name="embedding",
            name="chunk",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="embeddings",
                to="assistants.chunk",
            ),
        ),
        migrations.AlterField(
            model_name="embedding",
            name="model",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="assistants.embeddingmodel",
            ),
        ),
        migrations.AlterField(
            model_name="embedding",
            name="zone",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="assistants.zone",
            ),
        ),
        migrations.RunSQL(ZONE_INDEX, "drop index embedding_zone_1"),
        migrations.RunSQL(VACUUMED, SELDOM_VACUUMED),
    ]
