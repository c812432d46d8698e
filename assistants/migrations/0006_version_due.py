"""When a version that waits may be taken up: a worker's lease, and the pause before a retry.

And the same content in several zones is found by its hash.
"""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assistants", "0005_data_plane_locks")]

    operations = [
        migrations.AddField(
            model_name="documentversion",
            name="due",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="no worker takes it up before: one has it, or it waits to be tried again",
            ),
        ),
        migrations.AddIndex(
            model_name="documentversion",
            index=models.Index(fields=["sha256"], name="version_content"),
        ),
    ]
