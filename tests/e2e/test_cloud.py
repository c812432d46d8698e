"""In the browser: a harmless question, one with a name, and one with a restricted document.
Where each was answered, what left, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from benchmarks.product import Product
from tests import pictures
from tests.cloud import Cloud
from tests.e2e.driver import PATIENCE, ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[[str], ChatPage]


@pytest.fixture
def open_page(browser: Browser, cloud_product: Product) -> Iterator[OpenPage]:
    contexts = []
    errors: list[str] = []

    def open_page(user: str) -> ChatPage:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(f"script: {error}"))
        page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
        chat = ChatPage(page, cloud_product.url)
        chat.sign_in(user, cloud_product.password)
        return chat

    yield open_page
    for context in contexts:
        context.close()
    assert not errors, "\n".join(errors)


def bodies(recorder: Cloud, since: int) -> str:
    return "\n".join(raw.decode() for raw in recorder.received[since:])


def test_a_harmless_question_goes_to_the_cloud(open_page: OpenPage, recorder: Cloud) -> None:
    before = len(recorder.received)
    chat = open_page("alice")
    answer = chat.ask("Write two sentences that thank a partner for a meeting. [echo]")
    expect(answer.locator(".badge")).to_contain_text("us")
    assert "thank a partner" in bodies(recorder, before)
    answer.get_by_text("Why here?").click()
    expect(answer.locator("[data-rule]")).to_contain_text("anthropic")


def test_a_clients_name_leaves_sealed_and_comes_back_restored(
    open_page: OpenPage, recorder: Cloud
) -> None:
    before = len(recorder.received)
    chat = open_page("alice")
    text = "Write two sentences that thank Ingrid Thorvaldsen for a meeting."
    answer = chat.ask(f"{text} [echo]")
    expect(answer.locator(".prose")).to_contain_text(text)
    expect(answer.locator(".badge")).to_contain_text("replaced")
    sent = bodies(recorder, before)
    assert "[PERSON_1]" in sent
    assert "Thorvaldsen" not in sent
    chat.page.reload()  # the same from the receipt
    answer = chat.answers.last
    expect(answer.locator(".prose")).to_contain_text("Ingrid Thorvaldsen")
    expect(answer.locator(".badge")).to_contain_text("replaced")


def test_a_restricted_document_keeps_the_answer_here(open_page: OpenPage, recorder: Cloud) -> None:
    before = len(recorder.received)
    chat = open_page("carol")
    answer = chat.ask("How is hypoglycaemia in a conscious adult treated?")
    expect(answer.locator(".badge")).to_contain_text("On the premises")
    assert bodies(recorder, before) == ""
    expect(chat.page.locator("[data-zone]")).to_contain_text("stays on the premises")
    answer.get_by_text("Why here?").click()
    expect(answer.locator("[data-why]")).to_contain_text("may not leave the premises")


def test_a_picture_is_asked_about_and_what_its_text_names_leaves_sealed(
    open_page: OpenPage, recorder: Cloud
) -> None:
    before = len(recorder.received)
    chat = open_page("alice")
    page = chat.page
    text = "Ingrid Thorvaldsen pays by\nGB33 BUKB 2020 1555 5555 55\nThe vault costs EUR 42 a year."
    content = pictures.photograph(pictures.draw(text))
    picked: FilePayload = {"name": "scan.jpg", "mimeType": "image/jpeg", "buffer": content}
    page.locator("[data-file-picker]").set_input_files([picked])
    part = page.get_by_role("list", name="Goes with the message").get_by_role("listitem")
    told = part.get_by_text("Text recognised in scan.jpg, 9")
    expect(told).to_be_visible(timeout=PATIENCE)
    told.click()
    expect(part.locator("pre")).to_have_text(text)
    part.get_by_role("combobox").select_option("general")
    answer = chat.ask("Write two sentences on what the attached paper says. [echo]")
    expect(answer.locator(".badge")).to_contain_text("us")
    sent = bodies(recorder, before)
    assert "EUR 42 a year" in sent
    assert "[PERSON_1]" in sent
    for secret in ("Thorvaldsen", "GB33", "5555", "Secret", "JFIF"):
        assert secret not in sent
    shown = page.locator("details.recognised:visible")
    expect(shown).to_contain_text("Text recognised in scan.jpg")
    page.reload()
    shown = page.locator("details.recognised")
    shown.locator("summary").click()
    expect(shown.locator("pre")).to_have_text(text)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
