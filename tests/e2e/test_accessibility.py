"""axe finds nothing serious: every page, its dialogs and menus open, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Route, expect

from benchmarks.product import Product
from tests.e2e.axe import find_barriers
from tests.e2e.driver import PATIENCE, ChatPage
from tests.e2e.furnished import Furnished, furnish

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]
QUESTION = "What is the limit for a single gift from a business partner?"
NOWHERE = "/chat/00000000-0000-7000-8000-000000000000/"


class Tour:
    """A person looking at one page after the other; `found` is what was in their way."""

    def __init__(self, chat: ChatPage) -> None:
        self.chat = chat
        self.page = chat.page
        self.found: list[str] = []

    def look(self, where: str, within: str = "") -> None:
        self.found.extend(find_barriers(self.page, where, within))

    def visit(self, path: str, status: int = 200, within: str = "") -> None:
        assert self.chat.open(path) == status, path
        self.look(path, within)

    def ask(self, text: str) -> str:
        """The conversation in which it is answered."""
        self.chat.open("/chat/")
        self.chat.ask(text)
        return str(self.page.locator("chat-session").get_attribute("data-conversation"))


def test_no_page_has_a_barrier(open_page: OpenPage, product: Product) -> None:
    tour = Tour(open_page(expect="40[034]|416|500"))
    sign_in(tour, product.password)
    furnished = furnish(product, drawn=tour.ask("Hello"), held=tour.ask(QUESTION))
    tour.ask(QUESTION)
    receipt, document, citation = look_at_an_answer(tour)
    look_at_menus_and_dialogs(tour)
    look_at_the_composer(tour)
    for id_ in (furnished.drawn, furnished.held):
        tour.visit(f"/chat/{id_}/")
    for path in ("/chat/?temporary=1", "/chat/archive/", "/shared/", "/documents/", "/prompts/"):
        tour.visit(path)
    for path in (receipt, document, citation, "/prompts/new/", "/recordings/"):
        tour.visit(path)
    for path in (furnished.recording, furnished.note):
        tour.visit(path)
    look_at_errors(tour, furnished)
    assert tour.found == []


def test_no_page_of_the_console_has_a_barrier(open_page: OpenPage, product: Product) -> None:
    adam = Tour(open_page("adam"))
    asked = Tour(open_page("alice"))
    furnished = furnish(product, drawn=asked.ask("Hello"), held=asked.ask(QUESTION))
    for number, path in enumerate(furnished.console):
        # what stands around the content is the same on each: looked at three times
        adam.visit(path, within="" if number < 3 else "#content")
    rita = Tour(open_page("rita"))
    rita.visit("/admin/assistants/reviewitem/")
    rita.visit(furnished.item)
    rita.page.keyboard.press("t")
    expect(rita.page.get_by_label("Edit")).to_be_visible()
    rita.page.get_by_text("Ask, hand over, escalate").click()
    rita.look("a review that was taken")
    rita.page.keyboard.press("?")
    rita.look("keys of reviews", "[data-review-keys]")
    found = adam.found + rita.found
    assert found == []


def sign_in(tour: Tour, password: str) -> None:
    tour.visit("/accounts/login/")
    tour.page.get_by_label("User name").fill("alice")
    tour.page.get_by_label("Password").fill("wrong")
    tour.page.get_by_role("button", name="Sign in").click()
    expect(tour.page.get_by_role("alert")).to_be_visible()
    tour.look("sign in, refused")
    tour.chat.sign_in("alice", password)
    tour.look("new chat")


def look_at_an_answer(tour: Tour) -> tuple[str, str, str]:
    """Where its receipt, the document it cites and the citation are."""
    page, answer = tour.page, tour.chat.answers.last
    link = answer.locator(".citation-item a").first
    answer.get_by_text("Why here?").click()
    link.click()
    expect(tour.chat.panel.locator("mark").first).to_be_visible()
    document = tour.chat.panel.get_by_role("link", name="Open the document")
    places = (answer.locator(".receipt-link"), document, link)
    receipt, opened, citation = [str(each.get_attribute("href")) for each in places]
    tour.look("answer, with why and a source")
    page.keyboard.press("Escape")
    answer.get_by_role("button", name="Bad answer").click()
    expect(answer.get_by_label("Incomplete")).to_be_visible()
    page.get_by_role("button", name="Edit and ask again").click()
    tour.look("feedback, and a message being edited")
    page.get_by_role("button", name="Cancel").click()
    return receipt, opened, citation


def look_at_menus_and_dialogs(tour: Tour) -> None:
    page, keyboard = tour.page, tour.page.keyboard
    more = page.locator(".topbar").get_by_role("button", name="More for this conversation")
    for opener, opened in (
        (page.locator("[data-zone]"), "#zone-panel"),
        (page.get_by_role("button", name="Notifications"), "#notifications"),
        (page.locator("[data-menu] summary"), ".menu-body"),
        (more, "#conversation-menu"),
    ):
        opener.click()
        expect(page.locator(opened)).to_be_visible()
        tour.look(opened, opened)
        keyboard.press("Escape")
    for name in ("Rename", "Move to a folder", "Share to read", "Delete"):
        more.click()
        page.get_by_role("menuitem", name=name).click()
        expect(page.locator("#conversation-dialog")).to_be_visible()
        tour.look(name, "#conversation-dialog")
        keyboard.press("Escape")
    keyboard.press("Control+k")
    expect(page.get_by_role("searchbox")).to_be_focused()
    keyboard.type("gift")
    expect(page.locator("[data-found] mark").first).to_be_visible()
    tour.look("search", "#history-search")
    keyboard.press("Escape")
    page.locator("[data-title]").click()
    keyboard.press("?")
    tour.look("shortcuts", "#shortcuts")
    keyboard.press("Escape")


def look_at_the_composer(tour: Tour) -> None:
    page, composer = tour.page, tour.chat.composer
    composer.fill("/")
    expect(page.get_by_role("option").first).to_be_visible(timeout=PATIENCE)
    tour.look("prompts offered", "chat-composer")
    page.keyboard.press("Escape")
    composer.fill("")
    page.locator("[data-file-picker]").set_input_files(
        FilePayload(name="offer.txt", mimeType="text/plain", buffer=b"A fee.")
    )
    expect(page.locator("[data-parts]").get_by_role("combobox")).to_be_visible(timeout=PATIENCE)
    tour.look("a file attached")
    page.get_by_role("button", name="Remove offer.txt").click()


def look_at_errors(tour: Tour, furnished: Furnished) -> None:
    tour.visit(NOWHERE, 404)
    for html in furnished.errors.values():
        tour.page.route("**/broken/", answer_with(html))
        tour.visit("/broken/", 500)
        tour.page.unroute("**/broken/")


def answer_with(html: str) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        route.fulfill(status=500, content_type="text/html", body=html)

    return answer
