"""A conversation's map in the database: encrypted, its owner's, one value to a placeholder."""

from __future__ import annotations

import threading
import uuid
from types import SimpleNamespace

import pytest
from django.db import connection, connections
from django.test import override_settings

from assistants import data
from assistants.exceptions import NotFound
from assistants.models import Assistant, Conversation, RedactionMap

NONE = data.TermList()
TEXT = "Ask Jane Roe, jane.roe@example.com."


def create_conversation(owner, slug: str = "compliance") -> uuid.UUID:
    with data.rights_of_user(owner):
        return Conversation.objects.create(
            owner=owner, assistant=Assistant.objects.get(slug=slug), title="t", zones=["general"]
        ).pk


def seal_in(user, conversation: uuid.UUID, text: str = TEXT, *, lock: bool = True) -> str:
    with data.rights_of_user(user):
        seal = data.get_seal(conversation, lock=lock)
        sealed = seal.seal_text(text, terms=NONE)
        data.save_seal(conversation, seal)
    return sealed


@pytest.fixture
def conversation(cast: SimpleNamespace) -> uuid.UUID:
    return create_conversation(cast.alice)


def test_it_continues_where_it_was(cast, conversation):
    assert seal_in(cast.alice, conversation) == "Ask [PERSON_1], [EMAIL_1]."
    assert seal_in(cast.alice, conversation, "Bo Lindqvist and Jane Roe") == (
        "[PERSON_2] and [PERSON_1]"
    )
    with data.rights_of_user(cast.alice):
        restorer = data.get_seal(conversation).restorer()
    assert restorer.feed("[PERSON_2]: [EMAIL_1]") == "Bo Lindqvist: jane.roe@example.com"


def test_harmless_values_and_moved_dates_are_kept(cast, conversation):
    with data.rights_of_user(cast.alice):
        seal = data.get_seal(conversation, dates="shift")
        seal.mark_harmless("Jane Roe")
        sealed = seal.seal_text("Jane Roe, 3 March 2026", terms=NONE)
        data.save_seal(conversation, seal)
        again = data.get_seal(conversation, dates="shift")
        assert again.seal_text("Jane Roe, 3 March 2026", terms=NONE) == sealed
        assert sealed.startswith("Jane Roe, ")
        assert "March 2026" not in sealed


def test_nothing_sealed_stores_nothing(cast, conversation):
    seal_in(cast.alice, conversation, "What is the limit for gifts?")
    with data.rights_of_system():
        assert not RedactionMap.objects.exists()


def test_the_table_holds_no_value(cast, conversation):
    seal_in(cast.alice, conversation)
    with data.rights_of_system():
        row = RedactionMap.objects.get()
        with connection.cursor() as cursor:
            cursor.execute("select redactionmap::text from assistants_redactionmap redactionmap")
            whole = str(cursor.fetchone())
    for value in ("Jane", "Roe", "example", "PERSON"):
        assert value.encode() not in bytes(row.sealed)
        assert value not in whole
        assert value.encode().hex() not in whole


def test_each_write_has_its_own_nonce(cast, conversation):
    written = set()
    for number in range(3):
        seal_in(cast.alice, conversation, f"Ask Bo Lindqvist and person{number}@example.com")
        with data.rights_of_system():
            written.add(bytes(RedactionMap.objects.get().sealed)[:12])
    assert len(written) == 3


# -- rights ----------------------------------------------------------------------------------------


def test_another_user_sees_and_changes_nothing(cast, conversation):
    seal_in(cast.alice, conversation)
    for other in (cast.carol, cast.outsider, cast.adam):
        with data.rights_of_user(other):
            assert not RedactionMap.objects.exists()
            assert not RedactionMap.objects.update(sealed=b"")
            assert not RedactionMap.objects.all().delete()[0]
            with pytest.raises(NotFound):
                data.get_seal(conversation)
            strange = data.Seal()
            strange.seal_text(TEXT, terms=NONE)
            with pytest.raises(NotFound):
                data.save_seal(conversation, strange)
    with data.rights_of_system():
        assert RedactionMap.objects.count() == 1


def test_without_rights_there_is_nothing(cast, conversation):
    seal_in(cast.alice, conversation)
    assert not RedactionMap.objects.exists()
    with pytest.raises(NotFound):
        data.get_seal(conversation)


def test_a_map_cannot_be_given_to_a_conversation_of_somebody_else(cast, conversation):
    strange = create_conversation(cast.carol, "clinical")
    with (
        pytest.raises(Exception, match="row-level security"),
        data.rights_of_user(cast.alice),
    ):
        RedactionMap.objects.create(conversation_id=strange, sealed=b"x", key_id="y")


def test_it_goes_with_its_conversation(cast, conversation):
    seal_in(cast.alice, conversation)
    with data.rights_of_user(cast.alice):
        Conversation.objects.get(pk=conversation).delete()
    with data.rights_of_system():
        assert not RedactionMap.objects.exists()


# -- keys ------------------------------------------------------------------------------------------


def test_an_earlier_key_opens_and_the_current_one_writes(cast, conversation, settings):
    seal_in(cast.alice, conversation)
    earlier = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another-secret-key", SECRET_KEY_FALLBACKS=[earlier]):
        assert seal_in(cast.alice, conversation, "Bo Lindqvist, Jane Roe") == (
            "[PERSON_2], [PERSON_1]"
        )
    with override_settings(SECRET_KEY="another-secret-key", SECRET_KEY_FALLBACKS=[]):
        assert seal_in(cast.alice, conversation, "Jane Roe") == "[PERSON_1]"


def test_a_lost_key_is_an_error_and_never_an_empty_map(cast, conversation):
    seal_in(cast.alice, conversation)
    with override_settings(SECRET_KEY="another-secret-key"), data.rights_of_user(cast.alice):
        with pytest.raises(data.SealUnreadable) as error:
            data.get_seal(conversation)
        assert "SECRET_KEY_FALLBACKS" in error.value.user_message
        fresh = data.Seal()
        fresh.seal_text("Bo Lindqvist", terms=NONE)
        with pytest.raises(data.SealUnreadable):
            data.save_seal(conversation, fresh)
    assert seal_in(cast.alice, conversation, "Jane Roe") == "[PERSON_1]"


def test_a_changed_or_swapped_map_does_not_open(cast, conversation):
    other = create_conversation(cast.alice)
    seal_in(cast.alice, conversation)
    seal_in(cast.alice, other, "Ask Bo Lindqvist")
    with data.rights_of_user(cast.alice):
        mine, theirs = (RedactionMap.objects.get(pk=each) for each in (conversation, other))
        RedactionMap.objects.filter(pk=other).update(sealed=bytes(mine.sealed))
        with pytest.raises(data.SealUnreadable):
            data.get_seal(other)
        bits = bytearray(theirs.sealed)
        bits[-1] ^= 1
        RedactionMap.objects.filter(pk=other).update(sealed=bytes(bits))
        with pytest.raises(data.SealUnreadable):
            data.get_seal(other)
        RedactionMap.objects.filter(pk=other).update(sealed=b"")
        with pytest.raises(data.SealUnreadable):
            data.get_seal(other)


# -- two answers at once --------------------------------------------------------------------------


def test_without_a_lock_a_number_is_not_given_twice(cast, conversation):
    with data.rights_of_user(cast.alice):
        first, second = data.get_seal(conversation), data.get_seal(conversation)
        assert first.seal_text("Jane Roe", terms=NONE) == "[PERSON_1]"
        assert second.seal_text("Bo Lindqvist", terms=NONE) == "[PERSON_1]"
        data.save_seal(conversation, first)
        with pytest.raises(data.SealConflict):
            data.save_seal(conversation, second)
        again = data.get_seal(conversation)
        assert again.seal_text("Bo Lindqvist", terms=NONE) == "[PERSON_2]"


def test_without_a_lock_what_agrees_is_joined(cast, conversation):
    with data.rights_of_user(cast.alice):
        first, second = data.get_seal(conversation), data.get_seal(conversation)
        first.seal_text("Jane Roe", terms=NONE)
        second.seal_text("jane.roe@example.com", terms=NONE)
        data.save_seal(conversation, first)
        data.save_seal(conversation, second)
        values = data.get_seal(conversation).values
    assert sorted(values) == ["Jane Roe", "jane.roe@example.com"]


@pytest.mark.django_db(transaction=True)
def test_with_a_lock_many_answers_number_different_people(cast):
    conversation = create_conversation(cast.alice)
    names = ["Jane Roe", "Bo Lindqvist", "Agnieszka Wiśniewska", "Idris Quellane", "Lotte Maarsen"]
    sealed: dict[str, str] = {}
    failures: list[Exception] = []
    together = threading.Barrier(len(names))

    def answer(name: str) -> None:
        try:
            together.wait(20)
            sealed[name] = seal_in(cast.alice, conversation, f"Ask Ms {name}")
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=answer, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(set(sealed.values())) == len(names)
    with data.rights_of_user(cast.alice):
        seal = data.get_seal(conversation)
    for name, text in sealed.items():
        restorer = seal.restorer()
        assert restorer.feed(text) + restorer.finish() == f"Ask Ms {name}"
