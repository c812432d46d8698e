"""What placeholders stand for: seen with its conversation, by its owner or the system."""

import django.db.models.deletion
from django.db import migrations, models

ROW_LEVEL_SECURITY = """
alter table assistants_redactionmap enable row level security;
alter table assistants_redactionmap force row level security;
create policy rights on assistants_redactionmap using (
    exists (
        select from assistants_conversation conversation where conversation.id = conversation_id
    )
);
"""

NO_ROW_LEVEL_SECURITY = """
drop policy rights on assistants_redactionmap;
alter table assistants_redactionmap no force row level security;
alter table assistants_redactionmap disable row level security;
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0011_retrieval")]

    operations = [
        migrations.CreateModel(
            name="RedactionMap",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="redaction_map",
                        serialize=False,
                        to="assistants.conversation",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("key_id", models.CharField(max_length=16)),
                ("updated", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.RunSQL(ROW_LEVEL_SECURITY, NO_ROW_LEVEL_SECURITY),
    ]
