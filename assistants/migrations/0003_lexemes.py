"""How many chunks of a zone hold each word: what the keyword side of the search weighs by."""

import django.db.models.deletion
from django.db import migrations, models

# One counting at a time a zone: two ingestions would otherwise lock the same words in turn.
COUNTING = """
create function assistants_count_lexemes() returns trigger language plpgsql as $$
begin
    if tg_op in ('DELETE', 'UPDATE') then
        perform pg_advisory_xact_lock(hashtextextended('assistants_lexeme', zone_id))
            from (select distinct zone_id from removed order by zone_id) zones;
        update assistants_lexeme as counted set chunks = counted.chunks - gone.chunks
            from (
                select zone_id, word, count(*) as chunks
                from removed, unnest(tsvector_to_array(search) || ''::text) as word
                group by zone_id, word
            ) gone
            where counted.zone_id = gone.zone_id and counted.lexeme = gone.word;
        delete from assistants_lexeme
            where chunks <= 0 and zone_id in (select zone_id from removed);
    end if;
    if tg_op in ('INSERT', 'UPDATE') then
        perform pg_advisory_xact_lock(hashtextextended('assistants_lexeme', zone_id))
            from (select distinct zone_id from added order by zone_id) zones;
        insert into assistants_lexeme as counted (zone_id, lexeme, chunks)
            select zone_id, word, count(*)
            from added, unnest(tsvector_to_array(search) || ''::text) as word
            group by zone_id, word
            on conflict (zone_id, lexeme)
            do update set chunks = counted.chunks + excluded.chunks;
    end if;
    return null;
end $$;
create trigger count_added after insert on assistants_chunk
    referencing new table as added
    for each statement execute function assistants_count_lexemes();
create trigger count_removed after delete on assistants_chunk
    referencing old table as removed
    for each statement execute function assistants_count_lexemes();
create trigger count_changed after update on assistants_chunk
    referencing old table as removed new table as added
    for each statement execute function assistants_count_lexemes();
insert into assistants_lexeme (zone_id, lexeme, chunks)
    select zone_id, word, count(*)
    from assistants_chunk, unnest(tsvector_to_array(search) || ''::text) as word
    group by zone_id, word;
"""

NO_COUNTING = """
drop trigger count_added on assistants_chunk;
drop trigger count_removed on assistants_chunk;
drop trigger count_changed on assistants_chunk;
drop function assistants_count_lexemes();
"""

# The words of a zone are content as well: the same lock as in 0002. As sub-selects its settings
# are read once a query instead of once a row, which a search of many rows feels.
CONTENT_TABLES = ["assistants_document", "assistants_documentversion", "assistants_chunk"]

RULE = """
    (select coalesce(current_setting('hybridapp.system', true), '') = 'on')
    or zone_id = any (
        (select coalesce(nullif(current_setting('hybridapp.zones', true), ''), '{}')::bigint[])
        ::bigint[]
    )
"""

RULE_BY_ROW = """
    coalesce(current_setting('hybridapp.system', true), '') = 'on'
    or zone_id = any (
        coalesce(nullif(current_setting('hybridapp.zones', true), ''), '{}')::bigint[]
    )
"""

ROW_LEVEL_SECURITY = f"""
alter table assistants_lexeme enable row level security;
alter table assistants_lexeme force row level security;
create policy scope on assistants_lexeme using ({RULE});
"""

NO_ROW_LEVEL_SECURITY = """
drop policy scope on assistants_lexeme;
alter table assistants_lexeme no force row level security;
alter table assistants_lexeme disable row level security;
"""

# A chunk (text, vector and words: about 3 kB) stays whole in its row. The search reads vectors
# and words of many rows, and each fetched from the side table would cost it microseconds.
WHOLE_ROWS = "alter table assistants_chunk set (toast_tuple_target = 8160)"
SPLIT_ROWS = "alter table assistants_chunk reset (toast_tuple_target)"


class Migration(migrations.Migration):
    dependencies = [("assistants", "0002_locks")]

    operations = [
        migrations.CreateModel(
            name="Lexeme",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "zone_id",
                        "lexeme",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("lexeme", models.TextField()),
                ("chunks", models.BigIntegerField()),
                (
                    "zone",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="assistants.zone",
                    ),
                ),
            ],
        ),
        # The rows there before are counted under the system's rights.
        migrations.RunSQL("set hybridapp.system = 'on'", "set hybridapp.system = 'on'"),
        *[
            migrations.RunSQL(
                f"alter policy scope on {table} using ({RULE})",
                f"alter policy scope on {table} using ({RULE_BY_ROW})",
            )
            for table in CONTENT_TABLES
        ],
        migrations.RunSQL(ROW_LEVEL_SECURITY, NO_ROW_LEVEL_SECURITY),
        migrations.RunSQL(COUNTING, NO_COUNTING),
        migrations.RunSQL("reset hybridapp.system", "reset hybridapp.system"),
        migrations.RunSQL(WHOLE_ROWS, SPLIT_ROWS),
    ]
