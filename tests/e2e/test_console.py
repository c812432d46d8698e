"""adam makes a department's assistant without code, tries and publishes it; alice's open page
follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.driver import PATIENCE, ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]
QUESTION = "How many days of annual leave do employees have?"
SETTINGS_HOLD = 2.5  # seconds for which a worker remembers settings that other hands changed


def publish(page: Page, reason: str) -> None:
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".messagelist")).to_contain_text("every open page has it")
    time.sleep(SETTINGS_HOLD)


def ask_test_questions(page: Page, sides: int) -> None:
    page.get_by_role("button", name="Ask the 1 test question").click()
    expect(page.locator(".trial-side[data-status=completed]")).to_have_count(
        sides, timeout=PATIENCE
    )


def test_an_assistant_without_code(open_page: OpenPage) -> None:
    adam = open_page("adam")
    page = adam.page
    page.goto(adam.url + "/admin/")
    expect(page.get_by_role("heading", name="Needs attention")).to_be_visible()
    page.locator(".console-doors").get_by_role("link", name="Assistants").click()
    page.get_by_role("link", name="Make an assistant").click()
    page.get_by_label("Name", exact=True).fill("Events")
    page.get_by_label("Short name").fill("events")
    page.get_by_label("Department", exact=True).select_option("A new department")
    page.get_by_label("Name of the new department").fill("events")
    page.get_by_label("Add people").fill("alice, adam")
    page.get_by_label("General (internal").check()
    page.get_by_label("Questions start in").select_option("General")
    page.get_by_label("Prompt").fill("You are the assistant of an events department.")
    page.get_by_label("Test questions").fill(f"{QUESTION} => leave; unheard-of")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.locator(".console-steps [aria-current]")).to_have_text("Tried")

    page.evaluate("window.loadedOnce = true")
    ask_test_questions(page, 1)
    side = page.locator(".trial-side")
    expect(side.locator(".trial-badge")).to_contain_text("quoted from documents")
    expect(side).to_contain_text("It does not say: unheard-of.")
    expect(side.get_by_role("link").first).to_be_visible()
    expect(page.locator("[data-untried-told]")).to_have_count(0)
    publish(page, "The first one")

    alice = open_page("alice")
    alice.composer.fill("A word of mine")
    notice = alice.page.locator("[data-notice]")
    expect(notice).to_contain_text("What is kept where")
    with alice.page.expect_response("**/notices/first-visit/close/") as closed:
        notice.get_by_role("button", name="Got it").click()
    assert closed.value.status == 204
    expect(notice).to_have_count(0)
    expect(alice.composer).to_have_value("A word of mine")
    alice.page.locator('.assistant-card:has-text("Events")').click()
    first = alice.ask(QUESTION)
    expect(first.locator("[data-badge-grounded]")).to_be_visible()
    expect(alice.page.locator(".sidebar")).not_to_contain_text("unheard-of")

    # a second version, held against the first: without documents another model answers
    page.get_by_role("button", name="New draft of what holds").click()
    page.get_by_label("General (internal").uncheck()
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator(".messagelist")).to_contain_text("The draft is saved.")
    ask_test_questions(page, 2)
    badges = page.locator(".trial-badge").all_inner_texts()
    assert [("quoted from documents" in badge) for badge in badges] == [False, True]
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    publish(page, "It shall write")

    second = alice.ask("And on which days is nobody expected to work?")
    expect(second.locator("[data-badge-grounded]")).to_be_hidden()

    page.get_by_label("Reason").fill("It shall quote again")
    page.get_by_role("button", name="Back to version 1").click()
    expect(page.locator(".messagelist")).to_contain_text("Version 1 holds again")
    page.goto(adam.url + "/admin/search/?q=events")
    expect(page.locator("#content")).to_contain_text("assistant.rolled_back: events")

    # the fourth department ships switched off: one click
    page.goto(adam.url + "/admin/assistants/assistant/")
    row = page.get_by_role("row").filter(has_text="Marketing")
    expect(row).to_contain_text("switched off")
    row.get_by_role("link", name="Marketing").click()
    page.get_by_label("Reason").fill("We have a marketing team")
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator(".messagelist")).to_contain_text("Its people can ask it.")

    adam.open("/chat/")
    expect(page.locator(".sidebar")).not_to_contain_text(QUESTION[:20])  # trials are in no history
