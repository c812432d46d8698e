"""Changes of zones that wait for a second person, who is never the first."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0006_version_due"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="zonechange", name="one_waiting_move"),
        migrations.AddField(
            model_name="zonechange",
            name="version",
            field=models.ForeignKey(
                blank=True,
                help_text="the held version that is to stay in its zone",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="assistants.documentversion",
            ),
        ),
        migrations.AlterField(
            model_name="zonechange",
            name="kind",
            field=models.CharField(
                choices=[
                    ("change_zone", "change of a zone"),
                    ("move_document", "move of a document"),
                    ("keep_document", "keeping of a held document"),
                ],
                max_length=15,
            ),
        ),
        migrations.AddConstraint(
            model_name="zonechange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "withdrawn"),
                    ("decided_by__isnull", True),
                    ("requested_by__isnull", True),
                    models.Q(("decided_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="second_person_is_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="zonechange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "waiting")),
                fields=("document",),
                name="one_waiting_move",
            ),
        ),
        migrations.AddConstraint(
            model_name="zonechange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "change_zone"), ("status", "waiting")),
                fields=("zone",),
                name="one_waiting_zone_change",
            ),
        ),
    ]
