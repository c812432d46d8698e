"""Conversations belong to one person, and an answer to whoever may still read what it was made of.

Three settings, local to a transaction, say whose rights apply: `hybridapp.user` (a primary key),
`hybridapp.zones` (the primary keys of the zones they read) and `hybridapp.slugs` (the same zones
by slug, which is how answers name theirs). `assistants_act_for` sets them together, from what the
tables say at that moment; data/scope.py calls it.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

SYSTEM = "(select coalesce(current_setting('hybridapp.system', true), '') = 'on')"
READER = "(select nullif(current_setting('hybridapp.user', true), '')::bigint)"
SLUGS = """(
    select coalesce(nullif(current_setting('hybridapp.slugs', true), ''), '{}')::varchar[]
)::varchar[]"""

# The rows under an answer are seen with it: the inner table's own policy decides.
OF_ANSWER = "exists (select from assistants_answer answer where answer.id = answer_id)"
RULES = {
    "assistants_conversation": f"owner_id = {READER}",
    "assistants_message": f"author_id = {READER}",
    "assistants_answer": f"""
        coalesce(made_from, zones) <@ {SLUGS}
        and exists (select from assistants_message message where message.id = message_id)
    """,
    "assistants_citation": OF_ANSWER,
    "assistants_generation": OF_ANSWER,
}

ROW_LEVEL_SECURITY = """
alter table {table} enable row level security;
alter table {table} force row level security;
create policy rights on {table} using ({system} or ({rule}));
"""

NO_ROW_LEVEL_SECURITY = """
drop policy rights on {table};
alter table {table} no force row level security;
alter table {table} disable row level security;
"""

# What a person may read: the one place that says so. Nothing, while their account is off.
FUNCTIONS = """
create function assistants_zones_of(reader bigint) returns table (id bigint, slug varchar)
language sql stable as $$
    select distinct zone.id, zone.slug
    from auth_user_groups membership
    join auth_user on auth_user.id = membership.user_id and auth_user.is_active
    join assistants_zone_readers readers on readers.group_id = membership.group_id
    join assistants_zone zone on zone.id = readers.zone_id
    where membership.user_id = reader
$$;

create function assistants_scope_of(
    reader bigint, out user_id bigint, out zone_ids bigint[], out slugs varchar[],
    out group_ids bigint[]
) language plpgsql stable as $$
begin
    select auth_user.id into user_id from auth_user where auth_user.id = reader and is_active;
    select coalesce(array_agg(id order by id), '{}'), coalesce(array_agg(slug order by id), '{}')
        into zone_ids, slugs from assistants_zones_of(user_id);
    select coalesce(array_agg(group_id order by group_id), '{}')
        into group_ids from auth_user_groups membership
        where membership.user_id = assistants_scope_of.user_id;
end $$;

create function assistants_act_for(
    reader bigint, out user_id bigint, out zone_ids bigint[], out slugs varchar[],
    out group_ids bigint[]
) language plpgsql volatile as $$
begin
    select * into user_id, zone_ids, slugs, group_ids from assistants_scope_of(reader);
    perform set_config('hybridapp.user', coalesce(user_id::text, ''), true),
        set_config('hybridapp.zones', zone_ids::text, true),
        set_config('hybridapp.slugs', slugs::text, true),
        set_config('hybridapp.system', '', true);
end $$;
"""

# Functions that act with other rights than the caller's: for one query, and they tell of its rows
# only what their names say. The settings are put back by hand; after an error the rollback does it.
# `make_from` notes, in one round trip and under the asker's rights of that moment, what a pending
# answer is made from; it is false, and nothing noted, where they may not read that.
OVERVIEWS = """
create function assistants_asker_of(answer uuid) returns bigint
language plpgsql volatile as $$
declare
    before text := coalesce(current_setting('hybridapp.system', true), '');
    asker bigint;
begin
    perform set_config('hybridapp.system', 'on', true);
    select message.author_id into asker
        from assistants_message message
        join assistants_answer on assistants_answer.message_id = message.id
        where assistants_answer.id = answer;
    perform set_config('hybridapp.system', before, true);
    return asker;
end $$;

create function assistants_make_from(answer uuid, made_from varchar[]) returns boolean
language plpgsql volatile as $$
declare
    before text[] := array(
        select coalesce(current_setting('hybridapp.' || name, true), '')
        from unnest(array['user', 'zones', 'slugs', 'system']) with ordinality as setting (name, nth)
        order by nth
    );
    readable varchar[];
begin
    select slugs into readable from assistants_act_for(assistants_asker_of(answer));
    if made_from <@ readable then
        update assistants_answer set made_from = assistants_make_from.made_from
            where id = answer and status = 'pending';
    end if;
    perform set_config('hybridapp.user', before[1], true),
        set_config('hybridapp.zones', before[2], true),
        set_config('hybridapp.slugs', before[3], true),
        set_config('hybridapp.system', before[4], true);
    return made_from <@ readable;
end $$;

create function assistants_withdrawn(answers uuid[]) returns setof uuid
language plpgsql volatile as $$
declare
    before text := coalesce(current_setting('hybridapp.system', true), '');
begin
    perform set_config('hybridapp.system', 'on', true);
    return query select answer.id
        from assistants_answer answer
        join assistants_message message on message.id = answer.message_id
        join auth_user on auth_user.id = message.author_id
        where answer.id = any (answers) and not (
            auth_user.is_active and coalesce(answer.made_from, answer.zones) <@ array(
                select slug from assistants_zones_of(message.author_id)
            )
        );
    perform set_config('hybridapp.system', before, true);
end $$;

create function assistants_withheld(reader bigint, readable varchar[], chat uuid)
returns table (answer_id uuid, message_id uuid, number int)
language plpgsql volatile as $$
declare
    before text := coalesce(current_setting('hybridapp.system', true), '');
begin
    perform set_config('hybridapp.system', 'on', true);
    return query select answer.id, answer.message_id, answer.number
        from assistants_message message
        join assistants_answer answer on answer.message_id = message.id
        where message.conversation_id = chat and message.author_id = reader
            and not coalesce(answer.made_from, answer.zones) <@ readable
        order by answer.message_id, answer.number;
    perform set_config('hybridapp.system', before, true);
end $$;
"""

NO_FUNCTIONS = """
drop function assistants_withheld(bigint, varchar[], uuid);
drop function assistants_withdrawn(uuid[]);
drop function assistants_make_from(uuid, varchar[]);
drop function assistants_asker_of(uuid);
drop function assistants_act_for(bigint);
drop function assistants_scope_of(bigint);
drop function assistants_zones_of(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0007_zone_rules")]

    operations = [
        migrations.AddField(
            model_name="answer",
            name="made_from",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.SlugField(),
                null=True,
                blank=True,
                size=None,
                help_text="slugs of the zones that its passages and earlier answers are from; "
                "who may not read one of them may not read it (unknown: all of its zones)",
            ),
        ),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table, system=SYSTEM, rule=rule),
                NO_ROW_LEVEL_SECURITY.format(table=table),
            )
            for table, rule in RULES.items()
        ],
        migrations.RunSQL(FUNCTIONS + OVERVIEWS, NO_FUNCTIONS),
    ]
