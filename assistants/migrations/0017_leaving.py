"""A conversation remembers the most that its messages were found to be, the ratchet's other half;
an assistant may have its drafts polished outside, and an answer keeps the draft."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assistants", "0016_search_indexes")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="detected",
            field=models.PositiveSmallIntegerField(
                blank=True,
                choices=[(0, "public"), (1, "internal"), (2, "confidential"), (3, "restricted")],
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="draft",
            field=models.TextField(
                blank=True, help_text="what was written here, where a model outside polished it"
            ),
        ),
        migrations.AddField(
            model_name="assistant",
            name="polish",
            field=models.BooleanField(
                default=False,
                help_text="draft on the premises and polish in a cloud: of the whole prompt only "
                "the draft leaves, sealed",
            ),
        ),
    ]
