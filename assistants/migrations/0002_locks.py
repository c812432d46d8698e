"""What the database itself enforces: row-level security on content, an append-only audit trail."""

from django.db import migrations

CONTENT_TABLES = ["assistants_document", "assistants_documentversion", "assistants_chunk"]

# FORCE, because the app connects as the owner. Without a setting nothing is visible.
ROW_LEVEL_SECURITY = """
alter table {table} enable row level security;
alter table {table} force row level security;
create policy scope on {table} using (
    coalesce(current_setting('hybridapp.system', true), '') = 'on'
    or zone_id = any (
        coalesce(nullif(current_setting('hybridapp.zones', true), ''), '{{}}')::bigint[]
    )
);
"""

NO_ROW_LEVEL_SECURITY = """
drop policy scope on {table};
alter table {table} no force row level security;
alter table {table} disable row level security;
"""

APPEND_ONLY = """
create function assistants_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit events are append-only';
end $$;
create trigger append_only before update or delete on assistants_auditevent
    for each row execute function assistants_refuse_change();
create trigger append_only_truncate before truncate on assistants_auditevent
    for each statement execute function assistants_refuse_change();
"""

NOT_APPEND_ONLY = """
drop trigger append_only on assistants_auditevent;
drop trigger append_only_truncate on assistants_auditevent;
drop function assistants_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0001_initial")]

    operations = [
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table), NO_ROW_LEVEL_SECURITY.format(table=table)
            )
            for table in CONTENT_TABLES
        ],
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
    ]
