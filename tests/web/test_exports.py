"""A conversation as a file says what the page says, and hides what the page hides."""

from __future__ import annotations

import io
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import Group, User
from pypdf import PdfReader

from assistants import pdf
from assistants.models import AuditEvent, Chunk, Conversation
from tests.web.test_chat_pages import ask, cite, gifts, reply, signed_in, start

__all__ = ["gifts"]

TEXT = (
    "The **limit** is EUR 50 [1].\n\n| Kind | Limit |\n|---|---|\n| Gift | EUR 50 |\n\n"
    "```py\nx = 1\n```"
)


@pytest.fixture
def chat(cast: SimpleNamespace, gifts: Chunk) -> Conversation:
    chat = start(cast.alice, title="Żółte prezenty: Ёжик / 漢字")
    badge = {"environment": "on_prem", "model": "quotes", "version": "2", "grounded": True}
    first = reply(
        ask(chat, "What is <the> *limit*?"),
        TEXT,
        receipt={"badge": badge, "rule": "Quoted, since nothing better is at hand."},
        receipt_sha256="ab" * 32,
        made_from=["compliance"],
    )
    cite(first, gifts, "| Gift | EUR 50 |")
    reply(ask(chat, "And meals?", parent=first), "A secret draft.", status="held")
    return chat


def exported(user: User, chat: Conversation, kind: str) -> str:
    page = signed_in(user).get(f"/chat/{chat.pk}/export/{kind}/")
    assert page.status_code == 200
    assert "Żółte prezenty Ёжик 漢字" in unquote(page["Content-Disposition"])
    if kind == "markdown":
        return page.content.decode()
    assert page["Content-Type"] == "application/pdf"
    return "\n".join(each.extract_text() for each in PdfReader(io.BytesIO(page.content)).pages)


@pytest.mark.parametrize("kind", ["markdown", "pdf"])
def test_it_holds_text_sources_badge_and_receipt(
    cast: SimpleNamespace, chat: Conversation, kind: str
) -> None:
    text = exported(cast.alice, chat, kind)
    flat = " ".join(text.replace("\\", "").split())
    for said in (
        "Żółte prezenty",
        "What is <the> *limit*?",
        "EUR 50",
        "[1] Gifts, 1. Limits",
        "on the premises",
        "quoted from documents",
        "Quoted, since nothing better is at hand.",
        "And meals?",
        "waits for a reviewer",
    ):
        assert said in flat, said
    assert "ab" * 32 in flat.replace(" ", "")
    assert "A secret draft." not in flat
    event = AuditEvent.objects.get(action="conversation.exported")
    assert (event.actor, event.data["as"]) == ("alice", kind)


@pytest.mark.parametrize("kind", ["markdown", "pdf"])
def test_what_may_not_be_read_any_more_is_withheld(
    cast: SimpleNamespace, chat: Conversation, kind: str
) -> None:
    cast.alice.groups.remove(Group.objects.get(name="compliance"))
    text = " ".join(exported(cast.alice, chat, kind).split())
    assert "EUR 50" not in text
    assert "may no longer read what this answer was made from" in text


def test_another_kind_is_not_found(cast: SimpleNamespace, chat: Conversation) -> None:
    assert signed_in(cast.alice).get(f"/chat/{chat.pk}/export/docx/").status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<b>& </font> <para>",
        "| a |\n|---|\n| " + "word " * 4000 + "|",
        "```\n" + "x" * 3000 + "\n" * 300 + "```",
        "> " * 60 + "deep\n\n" + "".join("  " * level + "- x\n" for level in range(40)),
        "|" * 200 + "\n" + "|-" * 199 + "|\n",
        "\u202e\u0000\ue000 עברית العربية 🙂 한국 かな",
        "# h\n\n1. one\n\n   two\n\n***bold *and* it***",
    ],
)
def test_whatever_an_answer_holds_becomes_pages(text: str) -> None:
    made = pdf.render_pdf([(pdf.QUESTION, text), (pdf.MARKDOWN, text)], title=text[:50], author="A")
    assert len(PdfReader(io.BytesIO(made)).pages) >= 1
