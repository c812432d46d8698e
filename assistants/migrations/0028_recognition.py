from __future__ import annotations

from django.db import migrations, models

_RECOGNISED = {
    "blank": True,
    "help_text": "how sure text recognised in pictures is, 0 to 1",
    "null": True,
}


class Migration(migrations.Migration):
    dependencies = [("assistants", "0027_console")]

    operations = [
        migrations.AddField("attachment", "recognised", models.FloatField(**_RECOGNISED)),
        migrations.AddField("documentversion", "recognised", models.FloatField(**_RECOGNISED)),
    ]
