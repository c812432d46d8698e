"""The graph of vectors is built once there are chunks enough for a search to ask it."""

from django.db import migrations

# The one thing that the app's role may have made: exactly this index, by whoever owns the table.
# It waits for whoever writes vectors, and they for it; searches read on. One process beside it is
# enough: the other processors are for the questions.
BUILDING = """
create function assistants_build_graph(model smallint) returns boolean
language plpgsql security definer
set search_path from current
set max_parallel_maintenance_workers = 0
set maintenance_work_mem = '256MB'
as $$
declare
    length int;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('assistants_build_graph', model)) then
        return false;
    end if;
    select dimensions into strict length from assistants_embeddingmodel where id = model;
    execute format(
        'create index if not exists embedding_model_%s on assistants_embedding '
        'using hnsw ((vector::halfvec(%s)) halfvec_cosine_ops) with (m = 16, ef_construction = 128) '
        'where current and model_id = %s',
        model, length, model
    );
    return true;
end $$;
"""

# Where there are more already, it stays.
UNUSED = """
do $$
declare
    model record;
begin
    perform set_config('hybridapp.system', 'on', true);
    for model in select id from assistants_embeddingmodel loop
        if (
            select count(*) from (
                select from assistants_embedding where current and model_id = model.id limit 20001
            ) current
        ) <= 20000 then
            execute format('drop index if exists embedding_model_%s', model.id);
        end if;
    end loop;
    perform set_config('hybridapp.system', '', true);
end $$;
"""
USED = "select assistants_build_graph(id) from assistants_embeddingmodel where state <> 'retired'"


class Migration(migrations.Migration):
    dependencies = [("assistants", "0023_notes")]

    operations = [
        migrations.RunSQL(BUILDING, "drop function assistants_build_graph(smallint)"),
        migrations.RunSQL(UNUSED, USED),
    ]
