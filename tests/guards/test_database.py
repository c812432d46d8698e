"""What the database itself must hold, whatever the code forgets."""

from __future__ import annotations

from unittest import mock

import pytest
from django.apps import apps
from django.db import connection

from assistants.checks import check_role

# Text of documents. Conversations are private by their owner and are not searched by others.
CONTENT = [
    "Document",
    "DocumentVersion",
    "Chunk",
    "Embedding",
    "Lexeme",
    "Entity",
    "Mention",
    "Relation",
    "Term",
]
# They name a zone and carry none of its text.
ABOUT_ZONES = ["Source", "ZoneChange"]


@pytest.mark.parametrize("model", CONTENT)
def test_content_tables_have_forced_row_level_security(db, model):
    table = apps.get_model("assistants", model)._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "select relrowsecurity, relforcerowsecurity from pg_class where relname = %s", [table]
        )
        assert cursor.fetchone() == (True, True)


def test_every_table_with_a_zone_is_content(db):
    """A new table that carries text of a zone must not be forgotten above."""
    zoned = {
        model.__name__
        for model in apps.get_app_config("assistants").get_models()
        if any(field.name == "zone" for field in model._meta.get_fields())
    }
    assert zoned == set(CONTENT) | set(ABOUT_ZONES)


def test_the_tests_run_as_a_role_that_is_bound_by_it(db):
    assert check_role(None, databases=["default"]) == []


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


def test_without_rights_nothing_is_seen(cast):
    from assistants.models import Chunk, Document, DocumentVersion
    from tests.factories import make_document

    make_document(cast.zones.compliance, "The limit is EUR 100.")
    for model in (Document, DocumentVersion, Chunk):
        assert list(model.objects.all()) == []
