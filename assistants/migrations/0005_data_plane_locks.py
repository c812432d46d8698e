"""Row-level security on the new content tables, and what the database keeps in step by itself."""

from importlib import import_module

from django.db import migrations

lexemes = import_module("assistants.migrations.0003_lexemes")

CONTENT_TABLES = [
    "assistants_embedding",
    "assistants_entity",
    "assistants_mention",
    "assistants_relation",
]

ROW_LEVEL_SECURITY = f"""
alter table {{table}} enable row level security;
alter table {{table}} force row level security;
create policy scope on {{table}} using ({lexemes.RULE.replace("{}", "{{}}")});
"""

NO_ROW_LEVEL_SECURITY = """
drop policy scope on {table};
alter table {table} no force row level security;
alter table {table} disable row level security;
"""

# Words are counted in current chunks only: older versions weigh nothing.
COUNTING = """
create or replace function assistants_count_lexemes() returns trigger language plpgsql as $$
begin
    if tg_op in ('DELETE', 'UPDATE') then
        perform pg_advisory_xact_lock(hashtextextended('assistants_lexeme', zone_id))
            from (select distinct zone_id from removed where current order by zone_id) zones;
        update assistants_lexeme as counted set chunks = counted.chunks - gone.chunks
            from (
                select zone_id, word, count(*) as chunks
                from removed, unnest(tsvector_to_array(search) || ''::text) as word
                where current
                group by zone_id, word
            ) gone
            where counted.zone_id = gone.zone_id and counted.lexeme = gone.word;
        delete from assistants_lexeme
            where chunks <= 0 and zone_id in (select zone_id from removed where current);
    end if;
    if tg_op in ('INSERT', 'UPDATE') then
        perform pg_advisory_xact_lock(hashtextextended('assistants_lexeme', zone_id))
            from (select distinct zone_id from added where current order by zone_id) zones;
        insert into assistants_lexeme as counted (zone_id, lexeme, chunks)
            select zone_id, word, count(*)
            from added, unnest(tsvector_to_array(search) || ''::text) as word
            where current
            group by zone_id, word
            on conflict (zone_id, lexeme)
            do update set chunks = counted.chunks + excluded.chunks;
    end if;
    return null;
end $$;
"""

# Whoever moves a chunk or retires it cannot forget what hangs on it. What is known of a chunk's
# entities belongs to the zone it was in, so it goes; ingestion finds it again.
FOLLOWING = """
create function assistants_follow_chunk() returns trigger language plpgsql as $$
begin
    update assistants_embedding as embedding
        set zone_id = added.zone_id, current = added.current
        from added
        where chunk_id = added.id
            and (embedding.zone_id, embedding.current) <> (added.zone_id, added.current);
    delete from assistants_mention as mention using added
        where chunk_id = added.id and mention.zone_id <> added.zone_id;
    delete from assistants_relation as relation using added
        where chunk_id = added.id and relation.zone_id <> added.zone_id;
    return null;
end $$;
create trigger followed after update on assistants_chunk
    referencing new table as added
    for each statement execute function assistants_follow_chunk();
"""

NOT_FOLLOWING = """
drop trigger followed on assistants_chunk;
drop function assistants_follow_chunk();
"""

# The first model's index; `data.embedding_models` makes those of later ones.
VECTOR_INDEX = """
create index embedding_model_1 on assistants_embedding
    using hnsw ((vector::halfvec(384)) halfvec_cosine_ops) with (m = 16, ef_construction = 128)
    where current and model_id = 1
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0004_data_plane")]

    operations = [
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table), NO_ROW_LEVEL_SECURITY.format(table=table)
            )
            for table in CONTENT_TABLES
        ],
        migrations.RunSQL(COUNTING, migrations.RunSQL.noop),
        migrations.RunSQL(FOLLOWING, NOT_FOLLOWING),
        migrations.RunSQL(VECTOR_INDEX, "drop index embedding_model_1"),
    ]
