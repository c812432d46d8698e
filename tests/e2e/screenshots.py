"""Draw the pictures of the README: `python -m tests.e2e.screenshots` (or `make screenshots`).

Starts the product with its demo in a temporary folder, or uses a running one:
`python -m tests.e2e.screenshots URL PASSWORD`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks import product as running
from tests.e2e.driver import LAUNCH_FLAGS, PATIENCE, ChatPage

FOLDER = running.CHECKOUT / "docs" / "screenshots"
MOST_BYTES = 300_000
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=360, height=740)
QUESTION = "What fuzzy match threshold applies to vessels?"
MESSAGE = (
    "Write a short note to Ingrid Thorvaldsen (ingrid@thorvaldsen.example): her account "
    "DE89 3704 0044 0532 0130 00 is open now."
)
DOSE = "What is the dose of amoxicillin for community-acquired pneumonia?"
EARLIER = [
    "How often do we have to refresh the file of a medium-risk customer?",
    "Do brothers and sisters of a PEP count as family members?",
    "When must a suspicious activity report be filed?",
]


def save(page: Page, name: str) -> None:
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} is larger than {MOST_BYTES} bytes")


def draw(browser: Browser, url: str, password: str) -> None:
    def sign_in(user: str, **options: object) -> ChatPage:
        chat = ChatPage(browser.new_context(**options).new_page(), url)  # type: ignore[arg-type]
        chat.sign_in(user, password)
        return chat

    def ask_and_open(chat: ChatPage) -> None:
        answer = chat.ask(QUESTION)
        answer.locator(".citation-item a").first.click()
        chat.panel.locator("mark").first.wait_for()

    page = browser.new_page(viewport=DESKTOP)
    page.goto(url + "/accounts/login/")
    save(page, "sign-in")

    chat = sign_in("carol", viewport=DESKTOP, color_scheme="light")
    save(chat.page, "new-chat")

    chat = sign_in("alice", viewport=DESKTOP, color_scheme="light")
    for question in EARLIER:
        chat.ask(question)
        chat.open("/chat/")
    ask_and_open(chat)
    save(chat.page, "answer-light")
    chat.page.emulate_media(color_scheme="dark")
    save(chat.page, "answer-dark")
    chat.open("/documents/")
    chat.page.emulate_media(color_scheme="light")
    save(chat.page, "documents")

    phone = {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
    chat = sign_in("alice", color_scheme="light", **phone)
    chat.ask(QUESTION)
    chat.page.locator("[data-transcript]").evaluate("element => element.scrollTo(0, 0)")
    save(chat.page, "phone")


def draw_console(browser: Browser, url: str, password: str) -> None:
    """What an admin sees of zones: a preview of a change, and what may run where."""
    chat = ChatPage(browser.new_page(viewport=DESKTOP, color_scheme="light"), url)
    chat.sign_in("adam", password)
    page = chat.page
    chat.open("/admin/assistants/deployment/add/")
    page.get_by_label("Slug").fill("cloud-example")
    page.get_by_label("Provider").fill("anthropic")
    page.get_by_label("Environment").select_option("cloud")
    page.get_by_label("Region").fill("eu")
    page.get_by_label("Key variable").fill("EXAMPLE_API_KEY")
    # Good for nothing that is asked here: it only shows what would leave.
    page.get_by_label("summary", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    chat.open("/admin/assistants/zone/")
    page.get_by_role("link", name="Clinical", exact=True).click()
    page.get_by_label("Confidential:").check()
    page.get_by_label("code (1 person)").check()
    page.get_by_role("button", name="Preview").click()
    page.locator("[data-preview]").wait_for()
    save(page, "zone-preview")
    chat.open("/admin/assistants/zone/matrix/")
    save(page, "zone-matrix")


def draw_preview(browser: Browser, url: str, password: str) -> None:
    """What of a message would be replaced before it left, while it is written."""
    chat = ChatPage(browser.new_page(viewport=DESKTOP, color_scheme="light"), url)
    chat.sign_in("alice", password)
    chat.composer.fill(MESSAGE)
    opener = chat.page.locator("[data-preview-open]")
    opener.filter(has_text="would be replaced").click()
    chat.page.locator("[data-preview-values] li").first.wait_for()
    save(chat.page, "preview")


def draw_review(browser: Browser, url: str, password: str) -> None:
    """An answer that names a dose waits for a person, who adds a line; then the chat shows it."""
    carol = ChatPage(browser.new_page(viewport=DESKTOP, color_scheme="light"), url)
    carol.sign_in("carol", password)
    carol.page.locator('.assistant-card:has-text("Clinical")').click()
    carol.send(DOSE)
    carol.page.locator('chat-answer[data-status="held"]').wait_for(timeout=PATIENCE)
    save(carol.page, "review-waits")
    rita = ChatPage(browser.new_page(viewport=DESKTOP, color_scheme="light"), url)
    rita.sign_in("rita", password)
    page = rita.page
    rita.open("/admin/assistants/reviewitem/?department=clinical")
    page.locator("[data-review-queue] a").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.locator("[data-answer]").wait_for()
    page.keyboard.press("t")
    page.get_by_label("Edit").wait_for()
    save(page, "review")
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type("\n\nCheck the chart for other medicines first.")
    page.keyboard.press("Control+Enter")
    page.locator(".messagelist").wait_for()
    carol.page.locator("[data-difference] ins").wait_for(timeout=PATIENCE)
    save(carol.page, "review-approved")


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    folder = running.make_folder("screenshots")
    product = running.start(folder / "state")
    try:
        product.wait_until_healthy()
        yield product.url, product.password
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def already_running(url: str, password: str) -> Iterator[tuple[str, str]]:
    yield url, password


def main(arguments: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=LAUNCH_FLAGS
        )
        with already_running(*arguments) if arguments else demo() as (url, password):
            draw(browser, url, password)
            draw_console(browser, url, password)
            draw_preview(browser, url, password)
            draw_review(browser, url, password)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
