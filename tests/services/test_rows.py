from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from assistants import data
from assistants.models import Answer, Assistant, Conversation, Generation, Message, rows
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def turn(cast):
    """A conversation, its message and its answer, new and not stored."""
    assistant = Assistant.objects.get(slug="compliance")
    chat = Conversation(owner=cast.alice, assistant=assistant, title="Grüße", zones=["general"])
    message = Message(conversation=chat, author=cast.alice, client_id="c", text="?", zones=[])
    return chat, message, Answer(message=message, made_from=[])


@pytest.fixture
def as_alice(cast):
    with data.rights_of_user(cast.alice):
        yield


def test_rows_are_stored_as_the_models_would(turn, as_alice):
    rows.insert(*turn)
    for row in turn:
        stored = type(row).objects.get(pk=row.pk)
        for field in row._meta.concrete_fields:
            assert getattr(stored, field.attname) == getattr(row, field.attname), field
        assert not row._state.adding


def test_a_joined_row_is_read_as_the_models_would(turn, as_alice):
    rows.insert(*turn)
    answers, messages = rows.Columns(Answer, "answer"), rows.Columns(Message, "message")
    found = rows.read(
        f"select {answers}, {messages} from assistants_answer answer "
        "join assistants_message message on message.id = answer.message_id where answer.id = %s",
        [turn[2].pk],
    )
    values = iter(found)
    for row, columns in ((turn[2], answers), (turn[1], messages)):
        read = columns.read(values)
        assert read == row
        for field in row._meta.concrete_fields:
            assert getattr(read, field.attname) == getattr(row, field.attname), field
    assert next(values, None) is None


def test_an_update_stores_what_it_names_and_says_whether_it_met_the_row(turn, as_alice):
    rows.insert(*turn)
    answer = turn[2]
    answer.status, answer.text, answer.cost = Answer.Status.COMPLETED, "Yes.", Decimal("0.5")
    answer.receipt = {"zones": ["general"], "n": 1}
    pending = ("status = %s", [Answer.Status.PENDING])
    assert rows.update(answer, ("status", "receipt", "cost"), *pending)
    stored = Answer.objects.get(pk=answer.pk)
    assert (stored.status, stored.receipt) == ("completed", answer.receipt)
    assert (stored.cost, stored.text) == (Decimal("0.5"), "")
    assert not rows.update(answer, ("text",), *pending)


def test_all_of_an_insert_or_none(turn, as_alice):
    rows.insert(*turn)
    again = Message(conversation=turn[0], author_id=turn[1].author_id, client_id="c", zones=[])
    other = Conversation(
        owner_id=turn[0].owner_id, assistant_id=turn[0].assistant_id, title="-", zones=[]
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(other, again)
    assert not Conversation.objects.filter(pk=other.pk).exists()


def test_the_rights_hold_for_plain_statements_too(turn, cast):
    with data.rights_of_user(cast.alice):
        rows.insert(*turn)
    deployment = factories.make_deployment("server")
    with data.rights_of_user(cast.dave):
        assert rows.read("select id from assistants_answer where id = %s", [turn[2].pk]) is None
        turn[2].text = "mine now"
        assert not rows.update(turn[2], ("text",))
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            rows.insert(Generation(answer=turn[2], deployment=deployment, duration_ms=1.0))


def test_a_statement_is_prepared_once(turn, as_alice):
    if connection.connection.prepare_threshold is None:
        pytest.fail("the tests run without the pool that the product has")
    rows.insert(*turn)
    kept = []
    for text in ("a", "b", "c"):
        turn[2].text = text
        rows.update(turn[2], ("text",))
        kept.append(prepared())
    assert kept[0]
    assert kept == kept[:1] * 3


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_prepared_statements")
        return int(cursor.fetchone()[0])
