"""What a person does with a conversation of theirs, and what stays of one that is deleted."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import (
    Answer,
    AuditEvent,
    Conversation,
    Folder,
    KeptReceipt,
    Message,
    ReviewItem,
)
from assistants.services import chat as chats
from assistants.services import conversations, history, lifecycle, retention
from tests.web.test_chat_pages import ask, reply, signed_in, start

RECEIPT = {"format": 1, "rule": "It was so."}


@data.rights_of_system()
def stored(chat: Conversation) -> Conversation:
    return Conversation.objects.get(pk=chat.pk)


@data.rights_of_system()
def is_there(chat: Conversation) -> bool:
    return Conversation.objects.filter(pk=chat.pk).exists()


@data.rights_of_system()
def hold(answer: Answer) -> ReviewItem:
    message = answer.message
    return ReviewItem.objects.create(
        answer=answer,
        kind=ReviewItem.Kind.POLICY,
        asker=message.author,
        assistant=message.conversation.assistant,
        department=message.conversation.assistant.department,
        reviewers=message.conversation.assistant.department,
        rule="It says so.",
        due=timezone.now(),
    )


def test_the_menu_works_for_the_owner_and_for_nobody_else(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    mine, other = signed_in(cast.alice), signed_in(cast.carol)
    for action, sent in {
        "pin": {"on": "1"},
        "archive": {"on": "1"},
        "rename": {"title": "Mine"},
        "move": {"folder": "new", "name": "F"},
        "share": {"username": "alice"},
        "delete": {},
    }.items():
        assert other.post(f"/chat/{chat.pk}/{action}/", sent).status_code == 404
    for kind in ("markdown", "pdf"):
        assert other.get(f"/chat/{chat.pk}/export/{kind}/").status_code == 404
    assert mine.post(f"/chat/{chat.pk}/pin/", {"on": "1"}).status_code == 204
    assert "data-pinned" in mine.get("/chat/").content.decode()
    assert mine.post(f"/chat/{chat.pk}/rename/", {"title": " A\n <b> "}).status_code == 204
    assert "A &lt;b&gt;" in mine.get("/chat/list/").content.decode()
    assert mine.post(f"/chat/{chat.pk}/archive/", {"on": "1"}).status_code == 204
    assert str(chat.pk) not in mine.get("/chat/list/").content.decode()
    assert str(chat.pk) in mine.get("/chat/archive/").content.decode()
    assert stored(chat).updated == chat.updated  # putting in order is no news
    assert other.get(f"/chat/{chat.pk}/rename/").status_code == 404


@pytest.mark.parametrize(
    ("title", "said"), [("", "Give a title."), (" \n", "Give a title."), ("x" * 121, "at most 120")]
)
def test_a_title_that_is_none_is_refused_and_what_was_typed_stays(
    cast: SimpleNamespace, title: str, said: str
) -> None:
    chat = start(cast.alice, title="Before")
    page = signed_in(cast.alice).post(f"/chat/{chat.pk}/rename/", {"title": title})
    assert page.status_code == 400
    assert said in page.content.decode()
    assert stored(chat).title == "Before"


def test_folders_are_made_renamed_and_deleted_and_keep_nothing_from_anybody(
    cast: SimpleNamespace,
) -> None:
    chat, second = start(cast.alice), start(cast.alice)
    client = signed_in(cast.alice)
    move = f"/chat/{chat.pk}/move/"
    assert client.post(move, {"folder": "new", "name": " "}).status_code == 400
    assert client.post(move, {"folder": "new", "name": "Audit"}).status_code == 204
    lifecycle.move(cast.alice, second.pk, new="AUDIT")  # the one that is there
    (folder,) = history.list_folders(cast.alice)
    assert folder.name == "Audit"
    assert history.list_folders(cast.carol) == []
    address = f"/chat/folders/{folder.pk}/"
    assert signed_in(cast.carol).post(address, {"delete": "1"}).status_code == 404
    theirs = start(cast.carol, "clinical")
    with pytest.raises(InvalidRequest, match=str(folder.pk)):
        lifecycle.move(cast.carol, theirs.pk, str(folder.pk))
    lifecycle.move(cast.alice, second.pk, new="Other")
    assert client.post(address, {"name": "other"}).status_code == 400
    assert client.post(address, {"name": "Audits"}).status_code == 204
    assert client.post(address, {"delete": "1"}).status_code == 204
    assert stored(chat).folder_id is None
    with data.rights_of_system():
        assert Folder.objects.count() == 1


def test_a_new_message_brings_back_what_was_archived(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    lifecycle.archive(cast.alice, chat.pk, on=True)
    chats.open_turn(
        cast.alice,
        client_id="c1",
        assistant="compliance",
        text="Once more",
        conversation=str(chat.pk),
        enqueue=lambda answer: None,
    )
    assert stored(chat).archived is None


class TestDelete:
    def test_all_of_it_goes_and_its_receipts_stay(self, cast: SimpleNamespace) -> None:
        chat = start(cast.alice)
        first = reply(ask(chat, "A?"), "B.", receipt=RECEIPT, receipt_sha256="ab" * 32)
        hidden = reply(  # what its owner may not read any more goes with it
            ask(chat, "C?", parent=first), "D.", made_from=["clinical"], receipt=RECEIPT
        )
        page = signed_in(cast.alice)
        assert "goes for good" in page.get(f"/chat/{chat.pk}/delete/").content.decode()
        assert page.post(f"/chat/{chat.pk}/delete/").status_code == 204
        assert page.get(f"/chat/{chat.pk}/").status_code == 404
        with data.rights_of_system():
            assert not Message.objects.exists()
            assert not Answer.objects.exists()
            kept = {each.answer: each.receipt_sha256 for each in KeptReceipt.objects.all()}
        assert kept == {first.pk: "ab" * 32, hidden.pk: ""}
        event = AuditEvent.objects.get(action="conversation.deleted")
        assert (event.actor, event.subject) == ("alice", str(chat.pk))
        assert sorted(event.data["receipts"]) == sorted(map(str, kept))

    def test_a_kept_receipt_is_read_and_verified(
        self, cast: SimpleNamespace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        chat = start(cast.alice)
        sha256 = control.sha256_of(RECEIPT)
        answer = reply(ask(chat, "A?"), "B.", receipt=RECEIPT, receipt_sha256=sha256)
        control.record_event(
            action="answer.completed", subject=str(answer.pk), data={"receipt_sha256": sha256}
        )
        for gone in (False, True):
            if gone:
                lifecycle.delete_conversation(cast.alice, chat.pk)
            call_command("receipt", str(answer.pk))
            told = json.loads(capsys.readouterr().out)
            assert (told["receipt"], told["holds"], told["in_trail"]) == (RECEIPT, True, True)
            assert bool(told["deleted"]) is gone
        with pytest.raises(CommandError, match="no receipt"):
            call_command("receipt", str(chat.pk))

    def test_not_while_a_reviewer_has_it(self, cast: SimpleNamespace) -> None:
        chat = start(cast.alice)
        item = hold(reply(ask(chat, "A?"), "B.", status="held"))
        page = signed_in(cast.alice).post(f"/chat/{chat.pk}/delete/")
        assert page.status_code == 400
        assert "waits for a reviewer" in page.content.decode()
        with data.rights_of_system():
            ReviewItem.objects.filter(pk=item.pk).update(state="rejected")
        lifecycle.delete_conversation(cast.alice, chat.pk)
        assert not is_there(chat)


class TestTemporary:
    @pytest.fixture
    def chat(self, cast: SimpleNamespace) -> Conversation:
        accepted = chats.open_turn(
            cast.alice,
            client_id="c1",
            assistant="compliance",
            text="A marmoset?",
            temporary=True,
            enqueue=lambda answer: None,
        )
        with data.rights_of_system():
            Answer.objects.update(status="completed", receipt=RECEIPT)
            return Conversation.objects.get(pk=accepted.conversation)

    def test_it_is_read_and_said_to_be_one_and_listed_nowhere(
        self, cast: SimpleNamespace, chat: Conversation
    ) -> None:
        client = signed_in(cast.alice)
        page = client.get(f"/chat/{chat.pk}/").content.decode()
        assert "A temporary chat." in page
        assert "A temporary chat." in client.get("/chat/?temporary=1").content.decode()
        assert "A temporary chat." not in client.get("/chat/").content.decode()
        assert str(chat.pk) not in client.get("/chat/list/").content.decode()
        assert history.search(cast.alice, "marmoset") == []
        for action in ("pin", "archive", "move"):
            assert client.post(f"/chat/{chat.pk}/{action}/", {"on": "1"}).status_code == 400
        assert client.post(f"/chat/{chat.pk}/share/", {"username": "carol"}).status_code == 400

    def test_it_ends_a_day_after_its_last_message(
        self, cast: SimpleNamespace, chat: Conversation
    ) -> None:
        assert chat.expires is not None
        left = chat.expires - timezone.now()
        assert timedelta(hours=23) < left <= timedelta(hours=24)
        with data.rights_of_system():
            Conversation.objects.update(expires=timezone.now() + timedelta(minutes=5))
        chats.open_turn(
            cast.alice,
            client_id="c2",
            assistant="compliance",
            text="And another?",
            conversation=str(chat.pk),
            enqueue=lambda answer: None,
        )
        renewed = stored(chat)
        assert renewed.expires is not None
        assert renewed.expires - timezone.now() > timedelta(hours=23)
        later = timezone.now() + timedelta(hours=25)
        retention.delete_expired(later)
        assert is_there(chat)  # its second answer is still being written
        with data.rights_of_system():
            Answer.objects.filter(status="pending").update(status="completed")
        retention.delete_expired(later)
        assert not is_there(chat)
        with data.rights_of_system():
            assert KeptReceipt.objects.count() == 1
        assert AuditEvent.objects.get(action="conversation.deleted").data["why"] == "temporary"

    def test_it_ends_when_its_owner_signs_out(
        self, cast: SimpleNamespace, chat: Conversation
    ) -> None:
        kept = start(cast.alice)
        client = signed_in(cast.alice)
        client.post("/accounts/logout/")
        with pytest.raises(NotFound):
            conversations.get_conversation(cast.alice, chat.pk)
        retention.delete_expired()
        assert not is_there(chat)
        assert is_there(kept)


def test_another_users_folder_is_as_one_that_is_gone(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    for folder in (str(uuid.uuid4()), "no id"):
        page = signed_in(cast.alice).post(f"/chat/{chat.pk}/move/", {"folder": folder})
        assert page.status_code == 400
        assert "not there any more" in page.content.decode()
