"""The egress ledger: append-only, as the audit trail is."""

import django.contrib.postgres.fields
from django.db import migrations, models

import assistants.models.base

APPEND_ONLY = """
create trigger append_only before update or delete on assistants_egressrecord
    for each row execute function assistants_refuse_change();
create trigger append_only_truncate before truncate on assistants_egressrecord
    for each statement execute function assistants_refuse_change();
"""

NOT_APPEND_ONLY = """
drop trigger append_only on assistants_egressrecord;
drop trigger append_only_truncate on assistants_egressrecord;
"""

# It refuses changes of two tables now, and says of which.
REFUSE_CHANGE = """
create or replace function assistants_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end $$;
"""

REFUSE_CHANGE_OF_EVENTS = """
create or replace function assistants_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit events are append-only';
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0012_redaction_map")]

    operations = [
        migrations.CreateModel(
            name="EgressRecord",
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
                ("at", models.DateTimeField()),
                ("purpose", models.CharField(max_length=40)),
                ("subject", models.CharField(blank=True, max_length=200)),
                ("actor", models.CharField(blank=True, max_length=150)),
                ("deployment", models.CharField(max_length=100)),
                ("place", models.CharField(max_length=100)),
                ("region", models.CharField(blank=True, max_length=60)),
                (
                    "zones",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), default=list, size=None
                    ),
                ),
                ("treatment", models.CharField(max_length=20)),
                ("sealed", models.BooleanField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[("allow", "allowed"), ("block", "refused")], max_length=10
                    ),
                ),
                ("rule", models.CharField(max_length=500)),
                ("payload_sha256", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField(help_text="bytes of the payload")),
                ("placeholders", models.JSONField(default=dict)),
                ("findings", models.JSONField(default=list)),
                (
                    "expires",
                    models.DateTimeField(
                        help_text="of the ticket; none for what was refused", null=True
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["subject"], name="egress_subject"),
                    models.Index(fields=["outcome", "-id"], name="egress_outcome"),
                    models.Index(fields=["deployment", "-id"], name="egress_deployment"),
                ],
            },
        ),
        migrations.RunSQL(REFUSE_CHANGE, REFUSE_CHANGE_OF_EVENTS),
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
    ]
