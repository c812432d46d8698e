"""The life of a conversation: found by its words, ordered, judged, shared, deleted.

Words are found by a column `search` that the database fills: as the English dictionary cuts them
and, for names, other languages and words half typed, as they stand. Only `data/history.py` reads
it, so no model knows it. Row-level security lets `@@` use the indexes where a superuser has
declared it leakproof (README, "Production").
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

READER = "(select nullif(current_setting('hybridapp.user', true), '')::bigint)"
SYSTEM = "(select coalesce(current_setting('hybridapp.system', true), '') = 'on')"
REVIEWED = """any ((
    select coalesce(nullif(current_setting('hybridapp.reviewed', true), ''), '{}')::uuid[]
)::uuid[])"""
# The one conversation that a colleague has opened in this transaction.
SHARED = "(select nullif(current_setting('hybridapp.shared', true), '')::uuid)"

# A tsvector may not grow over 1 MB: what stands behind the first 100,000 characters is not found.
WORDS = """
    to_tsvector('english', left(replace({text}, '/', ' '), 100000))
    || to_tsvector('simple', left(replace({text}, '/', ' '), 100000))
"""
SEARCH = f"""
alter table assistants_conversation add column search tsvector
    generated always as ({WORDS.format(text="title")}) stored;
alter table assistants_message add column search tsvector
    generated always as ({WORDS.format(text="text")}) stored;
alter table assistants_answer add column asker_id integer, add column search tsvector
    generated always as ({WORDS.format(text="text")}) stored;

set hybridapp.system = 'on';
update assistants_answer answer set asker_id = message.author_id
    from assistants_message message where message.id = answer.message_id;
reset hybridapp.system;

create index message_words on assistants_message using gin (author_id, search);
create index answer_words on assistants_answer using gin (asker_id, search);

create function assistants_note_asker() returns trigger language plpgsql as $$
begin
    select author_id into new.asker_id from assistants_message where id = new.message_id;
    return new;
end $$;
create trigger note_asker before insert on assistants_answer
    for each row execute function assistants_note_asker();
"""  # noqa: S608
NO_SEARCH = """
drop trigger note_asker on assistants_answer;
drop function assistants_note_asker();
alter table assistants_answer drop column search, drop column asker_id;
alter table assistants_message drop column search;
alter table assistants_conversation drop column search;
"""

# As in 0008 and 0021, and what is shared.
RULES = {
    "assistants_conversation": (f"owner_id = {READER}", f"id = {SHARED}"),
    "assistants_message": (
        f"author_id = {READER} or id = {REVIEWED}",
        f"conversation_id = {SHARED}",
    ),
}
ALTER = "alter policy rights on {table} using ({system} or {rule}{more});"
CONTENT = {
    "assistants_folder": f"owner_id = {READER}",
    "assistants_feedback": f"author_id = {READER}",
    "assistants_share": f"owner_id = {READER} or colleague_id = {READER}",
    "assistants_keptreceipt": f"owner_id = {READER}",
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

# Acting for somebody opens nothing that is shared; acting for a colleague opens one conversation,
# if all that it is made of is theirs to read at this moment: the zones of its messages and answers
# and, where more was detected in it than its zones hold, a zone as sensitive as that.
ACT_FOR = """
create or replace function assistants_act_for(
    reader bigint, out user_id bigint, out zone_ids bigint[], out slugs varchar[],
    out group_ids bigint[]
) language plpgsql volatile as $$
begin
    select * into user_id, zone_ids, slugs, group_ids from assistants_scope_of(reader);
    perform set_config('hybridapp.user', coalesce(user_id::text, ''), true),
        set_config('hybridapp.zones', zone_ids::text, true),
        set_config('hybridapp.slugs', slugs::text, true),
        set_config('hybridapp.system', '', true),
        set_config('hybridapp.reviewed', '', true){more};
end $$;
"""
SHARING = """
create function assistants_may_be_shared(chat uuid, reader bigint) returns boolean
language plpgsql volatile as $$
declare
    before text := coalesce(current_setting('hybridapp.system', true), '');
    readable varchar[];
    may boolean;
begin
    select slugs into readable from assistants_scope_of(reader) where user_id is not null;
    perform set_config('hybridapp.system', 'on', true);
    select conversation.zones <@ readable
        and not exists (
            select from assistants_message message
            left join assistants_answer answer on answer.message_id = message.id
            where message.conversation_id = chat and not (
                message.zones || coalesce(answer.zones, '{}') || coalesce(answer.made_from, '{}')
            ) <@ readable
        )
        and coalesce(conversation.detected, 0) <= (
            select coalesce(max(sensitivity), 0) from assistants_zone where slug = any (readable)
        )
        into may
        from assistants_conversation conversation
        join auth_user on auth_user.id = conversation.owner_id and auth_user.is_active
        where conversation.id = chat and conversation.expires is null
            and conversation.origin = 'page';
    perform set_config('hybridapp.system', before, true);
    return coalesce(may, false);
end $$;

create function assistants_act_for_colleague(
    reader bigint, share uuid, out user_id bigint, out zone_ids bigint[], out slugs varchar[],
    out group_ids bigint[]
) language plpgsql volatile as $$
declare
    chat uuid;
begin
    select * into user_id, zone_ids, slugs, group_ids from assistants_act_for(reader);
    select conversation_id into chat from assistants_share
        where id = share and colleague_id = user_id and revoked is null;
    if chat is not null and assistants_may_be_shared(chat, user_id) then
        perform set_config('hybridapp.shared', chat::text, true);
    end if;
end $$;
"""
NO_SHARING = """
drop function assistants_act_for_colleague(bigint, uuid);
drop function assistants_may_be_shared(uuid, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0024_vector_graph"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptReceipt",
            fields=[
                ("answer", models.UUIDField(primary_key=True, serialize=False)),
                ("receipt", models.JSONField()),
                ("receipt_sha256", models.CharField(max_length=64)),
                ("deleted", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Share",
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
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "opened",
                    models.DateTimeField(
                        blank=True, help_text="when it was last opened", null=True
                    ),
                ),
                ("revoked", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="archived",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="expires",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="pinned",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Feedback",
            fields=[
                (
                    "answer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="feedback",
                        serialize=False,
                        to="assistants.answer",
                    ),
                ),
                (
                    "verdict",
                    models.CharField(choices=[("up", "Good"), ("down", "Bad")], max_length=4),
                ),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("correct", "Correct"),
                                ("clear", "Clear and short"),
                                ("sources", "Good sources"),
                                ("wrong", "Wrong"),
                                ("incomplete", "Incomplete"),
                                ("unsupported", "Not what the sources say"),
                                ("misunderstood", "Did not understand the question"),
                                ("form", "Too long or hard to read"),
                            ],
                            max_length=20,
                        ),
                        default=list,
                        size=None,
                    ),
                ),
                ("comment", models.CharField(blank=True, max_length=1000)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("updated", models.DateTimeField(auto_now=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "feedback",
            },
        ),
        migrations.CreateModel(
            name="Folder",
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
                ("name", models.CharField(max_length=60)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": [django.db.models.functions.text.Lower("name")],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="folder",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="conversations",
                to="assistants.folder",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("expires", None), _negated=True),
                fields=["expires"],
                name="conversation_expires",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("pinned", None), _negated=True),
                fields=["owner"],
                name="conversation_pinned",
            ),
        ),
        migrations.AddField(
            model_name="keptreceipt",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="colleague",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="conversation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="shares",
                to="assistants.conversation",
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(fields=["-updated"], name="feedback_newest"),
        ),
        migrations.AddConstraint(
            model_name="folder",
            constraint=models.UniqueConstraint(
                models.F("owner"), django.db.models.functions.text.Lower("name"), name="folder_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="share",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked", None)),
                fields=("conversation", "colleague"),
                name="one_open_share",
            ),
        ),
        migrations.RunSQL(SEARCH, NO_SEARCH),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table, system=SYSTEM, rule=rule),
                NO_ROW_LEVEL_SECURITY.format(table=table),
            )
            for table, rule in CONTENT.items()
        ],
        *[
            migrations.RunSQL(
                ALTER.format(table=table, system=SYSTEM, rule=rule, more=f" or {more}"),
                ALTER.format(table=table, system=SYSTEM, rule=rule, more=""),
            )
            for table, (rule, more) in RULES.items()
        ],
        migrations.RunSQL(
            ACT_FOR.replace("{more}", ",\n        set_config('hybridapp.shared', '', true)"),
            ACT_FOR.replace("{more}", ""),
        ),
        migrations.RunSQL(SHARING, NO_SHARING),
    ]
