"""The product in German and, from right to left, in Arabic."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from benchmarks.product import Product
from tests.e2e.driver import PATIENCE, ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

# Main words of the pages, which no other language of ours has.
ENGLISH = re.compile(
    r"\b(?:New chat|Search|Shared|Documents|Recordings|Sign out|Keyboard shortcuts|Why here|Receipt"
    r"|Answer as of|offers prompts|On the premises|quoted from documents|Add documents|Upload"
    r"|Searchable|What this answer was made of|Verified just now|Who and when|Passages|System)\b"
)


def test_a_german_asks_and_an_arab_reads(open_page: OpenPage, product: Product) -> None:
    chat = open_page(locale="de-DE", viewport={"width": 1280, "height": 800})
    page = chat.page
    chat.open("/accounts/login/")
    page.get_by_label("Benutzername").fill("alice")
    page.get_by_label("Passwort").fill(product.password)
    page.get_by_role("button", name="Anmelden").click()
    page.wait_for_url("**/chat/**")
    expect(page.locator("html")).to_have_attribute("lang", "de")

    # A refusal comes over the socket in German, an answer with German words around it.
    composer = page.get_by_role("textbox", name="Nachricht", exact=True)
    composer.fill("What is the limit for gifts from business partners?")
    composer.press("Enter")
    answer = page.locator("chat-answer:visible").first
    expect(answer).to_have_attribute("data-status", "completed", timeout=PATIENCE)
    expect(answer.locator("[data-badge-place]")).to_have_text("Im Haus")
    answer.get_by_text("Warum hier?").click()
    expect(answer.locator("[data-rule]")).to_contain_text("denn")
    expect(answer.locator("[data-rule]")).not_to_contain_text("because")
    expect(page.get_by_role("heading", name="Heute")).to_be_visible()
    rule = answer.locator("[data-rule]").inner_text()
    page.reload()
    page.get_by_text("Warum hier?").click()
    expect(page.locator("[data-rule]").first).to_have_text(rule)  # the same live and on reload

    # Arabic, on a phone.
    page.locator(".sidebar-foot summary").click()
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.set_viewport_size({"width": 360, "height": 740})
    receipt = page.locator("[data-receipt-link]:visible").first.get_attribute("href")
    expect(page.locator("[data-body]").first).to_have_css("direction", "ltr")  # an English text
    places = (page.url.removeprefix(product.url), "/chat/", "/documents/", "/recordings/")
    for place in (*places, "/prompts/", "/chat/archive/", "/shared/", str(receipt)):
        assert chat.open(place) == 200
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{place} scrolls sideways by {wide} pixels"
        shown = page.locator("body").inner_text()
        for theirs in page.locator('[dir="auto"]').all_inner_texts():
            shown = shown.replace(theirs, "") if theirs.strip() else shown
        assert not (left := ENGLISH.search(shown)), f"{place}: {left}"

    # The sidebar comes from the side where a line begins.
    chat.open("/chat/")
    page.locator(".topbar [data-sidebar-toggle]").click()
    box = page.locator("#sidebar").bounding_box()
    assert box
    assert box["x"] + box["width"] == 360
