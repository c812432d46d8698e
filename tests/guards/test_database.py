"""What the database itself must hold, whatever the code forgets."""

from __future__ import annotations

from typing import Any
from unittest import mock

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from assistants import control
from assistants.checks import check_role
from assistants.models import Answer, AuditEvent, Chunk, Conversation, Document, DocumentVersion
from tests import factories

# What is in documents and conversations, or is made from it: forced row-level security.
CONTENT = {
    "assistants_document",
    "assistants_documentversion",
    "assistants_chunk",
    "assistants_embedding",
    "assistants_lexeme",
    "assistants_entity",
    "assistants_mention",
    "assistants_relation",
    "assistants_term",
    "assistants_conversation",
    "assistants_message",
    "assistants_answer",
    "assistants_citation",
    "assistants_generation",
    "assistants_guardrailfinding",
    "assistants_incident",
    "assistants_redactionmap",
    "assistants_reviewitem",
    "assistants_reviewdecision",
    "assistants_reviewcase",
    "assistants_notification",
    "assistants_note",
    "assistants_noteversion",
    "assistants_folder",
    "assistants_feedback",
    "assistants_share",
    "assistants_keptreceipt",
    "assistants_recording",
    "assistants_recordingchunk",
    "assistants_recordingpart",
    "assistants_transcript",
    "assistants_segment",
    "assistants_segmentedit",
    "assistants_savedprompt",
    "assistants_savedpromptversion",
    "assistants_attachment",
}
# Every other table that could hold text, and why it need not hide any.
NO_CONTENT = {
    "assistants_apikey": "whose keys there are, by hash; its pages ask for a permission",
    "assistants_assistant": "an assistant's settings, by its admins",
    "assistants_assistanttrial": "which version was tried by whom, by ids and a hash",
    "assistants_assistantversion": "what an assistant is told, as its admins wrote it",
    "assistants_auditevent": "who did what, by ids and hashes; the trail is for admins",
    "assistants_budget": "what may be spent, by whom",
    "assistants_deployment": "where models run",
    "assistants_dismissal": "which notices a person has closed",
    "assistants_egressrecord": "what left and what did not, by counts and hashes; for admins",
    "assistants_embeddingmodel": "which models there are",
    "assistants_policy": "whose policies there are",
    "assistants_policyversion": "what is allowed, as admins wrote it",
    "assistants_notetemplate": "the sections of a kind of note, by admins",
    "assistants_promptversion": "what the house tells a model",
    "assistants_shadowdifference": "decisions, by ids and the names of rules",
    "assistants_reviewreason": "reasons that reviewers choose from, by admins",
    "assistants_source": "where documents come from; its pages ask for a permission",
    "assistants_zone": "a zone's rules",
    "assistants_zonechange": "what an admin asked for and why; its pages ask for a permission",
    "auth_group": "departments",
    "auth_permission": "Django's names of permissions",
    "auth_user": "accounts",
    "django_admin_log": "what admins changed, by name",
    "django_content_type": "Django's names of tables",
    "django_migrations": "which migrations ran",
    "django_session": "sessions, by their secret",
}
MAY = {"SELECT", "INSERT", "UPDATE", "DELETE"}
MAY_LESS = {
    "assistants_apikey": {"SELECT", "INSERT"},  # and to note when it was used or revoked
    "assistants_auditevent": {"SELECT", "INSERT"},
    "assistants_egressrecord": {"SELECT", "INSERT"},
    "django_migrations": {"SELECT"},
}
# Any but numbers, dates, truth values and ids.
TABLES_WITH_TEXT = """
select distinct table_name from information_schema.columns
join information_schema.tables using (table_schema, table_name)
where table_schema = 'public' and table_type = 'BASE TABLE'
    and udt_name !~ '^_?(int[248]|float[48]|numeric|bool|date|timestamptz|interval|uuid|inet)$'
"""
PRIVILEGES = """
select relname, array_agg(privilege order by privilege) filter (
    where has_table_privilege(pg_class.oid, privilege)
)
from pg_class, unnest(
    array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
) as privilege
where relkind = 'r' and relnamespace = 'public'::regnamespace
group by relname
"""

OWNED = {
    "pg_class": "relowner",
    "pg_proc": "proowner",
    "pg_type": "typowner",
    "pg_namespace": "nspowner",
    "pg_database": "datdba",
}


def rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_a_table_with_text_is_content_or_says_why_not(db):
    """A new one must be put into one of the lists above."""
    assert {name for (name,) in rows(TABLES_WITH_TEXT)} - CONTENT == NO_CONTENT.keys()


@pytest.mark.parametrize("table", sorted(CONTENT))
def test_content_has_forced_row_level_security(db, table):
    assert rows(
        "select relrowsecurity, relforcerowsecurity, (select count(*) from pg_policy "
        f"where polrelid = pg_class.oid) from pg_class where relname = '{table}'"
    ) == [(True, True, 1)]


def test_a_zone_of_content_is_content(db):
    """What names a zone and is not hidden with it says above what it is."""
    zoned = {name for (name,) in rows(
        "select table_name from information_schema.columns where column_name = 'zone_id' "
        "and table_schema = 'public'"
    )}  # fmt: skip
    plain = {"assistants_source", "assistants_zonechange"}
    of_rules = {"assistants_zone_readers", "assistants_assistant_zones"}
    assert zoned - CONTENT == plain | of_rules


def test_without_rights_nothing_is_seen(cast):
    factories.make_document(cast.zones.compliance, "The limit is EUR 100.")
    for model in (Document, DocumentVersion, Chunk, Conversation, Answer):
        assert list(model.objects.all()) == []


class TestTheAppsRole:
    """The tests run as it (tests/conftest.py)."""

    def test_it_is_bound_by_row_level_security(self, db):
        assert check_role(None, databases=["default"]) == []
        assert rows(
            "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb "
            "from pg_roles where rolname = current_user"
        ) == [(settings.APP_DATABASE["USER"], False, False, False, False)]

    def test_it_owns_nothing_and_is_nobody_else(self, db):
        for catalogue, owner in OWNED.items():
            owned = f"select oid from {catalogue} where {owner} = user::regrole"
            assert rows(owned) == [], catalogue
        assert (
            rows(
                "select rolname from pg_roles where rolname <> user and pg_has_role(oid, 'member')"
            )
            == []
        )

    def test_it_has_one_thing_made_by_the_owner(self, db):
        """The graph of the vectors (docs/adr/0008), which the owner's function alone describes."""
        assert rows(
            "select proname::text, proconfig[1] from pg_proc "
            "where prosecdef and pronamespace = 'public'::regnamespace"
        ) == [("assistants_build_graph", 'search_path="$user", public')]

    def test_it_may_read_and_write_rows_and_no_more(self, db):
        granted = {name: set(privileges or ()) for name, privileges in rows(PRIVILEGES)}
        assert granted.keys() >= CONTENT
        for table, privileges in granted.items():
            # To truncate is granted to the tests alone (tests/conftest.py).
            assert privileges - {"TRUNCATE"} == MAY_LESS.get(table, MAY), table

    @pytest.mark.parametrize(
        "statement",
        [
            "alter table assistants_chunk disable row level security",
            "alter table assistants_chunk no force row level security",
            "drop policy scope on assistants_chunk",
            "create policy wide on assistants_chunk using (true)",
            "alter policy rights on assistants_answer using (true)",
            "alter table assistants_chunk disable trigger all",
            "alter table assistants_auditevent disable trigger append_only",
            "alter table assistants_egressrecord disable trigger append_only",
            "alter table assistants_policyversion disable trigger kept",
            "alter table assistants_zone add column more text",
            "create table mine (text text)",
            "create index mine on assistants_chunk (text)",
            "create or replace function assistants_zones_of(reader bigint) "
            "returns table (id bigint, slug varchar) language sql stable "
            "as 'select id, slug from assistants_zone'",
            "drop table assistants_chunk",
            "set role hybridapp",
            "set session_replication_role = 'replica'",
            "alter role current_user bypassrls",
            "update assistants_auditevent set actor = 'x'",
            "delete from assistants_auditevent",
            "update assistants_egressrecord set outcome = 'block'",
            "delete from assistants_egressrecord",
            "update assistants_apikey set user_id = 1",
            "update assistants_apikey set sha256 = 'x'",
            "delete from assistants_apikey",
            "insert into django_migrations (app, name, applied) values ('a', 'b', now())",
        ],
    )
    def test_it_cannot_lift_its_limits(self, db, statement):
        control.record_event(action="test")
        with (
            pytest.raises(DatabaseError, match=r"permission denied|must be owner|must have"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_row_security_off_is_an_error_and_shows_nothing(self, cast):
        factories.make_document(cast.zones.compliance, "The limit is EUR 100.")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local row_security = off")
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                cursor.execute("select * from assistants_chunk")


@pytest.mark.parametrize("table", sorted(CONTENT))
def test_the_owner_is_bound_as_well(owner: psycopg.Connection, table: str):
    """Should one role have to do for both, it still sees nothing without rights."""
    assert owner.execute(f"select row_security_active('{table}')").fetchone() == (True,)


def test_the_owner_does_not_change_the_trail(owner: psycopg.Connection):
    control.record_event(action="test")
    with pytest.raises(psycopg.DatabaseError, match="append-only"):
        owner.execute("delete from assistants_auditevent")
    assert AuditEvent.objects.count() == 1


def test_an_exempt_role_is_refused(db):
    assert check_as(True, False) == "assistants.E001"


def test_a_role_that_owns_the_tables_is_warned_of(db):
    assert check_as(False, True) == "assistants.W002"


def test_a_role_that_is_not_there_is_told(db, settings):
    settings.APP_DATABASE = {**settings.APP_DATABASE, "USER": "nobody_such"}
    (error,) = check_role(None, databases=["default"])
    assert error.id == "assistants.E002"


def check_as(*found: bool) -> str:
    with mock.patch("assistants.checks.connections") as connections:
        cursor = connections.__getitem__.return_value.cursor.return_value.__enter__.return_value
        cursor.fetchone.return_value = found
        (message,) = check_role(None, databases=["default"])
    return str(message.id)
