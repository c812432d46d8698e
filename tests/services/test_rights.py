"""Rights in a turn: what the asker may no longer read is not shown, not used and not kept."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assistants import compute, data
from assistants.exceptions import AccessWithdrawn, NotFound
from assistants.models import Answer, AuditEvent, Citation, Conversation, Generation, Message
from assistants.services import chat, conversations, following
from assistants.types import Evidence, Passage
from tests import factories, fakes
from tests.fakes import STALL

WITHDRAWN = "You may no longer read what this answer was made from."


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models, monkeypatch):
    """The cast; every question finds one passage of the compliance zone, if its asker may."""
    factories.make_deployment("server")
    models.says("server", ["It is EUR 100 [1]."])
    chunk = factories.make_document(cast.zones.compliance, "The limit is EUR 100.")

    def search(scope, zone_ids, query, vector, **more):
        if cast.zones.compliance.pk not in scope.zone_ids:
            return []
        return [
            Passage(
                number=1,
                chunk_id=str(chunk.pk),
                document_id=str(chunk.version.document_id),
                version_id=str(chunk.version_id),
                title="Gifts policy",
                section="",
                text=chunk.text,
                zone="compliance",
                start=0,
                end=10,
                evidence=Evidence(1.0, 1.0, 1.0, 1.0),
            )
        ]

    monkeypatch.setattr(data, "search", search)
    monkeypatch.setattr(data, "is_relevant", lambda evidence: True)
    return cast


def open_turn(user, text="What is the limit for gifts?", client_id="c1", **extra):
    queue: list[str] = []
    turn = {"assistant": "compliance", "client_id": client_id, "enqueue": queue.append, **extra}
    return chat.open_turn(user, text=text, **turn)


def ask(user, *args, **extra):
    accepted = open_turn(user, *args, **extra)
    chat.answer(accepted.answer)
    return accepted


@data.rights_of_system()
def stored(answer: str) -> Answer:
    return Answer.objects.get(pk=answer)


def visible_to(user) -> dict[str, int]:
    """How many rows of each table that hangs on a conversation the database shows."""
    tables = (Conversation, Message, Answer, Citation, Generation)
    with data.rights_of_user(user):
        return {table.__name__: table.objects.count() for table in tables}


ALL = {"Conversation": 1, "Message": 1, "Answer": 1, "Citation": 1, "Generation": 1}


def take_away(house):
    house.zones.compliance.readers.clear()


def give_back(house):
    house.zones.compliance.readers.set(house.alice.groups.all())


def frames_after(stream: following.Stream, after: int = 0):
    async def read():
        return [frame async for frame in following.follow(stream, after)]

    return compute.run(read())


def test_a_conversation_is_its_owners_and_nobody_elses(house):
    ask(house.alice)
    assert visible_to(house.alice) == ALL
    for other in (house.dave, house.adam, house.outsider, None):
        assert not any(visible_to(other).values())


def test_an_answer_is_withheld_with_what_it_was_made_from_and_comes_back_with_it(house):
    accepted = ask(house.alice)
    take_away(house)
    assert visible_to(house.alice) == {**ALL, "Answer": 0, "Citation": 0, "Generation": 0}
    (turn,) = conversations.get_conversation(house.alice, accepted.conversation).turns
    (shown,) = turn.answers
    assert (shown.text, shown.html, shown.citations) == ("", "", [])
    assert (shown.error_code, shown.error_message) == ("access_withdrawn", WITHDRAWN)
    assert str(shown.id) == accepted.answer
    give_back(house)
    (turn,) = conversations.get_conversation(house.alice, accepted.conversation).turns
    assert turn.answers[0].text == "It is EUR 100 [1]."
    assert visible_to(house.alice) == ALL


def test_a_withheld_answer_is_not_followed_quoted_or_made_again(house):
    accepted = ask(house.alice)
    take_away(house)
    (end,) = frames_after(following.access_stream(house.alice, accepted.answer), 3)
    assert (end.number, end.type, end.data["code"]) == (4, "answer.failed", "access_withdrawn")
    assert not end.data["retry"]
    with pytest.raises(AccessWithdrawn):
        conversations.get_citation(house.alice, accepted.answer, 1)
    with pytest.raises(AccessWithdrawn):
        chat.regenerate(
            house.alice, client_id="r", answer=accepted.answer, enqueue=lambda answer: None
        )
    assert conversations.list_withheld(house.alice, accepted.conversation) == [
        stored(accepted.answer).pk
    ]
    # Whose answer it is not learns nothing of it, also not that it is withheld.
    with pytest.raises(NotFound) as refused:
        following.access_stream(house.dave, accepted.answer)
    assert not isinstance(refused.value, AccessWithdrawn)


def test_a_conversation_goes_on_without_what_may_not_be_read(house, models):
    first = ask(house.alice)
    take_away(house)
    second = ask(house.alice, "And for meals?", "c2", conversation=first.conversation)
    assert models.prompts[-1][1].question == "And for meals?"
    told = " ".join(message.text for message in models.prompts[-1][1].messages)
    assert "EUR 100" not in told
    assert "What is the limit" not in told
    answer = stored(second.answer)
    assert (answer.status, answer.made_from) == ("completed", [])
    with data.rights_of_system():
        assert str(Message.objects.get(pk=second.message).parent_id) == first.answer
    view = conversations.get_conversation(house.alice, first.conversation)
    assert [turn.answers[0].error_code for turn in view.turns] == ["access_withdrawn", ""]


def test_an_answer_made_from_an_earlier_one_is_withheld_with_it(house, monkeypatch):
    first = ask(house.alice)
    monkeypatch.setattr(data, "search", lambda *args, **more: [])
    second = ask(house.alice, "Say it again.", "c2", conversation=first.conversation)
    assert stored(second.answer).made_from == ["compliance"]
    take_away(house)
    assert visible_to(house.alice)["Answer"] == 0


def test_the_zone_of_a_question_alone_withholds_nothing(house, monkeypatch):
    """A person may always read what they wrote, and an answer that was made from nothing else."""
    monkeypatch.setattr(data, "search", lambda *args, **more: [])
    house.zones.general.readers.clear()
    accepted = ask(house.alice)
    assert stored(accepted.answer).zones == ["general"]
    assert visible_to(house.alice)["Answer"] == 1


def test_a_right_lost_between_search_and_answer_ends_it_before_a_word(house, models, monkeypatch):
    searched = data.search

    def search(*args, **more):
        found = searched(*args, **more)
        take_away(house)
        return found

    monkeypatch.setattr(data, "search", search)
    accepted = ask(house.alice)
    answer = stored(accepted.answer)
    assert (answer.status, answer.error_code, answer.text) == ("failed", "access_withdrawn", "")
    assert models.prompts == []


def test_a_right_lost_at_the_end_keeps_nothing_and_says_so(house, models, monkeypatch):
    close = chat.close_turn

    def close_after(*args, **more):
        take_away(house)
        return close(*args, **more)

    monkeypatch.setattr(chat, "close_turn", close_after)
    accepted = ask(house.alice)
    answer = stored(accepted.answer)
    assert (answer.status, answer.error_code, answer.text) == ("failed", "access_withdrawn", "")
    assert answer.receipt["status"] == "failed"
    assert AuditEvent.objects.filter(subject=accepted.answer, action="answer.failed").exists()
    with data.rights_of_system():
        assert not answer.citations.exists()
        assert [attempt.outcome for attempt in answer.generations.all()] == ["stop"]


def test_a_second_runner_ends_an_answer_whose_asker_lost_the_right(house, models):
    accepted = open_turn(house.alice)
    data.note_made_from(accepted.answer, ["compliance"])
    take_away(house)
    chat.answer(accepted.answer)
    answer = stored(accepted.answer)
    assert (answer.status, answer.error_code) == ("failed", "access_withdrawn")
    assert models.prompts == []
    # An earlier runner may have shown some of it: the stream stays closed, until the right is back.
    assert following.access_stream(house.alice, accepted.answer).withheld
    give_back(house)
    assert not following.access_stream(house.alice, accepted.answer).withheld


def test_an_answer_to_somebody_switched_off_is_ended(house, models):
    accepted = open_turn(house.alice)
    house.alice.is_active = False
    house.alice.save()
    assert data.list_withdrawn([accepted.answer]) == {accepted.answer}
    chat.answer(accepted.answer)
    assert stored(accepted.answer).error_code == "access_withdrawn"
    assert models.prompts == []


def test_noting_leaves_the_rights_of_a_transaction_as_they_were(house):
    accepted = open_turn(house.alice)
    with data.rights_of_user(house.dave) as scope, connection.cursor() as cursor:
        assert data.note_made_from(accepted.answer, ["compliance"])
        assert not data.note_made_from(accepted.answer, ["clinical"])
        assert data.list_withdrawn([accepted.answer]) == set()
        cursor.execute(
            "select current_setting('hybridapp.user'), current_setting('hybridapp.zones'), "
            "current_setting('hybridapp.slugs'), current_setting('hybridapp.system')"
        )
        user, zones, slugs, system = cursor.fetchone()
    assert (user, system) == (str(house.dave.pk), "")
    assert zones == "{" + ",".join(map(str, scope.zone_ids)) + "}"
    assert slugs == "{" + ",".join(scope.slugs) + "}"
    assert stored(accepted.answer).made_from == ["compliance"]


@pytest.mark.django_db(transaction=True)
def test_a_runner_stops_while_the_model_still_talks(house, models):
    """Without a word from anybody: it looks by itself."""
    models.says("server", ["It is EUR 100 [1] and ", STALL])
    accepted = open_turn(house.alice)

    async def lose_at_first_text():
        async for frame in compute.read_frames(accepted.answer, 0):
            if frame and frame.type == "answer.delta":
                await asyncio.to_thread(lose)
                return

    def lose():
        with connection.cursor() as cursor:
            cursor.execute("delete from auth_user_groups where user_id = %s", [house.alice.pk])
        connection.close()

    losing = compute.run(start(lose_at_first_text()))
    chat.answer(accepted.answer)
    assert losing.done()
    answer = stored(accepted.answer)
    assert (answer.status, answer.error_code, answer.text) == ("failed", "access_withdrawn", "")
    with data.rights_of_system():
        assert [a.outcome for a in answer.generations.all()] == ["access_withdrawn"]


async def start(coroutine):
    return asyncio.ensure_future(coroutine)


@pytest.mark.django_db(transaction=True)
def test_a_turn_asks_for_rights_as_seldom_as_it_can(house):
    """A statement each: to store the message, to load the answer, to note what it is made from,
    and to store its end. Each but the third is in a transaction, which holds all else as well.
    """
    with CaptureQueriesContext(connection) as opening:
        accepted = open_turn(house.alice)
    with CaptureQueriesContext(connection) as answering:
        chat.answer(accepted.answer)
    assert count(opening, "assistants_act_for") == 1
    assert count(opening, "BEGIN") == 1
    assert count(answering, "assistants_act_for") == 2
    assert count(answering, "assistants_make_from") == 1
    assert count(answering, "BEGIN") == 2  # the search, which is faked here, has its own
    assert count(answering, "current_setting") == count(answering, "SAVEPOINT") == 0


def count(queries: CaptureQueriesContext, word: str) -> int:
    return sum(word in query["sql"] for query in queries.captured_queries)
