"""Finding a conversation again: the search, and the list of the sidebar."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from assistants import data
from assistants.models import Conversation
from assistants.services import history, lifecycle
from tests.web.test_chat_pages import ask, reply, signed_in, start


def found(user: User, words: str) -> list[str]:
    return ["".join(text for text, _ in hit.title) for hit in history.search(user, words)]


def marked(hit: history.Hit) -> list[str]:
    return [text for text, is_hit in hit.excerpt if is_hit]


class TestSearch:
    def test_words_are_found_in_messages_answers_and_titles(self, cast: SimpleNamespace) -> None:
        gifts = start(cast.alice, title="About presents")
        reply(ask(gifts, "What may I accept?"), "The **limit** for gifts is EUR 100.")
        travel = start(cast.alice, title="Travel")
        ask(travel, "How are taxis in Zürich limited?")
        start(cast.alice, title="Limits of outsourcing")
        assert found(cast.alice, "limits") == ["Limits of outsourcing", "Travel", "About presents"]
        assert found(cast.alice, "gift limit") == ["About presents"]
        assert found(cast.alice, "gift taxi") == []
        (hit,) = history.search(cast.alice, "gift limit")
        assert marked(hit) == ["limit", "gifts"]
        assert "*" not in "".join(text for text, _ in hit.excerpt)
        assert (hit.assistant, hit.count) == ("compliance", 1)

    @pytest.mark.parametrize(
        ("typed", "hits"),
        [
            ("runnin", 1),  # while it is typed
            ("RUN", 1),
            ("zür", 1),  # a word of another language
            ("the", 1),  # a stop word of the dictionary's, where it stands
            ("EUR/100", 1),
            ("100", 1),
            ("nothing such", 0),
            ("!? :* & | ( ' \\", 0),
            ("\x00", 0),
            ("it's", 0),
        ],
    )
    def test_whatever_is_typed(self, cast: SimpleNamespace, typed: str, hits: int) -> None:
        ask(start(cast.alice), "The running costs in Zürich: EUR/100 a day")
        assert len(history.search(cast.alice, typed)) == hits

    def test_nobody_finds_what_is_not_theirs(self, cast: SimpleNamespace) -> None:
        reply(ask(start(cast.alice, title="Secret gift"), "A gift?"), "A gift.")
        assert len(history.search(cast.alice, "gift")) == 1
        for other in (cast.carol, cast.outsider, cast.adam):
            assert history.search(other, "gift") == []

    def test_an_answer_made_from_what_may_not_be_read_any_more_is_not_found(
        self, cast: SimpleNamespace
    ) -> None:
        chat = start(cast.alice, title="A question")
        reply(ask(chat, "What is it?"), "A marmoset.", made_from=["compliance"])
        assert found(cast.alice, "marmoset") == ["A question"]
        cast.alice.groups.remove(Group.objects.get(name="compliance"))
        assert found(cast.alice, "marmoset") == []
        assert found(cast.alice, "question") == ["A question"]  # their own words still are

    @pytest.mark.parametrize("status", ["held", "blocked", "failed", "pending"])
    def test_what_is_not_shown_is_not_found(self, cast: SimpleNamespace, status: str) -> None:
        reply(ask(start(cast.alice), "What is it?"), "A marmoset.", status=status)
        assert found(cast.alice, "marmoset") == []

    def test_what_the_list_leaves_out_on_purpose_is_not_found(self, cast: SimpleNamespace) -> None:
        chats = [start(cast.alice, title="A marmoset") for _ in range(3)]
        with data.rights_of_system():
            Conversation.objects.filter(pk=chats[0].pk).update(origin="api")
            soon = timezone.now() + timedelta(hours=1)
            Conversation.objects.filter(pk=chats[1].pk).update(expires=soon)
        lifecycle.archive(cast.alice, chats[2].pk, on=True)
        (hit,) = history.search(cast.alice, "marmoset")
        assert (hit.conversation, hit.archived) == (chats[2].pk, True)

    def test_it_uses_its_index_under_row_level_security(self, cast: SimpleNamespace) -> None:
        with data.rights_of_user(cast.alice), connection.cursor() as cursor:
            cursor.execute("set local enable_seqscan = off; set local enable_indexscan = off")
            for table in ("message", "answer"):
                cursor.execute(
                    f"explain select id from assistants_{table} where search @@ 'gift'::tsquery"
                )
                plan = "\n".join(row[0] for row in cursor.fetchall())
                condition = re.search(rf"{table}_words.*?Index Cond: (.*)", plan, re.DOTALL)
                assert condition, plan
                assert "@@" in condition[1]

    def test_a_hit_leads_to_its_place(self, cast: SimpleNamespace) -> None:
        chat = start(cast.alice, title="Old <b>")
        first = ask(chat, "What is it?")
        old = reply(first, "A marmoset & <i>more</i>.")
        new = reply(first, "A monkey.", number=2)
        client = signed_in(cast.alice)
        html = client.get("/chat/search/?q=marmo").content.decode()
        address = re.search(r'href="([^"#]*)#m-([^"]*)"', html)
        assert address
        assert address[2] == str(first.pk)
        assert "<mark>marmoset</mark> &amp;" in html
        assert "<i>" not in html
        assert "Old &lt;b&gt;" in html
        page = client.get(address[1].replace("&amp;", "&")).content.decode()
        assert f'id="m-{first.pk}"' in page
        shown = {
            answer.pk: not re.search(rf'data-answer="{answer.pk}"[^>]*hidden', page)
            for answer in (old, new)
        }
        assert shown == {old.pk: True, new.pk: False}

    def test_without_words_the_newest_are_offered(self, cast: SimpleNamespace) -> None:
        client = signed_in(cast.alice)
        assert "nothing to search yet" in client.get("/chat/search/").content.decode()
        start(cast.alice, title="The newest")
        assert "The newest" in client.get("/chat/search/?q=+").content.decode()
        assert client.get("/chat/search/", {"q": "x" * 201}).status_code == 400


class TestList:
    def test_it_comes_in_pages_that_miss_nothing(
        self, cast: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "PAGE", 3)
        chats = [start(cast.alice, title=f"Chat {number}") for number in range(8)]
        with data.rights_of_system():  # two of one moment, on both sides of a page's end
            Conversation.objects.filter(pk__in=[chats[5].pk, chats[4].pk]).update(
                updated=chats[5].updated
            )
        client = signed_in(cast.alice)
        html, titles, pages = client.get("/chat/").content.decode(), [], 0
        while True:
            titles += re.findall(r'class="conversation-title" title="(Chat \d)"', html)
            more = re.search(r'data-more="([^"]*)"', html)
            if not more:
                break
            html, pages = client.get(more[1].replace("&amp;", "&")).content.decode(), pages + 1
        assert titles == [f"Chat {number}" for number in range(7, -1, -1)]
        assert pages == 2

    def test_pins_folders_and_archive(self, cast: SimpleNamespace) -> None:
        chats = {name: start(cast.alice, title=name) for name in ("one", "two", "three", "four")}
        lifecycle.pin(cast.alice, chats["one"].pk, on=True)
        lifecycle.move(cast.alice, chats["two"].pk, new="Audit  2026")
        lifecycle.archive(cast.alice, chats["three"].pk, on=True)
        side = history.get_sidebar(cast.alice)
        assert [chat.title for chat in side.pinned] == ["one"]
        assert [(each.name, each.count, each.page) for each in side.folders] == [
            ("Audit 2026", 1, None)
        ]
        assert [chat.title for chat in side.recent.conversations] == ["four"]
        folder = str(side.folders[0].id)
        assert [c.title for c in history.list_more(cast.alice, "", folder).conversations] == ["two"]
        assert history.get_sidebar(cast.alice, opened=[folder]).folders[0].page is not None
        archived = history.list_more(cast.alice, archived=True).conversations
        assert [chat.title for chat in archived] == ["three"]
        assert history.get_sidebar(cast.carol).is_empty

    def test_a_strange_cursor_is_refused(self, cast: SimpleNamespace) -> None:
        client = signed_in(cast.alice)
        for after in ("x", "2026-01-01_x", "99999-01-01_" + "0" * 32, "2026-01-01"):
            assert client.get("/chat/list/", {"after": after}).status_code == 400
        assert client.get("/chat/archive/", {"after": "x"}).status_code == 404
        assert client.get("/chat/list/", {"folder": "x"}).status_code == 400
