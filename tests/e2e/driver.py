"""What a person does on the chat page, for the browser tests and the screenshots."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

LAUNCH_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ENDED = ':not([data-status="pending"]):not([data-status="running"])'
PATIENCE = 60_000  # milliseconds for an answer on a busy machine


class ChatPage:
    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self, path: str) -> int:
        response = self.page.goto(self.url + path)
        return response.status if response else 0

    def sign_in(self, user: str, password: str) -> None:
        self.open("/accounts/login/")
        self.page.get_by_label("User name").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/chat/**")

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def answers(self) -> Locator:
        return self.page.locator("chat-answer:visible")

    @property
    def panel(self) -> Locator:
        return self.page.locator("citation-panel .panel")

    def send(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def ask(self, text: str) -> Locator:
        """Send, wait for the end, return the answer."""
        before = self.answers.count()
        self.send(text)
        return self.wait_for_end(before)

    def wait_for_end(self, index: int = -1) -> Locator:
        """The answer at this place among the visible ones, once it has ended."""
        answer = self.answers.nth(index)
        expect(answer).to_have_attribute("data-status", "completed", timeout=PATIENCE)
        return answer

    def body(self, answer: Locator) -> str:
        """The rendered text of an answer, and what streams below it."""
        return answer.locator(".prose").inner_text() + answer.locator(".answer-tail").inner_text()
