"""An admin makes a zone and moves a document into it; an employee's open pages change at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.product import Product
from tests.e2e.driver import ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

TITLE = "Ombudsman of the bank"
FACT = "The ombudsman receives visitors in the pavilion on Thursdays"
TEXT = f"# {TITLE}\n\n## 1. Visiting the ombudsman\n\n{FACT}, between two and four o'clock.\n"
QUESTION = "When and where does the ombudsman receive visitors?"
GONE = "This document is no longer open to you."
AT_ONCE = 5_000  # milliseconds, on a machine that does other things too


@pytest.fixture
def document(product: Product, tmp_path: Path) -> str:
    """A document of the compliance department, which no other test asks for."""
    file = tmp_path / "ombudsman.md"
    file.write_text(TEXT)
    product.manage("ingest", str(file), "--zone", "compliance")
    return TITLE


def test_an_open_page_changes_when_its_document_moves(open_page: OpenPage, document: str) -> None:
    # what is fetched again and is gone answers 404, which a browser tells its console
    alice = open_page("alice", expect="404")
    answer = alice.ask(QUESTION)
    expect(answer.locator(".prose")).to_contain_text(FACT)
    cited = answer.locator(".citation-item").filter(has_text=document)
    cited.first.get_by_role("link").click()
    expect(alice.panel.locator("mark").first).to_be_visible()

    listed = open_page(beside=alice, expect="404")
    listed.open("/documents/?q=ombudsman")
    entry = listed.page.get_by_role("link", name=document)
    expect(entry).to_be_visible()
    opened = open_page(beside=alice, expect="404")
    opened.open(str(entry.get_attribute("href")))
    expect(opened.page.locator("[data-document]")).to_contain_text(FACT)
    # Each page is as it was loaded here until the end of the test.
    for tab in (alice, listed, opened):
        tab.page.evaluate("window.loadedOnce = true")

    adam = open_page("adam")
    make_zone(adam)
    move_document(adam, document)

    expect(alice.panel).to_contain_text(GONE, timeout=AT_ONCE)
    expect(alice.panel.locator("mark")).to_have_count(0)
    expect(listed.page.get_by_role("alert")).to_have_text(GONE, timeout=AT_ONCE)
    expect(listed.page.get_by_role("link", name=document)).to_have_count(0)
    expect(opened.page.get_by_role("alert")).to_have_text(GONE, timeout=AT_ONCE)
    expect(opened.page.locator("[data-document]")).not_to_contain_text(FACT)
    for tab in (alice, listed, opened):
        assert tab.page.evaluate("window.loadedOnce === true")

    # and a new answer has nothing of it
    alice.page.keyboard.press("Escape")
    assert FACT not in alice.body(alice.ask(QUESTION))


def make_zone(adam: ChatPage) -> None:
    page = adam.page
    adam.open("/admin/assistants/zone/add/")
    page.get_by_label("Name", exact=True).fill("Board papers")
    page.get_by_label("Short name").fill("board")
    page.get_by_label("Restricted:").check()
    page.get_by_label("admins (1 person)").check()
    page.get_by_role("button", name="Preview").click()
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("1 person: adam")
    page.get_by_role("button", name="Save").click()
    expect(messages(page)).to_contain_text("The zone Board papers is made.")
    expect(page.get_by_text("Who may read it")).to_be_visible()


def move_document(adam: ChatPage, document: str) -> None:
    page = adam.page
    adam.open("/admin/assistants/document/?q=ombudsman")
    page.get_by_role("link", name=document).click()
    page.get_by_label("Move to").select_option("board")
    page.get_by_role("button", name="Preview").click()
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("1 answer made from it")
    expect(preview).to_contain_text(re.compile(r"May no longer read it\s*1 person: alice"))
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("Give a reason.")).to_be_visible()
    page.get_by_label("Move to").select_option("board")
    move = page.locator("form").filter(has=page.get_by_role("button", name="Move", exact=True))
    move.get_by_label("Reason").fill("The board asked to keep it to itself.")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(messages(page)).to_contain_text("The document is moved.")


def messages(page: Page) -> Locator:
    return page.locator(".messagelist")


def test_another_department_sees_none_of_it(open_page: OpenPage, product: Product) -> None:
    dave = open_page("dave")
    dave.open("/documents/?q=ombudsman")
    expect(dave.page.get_by_text("No document fits this search.")).to_be_visible()
    expect(dave.page.locator("select[name=zone]").first).not_to_contain_text("Board papers")
    dave.open("/admin/assistants/zone/")
    expect(dave.page).to_have_url(re.compile("/admin/login/"))
