"""The page itself: keyboard, phone, themes, drafts, limits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from benchmarks.product import Product
from tests.e2e.driver import ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]


def test_everything_can_be_done_with_the_keyboard(open_page: OpenPage, product: Product) -> None:
    chat = open_page()
    chat.open("/chat/")
    keyboard = chat.page.keyboard
    # The browser gives the focus a moment after the page has loaded.
    expect(chat.page.get_by_label("User name")).to_be_focused()
    keyboard.type("alice")
    keyboard.press("Tab")
    keyboard.type(product.password)
    keyboard.press("Enter")
    chat.page.wait_for_url("**/chat/")
    expect(chat.composer).to_be_focused()
    keyboard.type("Hello")
    keyboard.press("Shift+Enter")
    keyboard.type("again")
    expect(chat.composer).to_have_value("Hello\nagain")
    keyboard.press("Enter")
    chat.wait_for_end()
    keyboard.press("Shift+Tab")  # from the composer back to the answer's tools
    keyboard.press("Shift+Tab")
    assert chat.page.evaluate("document.activeElement.closest('chat-answer') !== null")
    keyboard.press("?")
    expect(chat.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    expect(chat.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    keyboard.press("/")
    expect(chat.composer).to_be_focused()
    keyboard.press("Control+k")
    expect(chat.page.get_by_role("searchbox")).to_be_focused()
    keyboard.press("Control+Shift+O")
    chat.page.wait_for_url("**/chat/")


def test_a_phone_of_360_pixels_needs_no_sideways_scrolling(open_page: OpenPage) -> None:
    chat = open_page("alice", viewport={"width": 360, "height": 740}, has_touch=True)
    answer = chat.ask("What is the limit for a single gift from a business partner?")
    width = "document.documentElement.scrollWidth"
    assert chat.page.evaluate(width) == 360
    answer.locator(".citation-item a").first.click()
    expect(chat.panel.locator("mark").first).to_be_in_viewport()
    assert chat.page.evaluate(width) == 360
    chat.page.get_by_role("button", name="Close the source").click()
    expect(chat.panel).to_be_hidden()
    expect(chat.page.locator("#sidebar")).to_be_hidden()
    chat.page.get_by_role("button", name="Sidebar", exact=True).click()
    expect(chat.page.locator("#sidebar")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.page.locator("#sidebar")).to_be_hidden()


# Relative luminance and contrast as WCAG 2.2 defines them, of every text that is shown.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const luminance = ([r, g, b]) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.95) return colour;
    }
    return [1, 1, 1, 1];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
    if (element.closest(".visually-hidden, :disabled, .skip-link")) continue;
    const [a, b] = [luminance(rgba(getComputedStyle(element).color)), luminance(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${element.className}: ${node.data}`);
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read_in_both_themes(open_page: OpenPage, theme: str) -> None:
    chat = open_page("alice", color_scheme=theme)
    assert chat.page.evaluate(LOW_CONTRAST) == []
    answer = chat.ask("What is the limit for a single gift from a business partner?")
    answer.get_by_text("Why here?").click()
    answer.locator(".citation-item a").first.click()
    expect(chat.panel.locator("mark").first).to_be_visible()
    assert chat.page.evaluate(LOW_CONTRAST) == []


def test_a_chosen_theme_is_remembered(open_page: OpenPage) -> None:
    chat = open_page("alice", color_scheme="light")
    chat.page.locator("[data-menu] summary").click()
    chat.page.get_by_text("Dark", exact=True).click()
    dark = chat.page.evaluate("getComputedStyle(document.body).backgroundColor")
    chat.page.reload()
    assert chat.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    expect(chat.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_draft_survives_a_reload(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.composer.fill("Half a thou")
    chat.page.reload()
    expect(chat.composer).to_have_value("Half a thou")


def test_a_refused_message_comes_back_with_the_reason(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.send("A NUL \u0000 inside")
    expect(chat.page.locator("[data-composer-error]")).to_be_visible()
    assert "inside" in chat.composer.input_value()
    assert chat.page.locator("[data-turn]").count() == 0


def test_a_message_over_the_limit_cannot_be_sent(open_page: OpenPage) -> None:
    chat = open_page("alice")
    limit = int(str(chat.page.locator("chat-composer").get_attribute("data-limit")))
    chat.composer.fill("x" * (limit + 1))
    expect(chat.page.get_by_role("button", name="Send")).to_be_disabled()
    expect(chat.page.locator("[data-counter]")).to_have_class("counter over")
    chat.composer.fill("x" * limit)
    expect(chat.page.get_by_role("button", name="Send")).to_be_enabled()


def test_a_session_that_ended_keeps_what_was_typed(open_page: OpenPage) -> None:
    chat = open_page("alice", expect="WebSocket|403")
    chat.composer.fill("Still here")
    other = open_page(beside=chat)
    other.page.locator("[data-menu] summary").click()
    other.page.get_by_role("button", name="Sign out").click()
    other.page.wait_for_url("**/accounts/login/**")
    chat.composer.press("Enter")
    expect(chat.page.get_by_text("You have been signed out")).to_be_visible()
    expect(chat.page.get_by_role("link", name="Sign in")).to_be_visible()
