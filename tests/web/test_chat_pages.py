from __future__ import annotations

import re
import uuid
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

from assistants import data
from assistants.models import Answer, Chunk, Citation, Conversation, DocumentVersion, Message
from assistants.templatetags import page
from tests import factories

TEXT = (
    "# Gifts\n\nIntro.\n\n| Kind | Limit |\n|---|---|\n| Gift | EUR 50 |\n| Meal | EUR 90 |\n\nEnd."
)


@pytest.fixture
def gifts(cast: SimpleNamespace) -> Chunk:
    return factories.make_document(cast.zones.compliance, TEXT, title="Gifts", section="1. Limits")


@data.rights_of_system()
def start(user: User, assistant: str = "compliance", title: str = "A title") -> Conversation:
    from assistants.models import Assistant

    return Conversation.objects.create(
        owner=user, assistant=Assistant.objects.get(slug=assistant), title=title, zones=["general"]
    )


@data.rights_of_system()
def ask(chat: Conversation, text: str, *, parent: Answer | None = None) -> Message:
    return Message.objects.create(
        conversation=chat,
        author=chat.owner,
        parent=parent,
        client_id=uuid.uuid4().hex,
        text=text,
        zones=["general"],
    )


@data.rights_of_system()
def reply(message: Message, text: str, number: int = 1, **extra: object) -> Answer:
    fields = {"status": "completed", **extra}
    return Answer.objects.create(message=message, number=number, text=text, **fields)


@data.rights_of_system()
def cite(answer: Answer, chunk: Chunk, phrase: str, number: int = 1) -> Citation:
    begin = chunk.text.index(phrase)
    return Citation.objects.create(
        answer=answer,
        number=number,
        chunk=chunk,
        version=chunk.version,
        document=chunk.version.document_id,
        title="Gifts",
        section=chunk.section,
        start=begin,
        end=begin + len(phrase),
    )


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_front_door_leads_to_the_chat_and_the_chat_to_the_sign_in(client: Client) -> None:
    assert client.get("/")["Location"] == "/chat/"


@pytest.mark.parametrize(
    "path", ["/chat/", f"/chat/{uuid.uuid4()}/", f"/citations/{uuid.uuid4()}/1/"]
)
def test_every_page_asks_to_sign_in(client: Client, db: None, path: str) -> None:
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_a_wrong_password_is_said_plainly(client: Client, cast: SimpleNamespace) -> None:
    page = client.post("/accounts/login/", {"username": "alice", "password": "wrong"})
    assert "do not match" in page.content.decode()
    page = client.post("/accounts/login/", {"username": "alice", "password": factories.PASSWORD})
    assert page["Location"] == "/chat/"


def test_a_new_chat_offers_the_own_assistant_only(cast: SimpleNamespace) -> None:
    from assistants.models import Assistant

    Assistant.objects.filter(slug="compliance").update(starters=["What is the <limit>?"])
    html = signed_in(cast.alice).get("/chat/").content.decode()
    assert "What is the &lt;limit&gt;?" in html
    assert re.findall(r'name="assistant" value="(\w+)"', html) == ["compliance"]


def test_without_an_assistant_the_page_says_whom_to_ask(cast: SimpleNamespace) -> None:
    html = signed_in(cast.outsider).get("/chat/").content.decode()
    assert "No assistant is open to you yet" in html
    assert "disabled" in html


def test_a_conversation_shows_its_turns_and_what_the_script_needs(
    cast: SimpleNamespace, gifts: Chunk
) -> None:
    chat = start(cast.alice, title="Gifts & <b>")
    message = ask(chat, "Limit?\n<script>alert(1)</script>")
    badge = {"environment": "on_prem", "model": "quotes", "version": "", "grounded": True}
    answer = reply(
        message,
        "EUR **50** [1], not [7].",
        receipt={"badge": badge, "rule": "Quoted, since nothing better is at hand."},
        receipt_sha256="ab" * 32,
    )
    cite(answer, gifts, "| Gift | EUR 50 |")
    follow_up = ask(chat, "And meals?", parent=answer)
    pending = reply(follow_up, "", status="pending")
    html = signed_in(cast.alice).get(f"/chat/{chat.pk}/").content.decode()
    assert "<script>alert(1)" not in html
    assert "Gifts &amp; &lt;b&gt;" in html
    assert (
        '<strong>50</strong> <a class="citation" href="#citation-1" data-citation="1">1</a>' in html
    )
    assert "not [7]" in html
    assert f'href="/citations/{answer.pk}/1/"' in html
    assert "On the premises" in html
    assert "quoted from documents" in html
    assert "Quoted, since nothing better is at hand." in html
    assert "ab" * 32 in html
    assert f'data-answer="{pending.pk}" data-status="pending"' in html
    assert f'data-parent="{answer.pk}"' in html


@pytest.mark.parametrize(
    ("status", "said", "retry"),
    [
        ("failed", "The model did not answer.", True),
        ("interrupted", "The model did not answer.", True),
        ("blocked", "The model did not answer.", False),
        ("held", "The model did not answer.", False),
        ("stopped", "The model did not answer.", False),
        ("completed", "", False),
    ],
)
def test_an_answer_that_did_not_simply_end_says_so(
    cast: SimpleNamespace, status: str, said: str, retry: bool
) -> None:
    message = ask(start(cast.alice), "Hello?")
    answer = reply(message, "", status=status, error_message="The model did not answer.")
    html = signed_in(cast.alice).get(f"/chat/{message.conversation_id}/").content.decode()
    shown = html[html.index(f'data-answer="{answer.pk}"') :]
    note = re.search(
        r"data-note (hidden)?>.*?data-note-text>(.*?)</span>.*?data-retry (hidden)?>", shown, re.S
    )
    assert note is not None
    assert (note[2], bool(note[1])) == (said, not said)
    assert (note[3] is None) is retry


def test_versions_of_a_message_are_linked_and_each_opens_its_branch(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    first = ask(chat, "First wording")
    answer = reply(first, "One.")
    ask(chat, "Follow-up of the first", parent=answer)
    second = ask(chat, "Second wording")
    reply(second, "Two.")
    client = signed_in(cast.alice)
    newest = client.get(f"/chat/{chat.pk}/").content.decode()
    assert "Second wording" in newest
    assert "First wording" not in newest
    assert "2 / 2" in newest
    assert f'href="?message={first.pk}"' in newest
    other = client.get(f"/chat/{chat.pk}/?message={first.pk}").content.decode()
    assert "First wording" in other
    assert "Follow-up of the first" in other
    assert "Second wording" not in other
    assert client.get(f"/chat/{chat.pk}/?message=nonsense").status_code == 404


def test_the_answer_that_the_branch_goes_on_from_is_shown(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    message = ask(chat, "Hello?")
    old, new = reply(message, "Old."), reply(message, "New.", number=2)
    client = signed_in(cast.alice)

    def hidden(answer: Answer) -> bool:
        html = client.get(f"/chat/{chat.pk}/").content.decode()
        tag = re.search(rf'<chat-answer[^>]*data-answer="{answer.pk}"[^>]*>', html)
        assert tag is not None
        return " hidden" in tag[0]

    assert hidden(old)
    assert not hidden(new)
    ask(chat, "Go on", parent=old)
    assert not hidden(old)
    assert hidden(new)


def test_a_long_conversation_begins_with_its_newest_turns(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    asked: list[Message] = []
    parent = None
    for number in range(45):
        asked.append(ask(chat, f"Question {number}.", parent=parent))
        parent = reply(asked[-1], f"Answer {number}.")
    client = signed_in(cast.alice)

    def shown(query: str) -> tuple[list[int], list[str]]:
        html = client.get(f"/chat/{chat.pk}/{query}").content.decode()
        return (
            [int(each) for each in re.findall(r">Question (\d+)\.</div>", html)],
            re.findall('data-earlier="([^"]*)"', html),
        )

    assert shown("") == (list(range(25, 45)), [str(asked[25].pk)])
    assert shown(f"?before={asked[25].pk}") == (list(range(5, 25)), [str(asked[5].pk)])
    assert shown(f"?before={asked[5].pk}") == (list(range(5)), [])
    assert "<html" not in client.get(f"/chat/{chat.pk}/?before={asked[5].pk}").content.decode()
    # a message that is sought is there, with all that follows
    assert shown(f"?message={asked[10].pk}") == (list(range(10, 45)), [str(asked[10].pk)])
    for strange in (uuid.uuid4(), "nonsense"):
        assert client.get(f"/chat/{chat.pk}/?before={strange}").status_code == 404
    assert signed_in(cast.dave).get(f"/chat/{chat.pk}/?before={asked[5].pk}").status_code == 404


def test_the_sidebar_lists_the_own_conversations_only(cast: SimpleNamespace) -> None:
    start(cast.alice, title="About gifts")
    start(cast.dave, "code", title="About retries")
    html = signed_in(cast.alice).get("/chat/").content.decode()
    assert "About gifts" in html
    assert "About retries" not in html


def test_ages_are_named() -> None:
    from datetime import timedelta

    names = [page.age_heading(timedelta(days=days)) for days in (0, 1, 2, 6, 7, 400)]
    assert names == ["Today", "Yesterday", "Last 7 days", "Last 7 days", "Older", "Older"]


def test_a_foreign_conversation_does_not_exist(cast: SimpleNamespace) -> None:
    chat = start(cast.alice)
    assert signed_in(cast.alice).get(f"/chat/{chat.pk}/").status_code == 200
    foreign = signed_in(cast.dave).get(f"/chat/{chat.pk}/")
    nowhere = signed_in(cast.dave).get(f"/chat/{uuid.uuid4()}/")
    assert foreign.status_code == nowhere.status_code == 404
    assert "There is nothing here" in foreign.content.decode()


def test_a_cited_passage_opens_in_its_context(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = reply(ask(start(cast.alice), "Limit?"), "EUR 50 [1].")
    cite(answer, gifts, "| Gift | EUR 50 |")
    url = f"/citations/{answer.pk}/1/"
    fragment = signed_in(cast.alice).get(url + "?fragment=1").content.decode()
    assert "<html" not in fragment
    assert "1. Limits" in fragment
    assert "EUR 50" in "".join(re.findall(r"<mark[^>]*>(.*?)</mark>", fragment, re.S))
    assert "EUR 90" not in "".join(re.findall(r"<mark[^>]*>(.*?)</mark>", fragment, re.S))
    assert "EUR 90" in fragment
    whole = signed_in(cast.alice).get(url).content.decode()
    assert "<html" in whole
    assert "EUR 90" in whole


def test_a_passage_of_plain_text_or_code_is_shown_as_it_is_written(cast: SimpleNamespace) -> None:
    code = factories.make_document(
        cast.zones.compliance, "def f():\n    return 1 < 2\n\ndef g(): ...\n", title="f.py"
    )
    with data.rights_of_system():
        DocumentVersion.objects.filter(pk=code.version_id).update(media_type="text/x-python")
    answer = reply(ask(start(cast.alice), "Code?"), "So [1].")
    cite(answer, code, "    return 1 < 2")
    fragment = signed_in(cast.alice).get(f"/citations/{answer.pk}/1/?fragment=1").content.decode()
    assert "def f():\n</span><mark>    return 1 &lt; 2</mark><span" in fragment


def test_a_citation_is_opened_under_the_rights_of_now(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = reply(ask(start(cast.alice), "Limit?"), "EUR 50 [1].")
    cite(answer, gifts, "| Gift | EUR 50 |")
    url = f"/citations/{answer.pk}/1/?fragment=1"
    assert signed_in(cast.alice).get(url).status_code == 200
    assert signed_in(cast.dave).get(url).status_code == 404
    assert signed_in(cast.alice).get(f"/citations/{answer.pk}/2/").status_code == 404
    cast.zones.compliance.readers.clear()
    assert signed_in(cast.alice).get(url).status_code == 404


@pytest.mark.parametrize("name", ["403.html", "403_csrf.html", "404.html", "500.html"])
def test_an_error_page_needs_no_request_and_no_database(name: str) -> None:
    assert "Back to your chats" in render_to_string(name)


def test_the_pages_forbid_what_is_inline_and_what_is_elsewhere(cast: SimpleNamespace) -> None:
    policy = signed_in(cast.alice).get("/chat/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy + ";"
    assert "style-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
