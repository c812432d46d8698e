"""The main job: ask one's department's assistant, read the answer, open what it cites."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from benchmarks.product import Product
from tests.e2e.driver import ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

# question, document, section, what the cited passage says
ANSWERED = [
    (
        "Do brothers and sisters of a PEP count as family members?",
        "Enhanced Due Diligence",
        "2. Who is a politically exposed person",
        "Brothers and sisters are not covered",
    ),
    (
        "What fuzzy match threshold applies to vessels?",
        "Sanctions Screening",
        "3. What is screened and when",
        "90 percent",
    ),
    (
        "How often do we have to refresh the file of a medium-risk customer?",
        "Customer Due Diligence",
        "5. Risk rating, approval and periodic review",
        "Every 3 years",
    ),
]
UNANSWERED = "What does the bank charge a customer for closing a current account?"


def test_three_questions_are_answered_and_cited_and_a_fourth_is_not(open_page: OpenPage) -> None:
    chat = open_page("alice")
    for question, title, section, fact in ANSWERED:
        answer = chat.ask(question)
        expect(answer.locator(".prose")).to_contain_text(fact)
        expect(answer.locator(".badge")).to_contain_text("On the premises")
        expect(answer.locator(".badge")).to_contain_text("quoted from documents")
        cited = answer.locator(".citation-item").filter(has_text=title).filter(has_text=section)
        cited.first.get_by_role("link").click()
        expect(chat.panel).to_be_visible()
        marked = chat.panel.locator("mark")
        expect(marked.first).to_be_in_viewport()
        assert fact in " ".join(marked.all_inner_texts())
        expect(chat.panel).to_contain_text(section)
        chat.page.keyboard.press("Escape")
        expect(chat.panel).to_be_hidden()
    answer = chat.ask(UNANSWERED)
    assert answer.locator(".citation-item").count() == 0
    expect(answer.locator(".prose")).to_contain_text(
        re.compile("documents.* (?:not|nothing)", re.I)
    )


def test_a_mark_in_the_text_opens_its_source_and_focus_comes_back(open_page: OpenPage) -> None:
    chat = open_page("alice")
    answer = chat.ask(ANSWERED[0][0])
    mark = answer.locator(".prose a.citation").first
    mark.focus()
    mark.press("Enter")
    expect(chat.panel).to_be_visible()
    expect(chat.panel.locator("#panel-title")).to_be_focused()
    expect(mark).to_have_attribute("aria-expanded", "true")
    chat.page.keyboard.press("Escape")
    expect(mark).to_be_focused()


def test_why_here_tells_the_rule_and_the_receipt(open_page: OpenPage) -> None:
    chat = open_page("alice")
    answer = chat.ask(ANSWERED[0][0])
    answer.get_by_text("Why here?").click()
    assert answer.locator("[data-rule]").inner_text().strip()
    assert re.fullmatch("[0-9a-f]{64}", answer.locator("[data-receipt-sha]").inner_text())


def test_a_colleague_of_another_department_sees_none_of_it(
    open_page: OpenPage, product: Product
) -> None:
    alice = open_page("alice")
    answer = alice.ask(ANSWERED[0][0])
    conversation = alice.page.url.removeprefix(product.url)
    link = answer.locator(".citation-item a").first
    citation = str(link.get_attribute("href"))
    link.click()
    document = str(alice.panel.get_by_role("link", name="Open the document").get_attribute("href"))
    assert alice.open(document) == 200
    dave = open_page("dave", expect="404")
    for path in (conversation, citation, f"{citation}?fragment=1", document):
        assert dave.open(path) == 404, path
    dave.open("/chat/")
    assert dave.page.locator(f'#sidebar a[href="{conversation}"]').count() == 0
    answer = dave.ask(ANSWERED[0][0])
    assert ANSWERED[0][3] not in dave.body(answer)
