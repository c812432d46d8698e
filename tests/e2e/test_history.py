"""The life of a conversation, by mouse and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.driver import ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]


def test_a_conversation_is_put_in_order_found_and_judged_by_keyboard(open_page: OpenPage) -> None:
    chat = open_page("alice", viewport={"width": 1280, "height": 800})
    page, keyboard = chat.page, chat.page.keyboard
    chat.ask("Hello, how often is a medium-risk customer's file refreshed?")
    title = "How often is a medium-risk customer's file refreshed?"
    expect(page.locator("[data-title]")).to_have_text(title)
    conversation = page.locator("chat-session").get_attribute("data-conversation")
    item = page.locator(f'side-bar li[data-conversation="{conversation}"]')

    more = item.get_by_role("button")
    more.focus()
    keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Pin")).to_be_focused()
    keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    keyboard.press("Escape")
    expect(more).to_be_focused()
    keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Pin")).to_be_focused()
    keyboard.press("Enter")
    expect(page.locator("[data-sidebar-fixed] li")).to_have_attribute(
        "data-conversation", str(conversation)
    )
    expect(item.get_by_role("button")).to_be_focused()

    keyboard.press("Enter")
    page.get_by_role("menuitem", name="Rename").press("Enter")
    expect(page.get_by_label("Title")).to_have_value(title)
    keyboard.press("Control+a")
    keyboard.type("Refreshing files")
    keyboard.press("Enter")
    expect(page.locator("[data-title]")).to_have_text("Refreshing files")
    expect(item.get_by_role("link")).to_have_text("Refreshing files")

    page.locator(".topbar").get_by_role("button", name="More for this conversation").click()
    page.get_by_role("menuitem", name="Move to a folder").click()
    page.get_by_label("Name of the new folder").fill("Audit <2026>")
    page.get_by_role("button", name="Move", exact=True).click()
    folder = page.locator("details", has_text="Audit <2026>")
    expect(folder).to_have_attribute("open", "")  # it holds what is on the page
    expect(folder.locator("li")).to_have_attribute("data-conversation", str(conversation))

    chat.open("/chat/")
    keyboard.press("Control+k")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    keyboard.type("medium risk refresh")
    hit = page.locator("[data-found]", has_text="Refreshing files")
    expect(hit.locator("mark").first).to_be_visible()
    keyboard.press("ArrowDown")
    expect(page.locator("[data-found]").first).to_be_focused()
    keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/chat/{conversation}/.*#m-"))
    expect(page.get_by_role("dialog")).to_have_count(0)

    answer = chat.answers.last
    answer.get_by_role("button", name="Bad answer").press("Enter")
    answer.get_by_label("Incomplete").check()
    answer.get_by_label("Comment").fill("No word of high risk")
    answer.get_by_role("button", name="Save").click()
    expect(answer.get_by_text("Thank you")).to_be_visible()
    page.reload()
    thumb = chat.answers.last.get_by_role("button", name="Bad answer")
    expect(thumb).to_have_attribute("aria-pressed", "true")

    page.locator(".topbar").get_by_role("button", name="More for this conversation").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export as PDF").click()
    assert download.value.suggested_filename == "Refreshing files.pdf"

    page.locator(".topbar").get_by_role("button", name="More for this conversation").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/chat/")
    expect(item).to_have_count(0)


def test_a_temporary_chat_is_not_listed_and_none_is_shared_with_who_may_not_read_it(
    open_page: OpenPage,
) -> None:
    chat = open_page("alice", expect="status of 400")
    page = chat.page
    page.get_by_role("link", name="Temporary chat").click()
    expect(page.get_by_text("It is not listed and no search finds it.")).to_be_visible()
    chat.ask("What is the limit for a single gift, between us and Quintessa?")
    conversation = page.locator("chat-session").get_attribute("data-conversation")
    chat.open(f"/chat/{conversation}/")
    expect(page.get_by_text("A temporary chat.")).to_be_visible()
    expect(page.locator(f'side-bar [data-conversation="{conversation}"]')).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("Quintessa")
    expect(page.get_by_text("No conversation of yours holds all of these words.")).to_be_visible()
    page.keyboard.press("Escape")

    chat.open("/chat/")
    chat.ask("What is the limit for a single gift from a business partner?")
    page.locator(".topbar").get_by_role("button", name="More for this conversation").click()
    page.get_by_role("menuitem", name="Share to read").click()
    username = page.get_by_label("User name of a colleague")
    username.fill("carol")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("may not read everything")
    expect(username).to_have_value("carol")  # what was typed stays
