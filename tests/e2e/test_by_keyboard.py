"""By keyboard alone, in a small window, and what a hand or an ear does beside it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.e2e.driver import PATIENCE, ChatPage
from tests.e2e.test_leaving import badge, completed, script

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

QUESTION = "What is the limit for a single gift from a business partner?"
ZOOMED = {"width": 640, "height": 400}  # a window of 1280 by 800 at 200 %
PHONE = {"width": 360, "height": 740}
STOPS = 12  # of the Tab key, looked at on each page

# What is wrong with where the focus is: it is nowhere, out of sight, covered, or not to be seen.
FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "nowhere";
  const words = (at.textContent || at.name || "").trim().slice(0, 40);
  const name = `${at.tagName} ${at.className} ${words}`;
  const { left, top, width, height } = at.getBoundingClientRect();
  const shown = (style) => (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1)
    || style.boxShadow !== "none";
  let ring = false;
  for (let each = at, up = 0; each && up < 4 && !ring; each = each.parentElement, up += 1) {
    if (up === 0 || each.matches(":has(:focus-visible)")) ring = shown(getComputedStyle(each));
  }
  if (!ring && !at.matches("textarea, input, select")) return `no ring: ${name}`;
  const label = at.matches("input[type=radio], input[type=checkbox]") && at.closest("label");
  const box = label ? label.getBoundingClientRect() : { left, top, width, height };
  const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1);
  const y = Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1);
  if (box.top + box.height <= 0 || box.top >= innerHeight || box.left >= innerWidth
    || box.left + box.width <= 0) return `out of sight: ${name}`;
  const on_top = document.elementFromPoint(x, y);
  const whole = label || at;
  if (!on_top || !(whole.contains(on_top) || on_top.contains(whole))) {
    return `covered by ${on_top?.tagName} ${on_top?.className}: ${name}`;
  }
  return "";
}"""
MOVING = """() => document.getAnimations()
  .filter((each) => each.playState === "running")
  .map((each) => each.animationName || each.transitionProperty)"""
SHIFTS = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
PASTE = """() => {
  const given = new DataTransfer();
  given.items.add(new File(["The fee is EUR 42."], "pasted.txt", { type: "text/plain" }));
  const init = { clipboardData: given, bubbles: true, cancelable: true };
  const event = new ClipboardEvent("paste", init);
  document.querySelector("#composer-text").dispatchEvent(event);
}"""
# A browser with a voice of its own and one from elsewhere, in a machine without sound.
VOICES = """() => {
  window.spoken = [];
  const voices = [
    { lang: "en-GB", name: "elsewhere", localService: false, default: true },
    { lang: "en-US", name: "here", localService: true, default: false },
  ];
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  Object.defineProperty(window, "speechSynthesis", { value: {
    getVoices: () => voices,
    speak: (each) => window.spoken.push([each.voice.name, each.text]),
    cancel: () => window.spoken.push(["cancelled", ""]),
  } });
}"""


def tab_to(page: Page, target: Locator, key: str = "Tab", most: int = 400) -> None:
    """Press Tab until the focus is there; each stop on the way can be seen."""
    for _ in range(most):
        page.keyboard.press(key)
        assert page.evaluate(FOCUS) in ("", "nowhere")  # the browser's own frame is in between
        if target.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"{most} times {key} do not lead to {target}")


def test_a_question_a_source_and_the_next_question(open_page: OpenPage) -> None:
    chat = open_page("alice")
    page, keyboard = chat.page, chat.page.keyboard
    chat.open("/documents/")
    keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="New chat"), "Shift+Tab")
    keyboard.press("Enter")
    expect(chat.composer).to_be_focused()
    keyboard.type(QUESTION)
    keyboard.press("Enter")
    answer = chat.wait_for_end()
    expect(page.locator("#announcer")).to_have_text("The answer is complete.")
    expect(chat.composer).to_be_focused()
    source = answer.locator(".citation-item a").first
    tab_to(page, source, "Shift+Tab")
    keyboard.press("Enter")
    expect(chat.panel.locator("h2")).to_be_focused()
    expect(chat.panel.locator("mark").first).to_be_visible()
    keyboard.press("Tab")
    assert page.evaluate(FOCUS) == ""
    keyboard.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(source).to_be_focused()
    keyboard.press("/")
    expect(chat.composer).to_be_focused()
    keyboard.type("Hello")
    keyboard.press("Enter")
    chat.wait_for_end(1)
    expect(chat.composer).to_be_focused()


def test_an_admin_fills_a_form(open_page: OpenPage) -> None:
    adam = open_page("adam")
    page, keyboard = adam.page, adam.page.keyboard
    name = page.locator("#id_name")

    def skip_to(target: Locator) -> None:
        """Past the list of all lists."""
        keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        keyboard.press("Enter")
        tab_to(page, target)

    adam.open("/admin/auth/group/add/")
    expect(name).to_be_focused()  # a new one begins with its first field
    keyboard.type("keyboard")
    keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("keyboard")
    skip_to(page.locator("#result_list").get_by_role("link", name="keyboard"))
    keyboard.press("Enter")
    expect(name).to_have_value("keyboard")
    skip_to(page.get_by_role("link", name="Delete", exact=True))
    keyboard.press("Enter")
    page.wait_for_url("**/delete/")
    skip_to(page.get_by_role("button", name="Yes, I’m sure"))
    keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("deleted")


def test_every_page_fits_a_small_window(open_page: OpenPage) -> None:
    """At 200 % and on a phone: nothing scrolls sideways, focus is in sight, nothing moves."""
    wrong: list[str] = []
    alice = open_page("alice", viewport=ZOOMED, reduced_motion="reduce")
    answer = alice.ask(QUESTION)
    receipt = str(answer.locator(".receipt-link").get_attribute("href"))
    answer.locator(".citation-item a").first.click()
    place = alice.panel.get_by_role("link", name="Open the document")
    document = str(place.get_attribute("href"))
    wrong += look(alice.page, "a source beside its answer")
    own = ["/chat/", "/documents/", document, receipt, "/prompts/", "/prompts/new/", "/recordings/"]
    for path in (alice.page.url.removeprefix(alice.url), *own, "/shared/", "/chat/archive/"):
        alice.open(path)
        wrong += look(alice.page, path)
    adam = open_page("adam", viewport=ZOOMED, reduced_motion="reduce")
    for path in (
        "/admin/",
        "/admin/search/?q=policy",
        "/admin/assistants/zone/",
        "/admin/assistants/zone/add/",
        "/admin/assistants/zone/matrix/",
        "/admin/assistants/assistant/add/",
        "/admin/assistants/policy/",
        "/admin/assistants/policy/playground/",
        "/admin/assistants/egressrecord/",
        "/admin/assistants/auditevent/",
        "/admin/assistants/reviewitem/",
        "/admin/assistants/deployment/add/",
        "/admin/auth/user/",
    ):
        adam.open(path)
        wrong += look(adam.page, path)
    assert wrong == []


def look(page: Page, where: str) -> list[str]:
    wrong = []
    for size in (PHONE, ZOOMED):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            wrong.append(f"{where}: {width} pixels wide in {size['width']}")
    wrong += [f"{where}: {each} moves" for each in page.evaluate(MOVING)]
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        seen = page.evaluate(FOCUS)
        if seen not in ("", "nowhere"):
            wrong.append(f"{where}: {seen}")
    return wrong


def test_copying_pasting_and_naming_an_assistant(open_page: OpenPage) -> None:
    chat = open_page("alice", permissions=["clipboard-read", "clipboard-write"])
    page = chat.page
    chat.composer.focus()
    page.keyboard.type("@comp")
    expect(page.get_by_role("option")).to_contain_text("Compliance", timeout=PATIENCE)
    page.keyboard.press("Escape")
    chat.composer.fill("")
    page.evaluate(PASTE)
    parts = page.get_by_role("list", name="Goes with the message").get_by_role("listitem")
    expect(parts).to_contain_text("pasted.txt")
    expect(parts.get_by_role("combobox")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Remove pasted.txt").press("Enter")
    expect(parts).to_have_count(0)
    html = '<p>Like this:</p><figure class="code"><pre><code>x = 1</code></pre></figure>'
    script(chat, completed(badge=badge(), text="Like this: x = 1", html=html))
    answer = chat.ask("How is it written?")
    for button, copied in (
        (answer.get_by_role("button", name="Copy code"), "x = 1"),
        (answer.get_by_role("button", name="Copy the answer"), "Like this: x = 1"),
        (page.get_by_role("button", name="Copy the message"), "How is it written?"),
    ):
        button.press("Enter")
        expect(button).to_have_class("tool copy-code done" if copied == "x = 1" else "tool done")
        assert page.evaluate("navigator.clipboard.readText()") == copied


def test_an_answer_is_read_aloud_by_a_voice_of_this_machine(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.page.add_init_script(f"({VOICES})()")
    script(chat, completed(badge=badge(), html="<p>One. Two!</p>"))
    button = chat.ask("Count").get_by_role("button", name="Read aloud")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert chat.page.evaluate("window.spoken") == [["here", "One. "], ["here", "Two!"]]
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert chat.page.evaluate("window.spoken.at(-1)[0]") == "cancelled"


def test_steps_are_seen_and_nothing_shifts_while_an_answer_comes(open_page: OpenPage) -> None:
    chat = open_page("alice")
    sockets: list[WebSocketRoute] = []
    ids = {name: str(uuid.uuid4()) for name in ("conversation", "message", "answer")}

    def serve(socket: WebSocketRoute) -> None:
        sockets.append(socket)

        def receive(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] == "message.send":
                told = {"client_id": frame["client_id"], "title": "Steps", "duplicate": False}
                socket.send(json.dumps({"type": "message.accepted", **ids, **told}))

        socket.on_message(receive)

    def tell(number: int, **frame: Any) -> None:
        sockets[-1].send(json.dumps({"answer": ids["answer"], "id": number, **frame}))

    chat.page.route_web_socket("**/ws/chat/", serve)
    chat.page.reload()
    chat.send("Draft a letter")
    answer = chat.answers.last
    step = answer.locator("[data-step-text]")
    for number, (name, words) in enumerate(
        [("searching", "Searching"), ("sealing", "Sealing"), ("waiting", "Waiting")], 1
    ):
        tell(number, type="answer.status", step=name)
        expect(step).to_contain_text(words)
    chat.page.evaluate(SHIFTS)
    for number in range(4, 54):
        block = f"<p>Block {number} of the letter, with words enough for two lines or three. </p>"
        if number % 5 == 0:
            tell(number, type="answer.block", tail="", html=block * 2)
        else:
            tell(number, type="answer.delta", text=f"Words {number} that are on their way. ")
    expect(answer.locator(".prose p")).to_have_count(20)
    tell(54, **completed(badge=badge()))
    expect(answer).to_have_attribute("data-status", "completed")
    assert chat.page.evaluate("window.shifted") < 0.02
