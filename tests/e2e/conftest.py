"""A real browser. A console error, a broken script or a refused load fails the test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright

from benchmarks.product import Product
from tests.e2e.driver import LAUNCH_FLAGS, ChatPage


@pytest.fixture(scope="package")
def launch() -> Iterator[Callable[..., Browser]]:
    """The one browser; started again should it have crashed, so that one test fails and not all."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if not path and not os.environ.get("CI"):
        pytest.skip("no chromium: as root `make test` installs it; else `apt-get install chromium`")
    assert path, "in CI the browser tests must run, and chromium is missing"
    running: list[Browser] = []
    with sync_playwright() as playwright:

        def launch(*flags: str) -> Browser:
            """With flags of its own, another one, which the caller closes."""
            if flags:
                return playwright.chromium.launch(
                    executable_path=path, args=[*LAUNCH_FLAGS, *flags]
                )
            if not running or not running[-1].is_connected():
                running.append(playwright.chromium.launch(executable_path=path, args=LAUNCH_FLAGS))
            return running[-1]

        yield launch
        for browser in running:
            browser.close()


@pytest.fixture
def browser(launch: Callable[..., Browser]) -> Browser:
    return launch()


@pytest.fixture
def open_page(browser: Browser, product: Product) -> Iterator[Callable[..., ChatPage]]:
    """`open_page("alice")`: signed in, on the chat page. Further arguments are the context's.

    `beside=page` opens another tab of the same session. `expect` is a pattern of console errors
    that the test means to provoke.
    """
    contexts: list[Any] = []
    errors: list[str] = []

    def open_page(
        user: str | None = None, *, beside: ChatPage | None = None, expect: str = "", **options: Any
    ) -> ChatPage:
        context = beside.page.context if beside else browser.new_context(**options)
        if not beside:
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)

        def listen(message: ConsoleMessage) -> None:
            allowed = expect and re.search(expect, message.text)
            if message.type == "error" and not allowed:
                errors.append(f"{message.text} ({message.location})")

        page.on("console", listen)
        page.on("pageerror", lambda error: errors.append(f"script: {error}"))
        chat = ChatPage(page, product.url)
        if user:
            chat.sign_in(user, product.password)
        elif beside:
            chat.open("/chat/")
        return chat

    yield open_page
    for context in contexts:
        context.close()
    assert not errors, "\n".join(errors)
