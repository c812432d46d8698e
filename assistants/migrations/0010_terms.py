"""Names to protect, by zone: content like any other, so under the same lock."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

import assistants.models.base

RULE = import_module("assistants.migrations.0003_lexemes").RULE

ROW_LEVEL_SECURITY = f"""
alter table assistants_term enable row level security;
alter table assistants_term force row level security;
create policy scope on assistants_term using ({RULE});
"""

NO_ROW_LEVEL_SECURITY = """
drop policy scope on assistants_term;
alter table assistants_term no force row level security;
alter table assistants_term disable row level security;
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0009_forgotten_entities")]

    operations = [
        migrations.CreateModel(
            name="Term",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        primary_key=True,
                        serialize=False,
                        default=assistants.models.base.new_id,
                        editable=False,
                    ),
                ),
                ("text", models.CharField(max_length=200)),
                ("changed", models.DateTimeField(auto_now=True)),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="terms",
                        to="assistants.zone",
                    ),
                ),
            ],
            options={"ordering": ["text"]},
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.UniqueConstraint(
                fields=["zone", "text"], name="a_term_once_in_a_zone"
            ),
        ),
        migrations.RunSQL(ROW_LEVEL_SECURITY, NO_ROW_LEVEL_SECURITY),
    ]
