from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from assistants import data
from assistants.models import Term
from assistants.services import terms

LIST = """# clients
Brackenfell Logistics
  Odalys   Ferreira  # since March

Brackenfell Logistics
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text(LIST)
    return path


def test_a_list_is_imported_once(cast, file):
    out = StringIO()
    call_command("import_terms", str(file), "--zone", "compliance", stdout=out)
    call_command("import_terms", str(file), "--zone", "compliance", stdout=out)
    assert out.getvalue().splitlines() == [
        "3 names read, 2 of them new",
        "3 names read, 0 of them new",
    ]
    with data.rights_of_system():
        assert [str(term) for term in Term.objects.all()] == [
            "Brackenfell Logistics",
            "Odalys Ferreira",
        ]


def test_imported_terms_are_found_in_every_text(cast, file):
    assert not data.get_term_list()
    terms.import_terms(file, "compliance")
    text = "ask brackenfell  logistics' lawyer"
    spans = data.find_spans(text, data.get_term_list())
    assert ("PROTECTED_TERM", "brackenfell  logistics") in [
        (span.type, text[span.start : span.end]) for span in spans
    ]


def test_the_list_follows_the_table(cast, file):
    terms.import_terms(file, "compliance")
    assert data.get_term_list() is data.get_term_list()
    with data.rights_of_system():
        Term.objects.all().delete()
    assert not data.get_term_list()


def test_nobody_sees_them_without_rights(cast, file):
    terms.import_terms(file, "compliance")
    assert list(Term.objects.all()) == []


def test_another_zone_may_have_the_same_name(cast, file):
    terms.import_terms(file, "compliance")
    assert terms.import_terms(file, "code").new == 2


@pytest.mark.parametrize("content", [b"Acme\n---\n", b"x" * 201, b"Acme\n\xff\xfe", b"# only\n"])
def test_a_bad_file_changes_nothing(cast, tmp_path, content):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(CommandError):
        call_command("import_terms", str(path), "--zone", "compliance")
    with data.rights_of_system():
        assert Term.objects.count() == 0


def test_an_unknown_zone_is_said_to_be_so(db, file):
    with pytest.raises(CommandError, match="nowhere"):
        call_command("import_terms", str(file), "--zone", "nowhere")


def test_the_table_is_locked_by_zone(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "select relrowsecurity and relforcerowsecurity from pg_class "
            "where relname = 'assistants_term'"
        )
        assert cursor.fetchone() == (True,)
