"""carol asks and waits; rita takes it from her queue, edits and approves by the keyboard."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from benchmarks.product import Product
from tests.e2e.driver import PATIENCE, ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]
QUESTION = "How is hypoglycaemia in a conscious adult treated?"
ADDED = "Reviewed by the ward."
SET = (
    "from assistants.models import Assistant; "
    "Assistant.objects.filter(slug='clinical').update(release_mode='{}')"
)
SETTINGS_HOLD = 2.5  # seconds for which a worker remembers settings that other hands changed


@pytest.fixture
def holding(product: Product) -> Iterator[None]:
    """The clinical assistant holds all it says."""
    product.manage("shell", "-c", SET.format("hold"))
    time.sleep(SETTINGS_HOLD)
    yield
    product.manage("shell", "-c", SET.format("token"))
    time.sleep(SETTINGS_HOLD)


def test_an_answer_waits_and_arrives_with_what_was_changed(
    open_page: OpenPage, holding: None
) -> None:
    carol = open_page("carol")
    carol.page.evaluate("window.loadedOnce = true")
    carol.page.locator('.assistant-card:has-text("Clinical")').click()
    carol.send(QUESTION)
    answer = carol.answers.last
    expect(answer).to_have_attribute("data-status", "held", timeout=PATIENCE)
    expect(answer.locator("[data-review]")).to_contain_text("Waiting for a reviewer.")
    expect(answer.locator(".prose")).to_be_empty()
    second = open_page(beside=carol)
    second.open(carol.page.url.removeprefix(carol.url))
    expect(second.answers.last.locator("[data-review]")).to_contain_text("Waiting")

    rita = open_page("rita")
    page = rita.page
    queue = rita.url + "/admin/assistants/reviewitem/?department=clinical"
    page.goto(queue)
    expect(page.locator("[data-review-queue]")).not_to_contain_text("hypoglycaemia")
    page.keyboard.press("?")
    expect(page.locator("[data-review-keys]")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator("[data-answer]")).to_be_visible()
    expect(page.locator("[data-source] mark.passage").first).to_be_visible()
    page.keyboard.press("t")
    editor = page.get_by_label("Edit")
    expect(editor).to_be_visible()
    # her question to the author arrives in the open page, and the reply in the item
    page.keyboard.press("w")
    page.keyboard.type("Is it for an adult?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page).to_have_url(re.compile("/reviewitem/$"))
    expect(answer.locator("[data-review]")).to_contain_text("Is it for an adult?")
    answer.get_by_label("Your reply").fill("Yes, forty years old.")
    answer.get_by_role("button", name="Send the reply").click()
    expect(answer.locator("[data-review]")).to_contain_text("Your reply is with the reviewer.")
    page.goto(queue)
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator(".review-page")).to_contain_text("Yes, forty years old.")
    page.keyboard.press("t")
    expect(editor).to_be_visible()
    page.keyboard.press("e")
    expect(editor).to_be_focused()
    page.keyboard.press("Control+End")
    page.keyboard.type(f"\n\n{ADDED}")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/reviewitem/$"))
    expect(page.locator(".messagelist")).to_contain_text("Approved as edited.")

    for tab in (carol, second):
        shown = tab.answers.last
        expect(shown).to_have_attribute("data-status", "completed", timeout=PATIENCE)
        expect(shown.locator(".prose").first).to_contain_text(ADDED)
        expect(shown.locator("[data-difference] ins")).to_contain_text(ADDED)
        expect(shown.locator(".citation-item").first).to_be_visible()
    assert carol.page.evaluate("window.loadedOnce === true")
    carol.page.reload()
    expect(carol.answers.last.locator("[data-difference] ins")).to_contain_text(ADDED)
    carol.page.get_by_role("button", name="Notifications").click()
    expect(carol.page.locator("[data-bell-list]")).to_contain_text("edited and approved")
