"""A colleague reads what is shared with them only while they may read all that it is made of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from assistants import data
from assistants.exceptions import AccessWithdrawn, InvalidRequest, NotFound
from assistants.models import Answer, AuditEvent, Chunk, Conversation, Message, Share, Zone
from assistants.services import conversations, lifecycle, sharing
from tests import factories
from tests.web.test_chat_pages import ask, cite, gifts, reply, signed_in, start

__all__ = ["gifts"]


@pytest.fixture
def bob(cast: SimpleNamespace) -> User:
    return factories.make_user("bob", "compliance", first_name="Bob", last_name="B.")


@pytest.fixture
def chat(cast: SimpleNamespace) -> Conversation:
    chat = start(cast.alice, title="Gifts")
    first = reply(
        ask(chat, "The limit?"),
        "EUR **100**.",
        zones=["compliance", "general"],
        made_from=["compliance"],
        receipt={"rule": "So."},
        receipt_sha256="ab" * 32,
    )
    reply(ask(chat, "And meals?", parent=first), "A secret draft.", status="held")
    with data.rights_of_system():
        Conversation.objects.filter(pk=chat.pk).update(zones=["compliance", "general"])
    return chat


def may_open(user: User, share: Share) -> bool:
    try:
        return bool(sharing.open_share(user, share.pk).view.turns)
    except (AccessWithdrawn, NotFound):
        return False


def test_a_colleague_reads_it_and_can_change_nothing(
    cast: SimpleNamespace, bob: User, chat: Conversation, gifts: Chunk
) -> None:
    with data.rights_of_system():
        cite(Answer.objects.get(text="EUR **100**."), gifts, "| Gift | EUR 50 |")
    share = sharing.share_conversation(cast.alice, chat.pk, "BOB")
    client = signed_in(bob)
    html = client.get(f"/shared/{share.pk}/").content.decode()
    assert "<strong>100</strong>" in html
    assert "The limit?" in html
    assert "ab" * 32 in html
    assert f"/documents/{gifts.version.document_id}/?version={gifts.version_id}" in html
    assert "A secret draft." not in html  # held for its owner, so for everybody
    assert "chat-composer" not in html
    assert "Gifts" in client.get("/shared/").content.decode()
    for address in (f"/chat/{chat.pk}/", f"/chat/{chat.pk}/export/markdown/"):
        assert client.get(address).status_code == 404
    assert client.post(f"/chat/{chat.pk}/delete/").status_code == 404
    with data.rights_of_user(bob):  # without opening the share nothing is there
        assert not Conversation.objects.exists()
    actions = [(e.action, e.actor) for e in AuditEvent.objects.order_by("number")]
    assert actions == [("share.created", "alice"), ("share.opened", "bob")]


def test_who_may_not_read_all_of_it_is_refused_when_it_is_shared(
    cast: SimpleNamespace, bob: User, chat: Conversation
) -> None:
    for username in ("carol", "dave"):
        with pytest.raises(InvalidRequest) as refused:
            sharing.share_conversation(cast.alice, chat.pk, username)
        assert "may not read everything" in refused.value.user_message
    for username in ("alice", "nobody", ""):
        with pytest.raises(InvalidRequest, match="no colleague"):
            sharing.share_conversation(cast.alice, chat.pk, username)
    with pytest.raises(NotFound):
        sharing.share_conversation(bob, chat.pk, "carol")
    assert sharing.suggest_colleagues(cast.alice, chat.pk) == [("bob", "Bob B.")]
    page = signed_in(cast.alice).post(f"/chat/{chat.pk}/share/", {"username": "carol"})
    assert page.status_code == 400
    assert 'value="carol"' in page.content.decode()


class TestAtEachOpening:
    @pytest.fixture
    def share(self, cast: SimpleNamespace, bob: User, chat: Conversation) -> Share:
        share = sharing.share_conversation(cast.alice, chat.pk, "bob")
        assert may_open(bob, share)
        return share

    def test_a_lost_right_closes_it(self, bob: User, share: Share) -> None:
        bob.groups.clear()
        assert not may_open(bob, share)
        page = signed_in(bob).get(f"/shared/{share.pk}/")
        assert page.status_code == 403
        assert "Gifts" not in page.content.decode()
        assert "Gifts" not in signed_in(bob).get("/shared/").content.decode()
        bob.groups.add(Group.objects.get(name="compliance"))
        assert may_open(bob, share)

    def test_what_came_in_later_closes_it(
        self, bob: User, chat: Conversation, share: Share
    ) -> None:
        reply(ask(chat, "Of a patient?"), "Yes.", zones=["general"], made_from=["clinical"])
        assert not may_open(bob, share)

    def test_more_than_its_zones_hold_closes_it(
        self, bob: User, chat: Conversation, share: Share
    ) -> None:
        with data.rights_of_system():
            Conversation.objects.filter(pk=chat.pk).update(detected=3)
        assert not may_open(bob, share)  # as sensitive as no zone that he reads
        restricted = factories.make_zone("cases", "compliance", sensitivity=3)
        assert may_open(bob, share)
        Zone.objects.filter(pk=restricted.pk).delete()
        assert not may_open(bob, share)

    def test_revoking_closes_it_and_is_the_owners(
        self, cast: SimpleNamespace, bob: User, chat: Conversation, share: Share
    ) -> None:
        assert signed_in(bob).post(f"/shared/{share.pk}/revoke/").status_code == 404
        assert signed_in(cast.alice).post(f"/shared/{share.pk}/revoke/").status_code == 302
        assert not may_open(bob, share)
        assert signed_in(bob).get(f"/shared/{share.pk}/").status_code == 404
        assert sharing.list_shares(cast.alice) == ([], [])
        assert AuditEvent.objects.filter(action="share.revoked").count() == 1
        again = sharing.share_conversation(cast.alice, chat.pk, "bob")
        assert again.pk != share.pk
        assert may_open(bob, again)

    @pytest.mark.parametrize("who", ["alice", "bob"])
    def test_an_account_that_is_off_closes_it(
        self, cast: SimpleNamespace, bob: User, share: Share, who: str
    ) -> None:
        User.objects.filter(username=who).update(is_active=False)
        assert not may_open(bob, share)

    def test_it_opens_for_nobody_else(self, cast: SimpleNamespace, share: Share) -> None:
        other = factories.make_user("eve", "compliance")
        for user in (other, cast.adam, cast.alice):
            assert not may_open(user, share)

    def test_deleting_ends_it(
        self, cast: SimpleNamespace, bob: User, chat: Conversation, share: Share
    ) -> None:
        lifecycle.delete_conversation(cast.alice, chat.pk)
        assert not may_open(bob, share)

    def test_the_database_opens_one_conversation_and_only_while_it_is_open(
        self, cast: SimpleNamespace, bob: User, chat: Conversation, share: Share
    ) -> None:
        ask(start(cast.alice, title="Another"), "Mine alone")
        with data.rights_of_colleague(bob, share.pk):
            assert [each.pk for each in Conversation.objects.all()] == [chat.pk]
            assert Message.objects.count() == 2
            with data.rights_of_user(bob):
                assert not Message.objects.exists()
            assert Message.objects.count() == 2
        bob.groups.clear()
        with data.rights_of_colleague(bob, share.pk):
            assert not Conversation.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('hybridapp.shared', true)")
            assert not cursor.fetchone()[0]


def test_the_owner_still_reads_their_own(cast: SimpleNamespace, chat: Conversation) -> None:
    assert len(conversations.get_conversation(cast.alice, chat.pk).turns) == 2
