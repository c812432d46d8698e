"""Nothing is lost and nothing is doubled: reload, second tab, lost network, Stop, queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.driver import PATIENCE, ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

# A draft, no question to documents: the scripted model on the premises streams 200 tokens.
CHATTER = "Write me a few friendly lines."


def start_streaming(chat: ChatPage) -> None:
    chat.send(CHATTER)
    expect(chat.answers.last).to_have_attribute("data-writing", "", timeout=PATIENCE)


def stored(chat: ChatPage) -> str:
    """The answer as the server renders it on a fresh load."""
    chat.page.reload()
    return chat.body(chat.wait_for_end())


def test_a_reload_in_the_middle_goes_on_without_gap_or_repeat(open_page: OpenPage) -> None:
    chat = open_page("alice")
    start_streaming(chat)
    chat.page.reload()
    resumed = chat.body(chat.wait_for_end())
    assert resumed == stored(chat)
    assert len(resumed.split()) > 50


def test_a_second_tab_shows_the_same(open_page: OpenPage) -> None:
    chat = open_page("alice")
    start_streaming(chat)
    other = open_page(beside=chat)
    other.page.goto(chat.page.url)
    assert other.body(other.wait_for_end()) == chat.body(chat.wait_for_end())
    # and what is asked in one appears in the other
    chat.send("Write it again, please")
    expect(other.page.get_by_text("Write it again, please")).to_be_visible()
    assert other.body(other.wait_for_end(1)) == chat.body(chat.wait_for_end(1))


def test_a_lost_network_is_said_and_made_up_for(open_page: OpenPage) -> None:
    chat = open_page("alice", expect="ERR_INTERNET_DISCONNECTED|WebSocket")
    start_streaming(chat)
    chat.page.context.set_offline(True)
    expect(chat.page.get_by_text("You are offline")).to_be_visible()
    chat.page.context.set_offline(False)
    expect(chat.page.get_by_text("You are offline")).to_be_hidden()
    resumed = chat.body(chat.wait_for_end())
    assert resumed == stored(chat)


def test_what_is_sent_offline_goes_out_once(open_page: OpenPage) -> None:
    chat = open_page("alice", expect="ERR_INTERNET_DISCONNECTED|WebSocket")
    chat.page.context.set_offline(True)
    expect(chat.page.get_by_text("You are offline")).to_be_visible()
    chat.send("Hello from the tunnel")
    expect(chat.page.get_by_text("Kept here, not sent yet")).to_be_visible()
    chat.page.context.set_offline(False)
    chat.wait_for_end()
    chat.page.reload()
    assert (
        chat.page.get_by_text("Hello from the tunnel", exact=True)
        .and_(chat.page.locator("[data-question-text]"))
        .count()
        == 1
    )


def test_stop_keeps_what_came(open_page: OpenPage) -> None:
    chat = open_page("alice")
    start_streaming(chat)
    chat.page.keyboard.press("Escape")
    answer = chat.answers.last
    expect(answer).to_have_attribute("data-status", "stopped")
    expect(answer).to_contain_text("You stopped this answer")
    text = chat.body(answer)
    assert text.strip()
    chat.page.reload()
    assert chat.body(chat.answers.last) == text
    expect(chat.answers.last).to_contain_text("You stopped this answer")


def test_a_message_waits_in_line_while_an_answer_streams(open_page: OpenPage) -> None:
    chat = open_page("alice")
    start_streaming(chat)
    chat.send("Write this, it waits.")
    expect(chat.page.locator(".queued")).to_contain_text("it waits")
    assert chat.page.locator("[data-turn]:visible").count() == 1
    chat.wait_for_end(1)
    assert chat.page.locator(".queued").count() == 0


def test_an_answer_again_is_a_sibling_with_arrows(open_page: OpenPage) -> None:
    chat = open_page("alice")
    first = chat.ask("Hello, how are you?")
    first.get_by_role("button", name="Answer again").click()
    expect(chat.answers).to_have_count(1)
    expect(chat.answers.first.locator("[data-siblings-count]")).to_have_text("2 / 2")
    chat.wait_for_end()
    chat.answers.first.get_by_role("button", name="Earlier answer").click()
    expect(chat.answers.first.locator("[data-siblings-count]")).to_have_text("1 / 2")


def test_an_edited_message_starts_a_branch(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.ask("Write a first wording")
    chat.page.get_by_role("button", name="Edit and ask again").click()
    editor = chat.page.get_by_role("textbox", name="Edit the message")
    expect(editor).to_have_value("Write a first wording")
    editor.fill("Write a second wording")
    editor.press("Enter")
    expect(chat.page.get_by_text("2 / 2")).to_be_visible()
    chat.wait_for_end()
    expect(
        chat.page.get_by_text("Write a first wording").and_(
            chat.page.locator("[data-question-text]")
        )
    ).to_have_count(0)
    chat.page.get_by_role("link", name="Earlier version").click()
    expect(chat.page.locator("[data-question-text]")).to_have_text("Write a first wording")


def test_the_reader_keeps_the_question_in_view_or_follows_the_end(open_page: OpenPage) -> None:
    chat = open_page("alice", viewport={"width": 700, "height": 420})
    start_streaming(chat)
    question = chat.page.locator("[data-question-text]").last
    jump = chat.page.get_by_role("button", name="Jump to latest")
    expect(jump).to_be_visible()
    expect(question).to_be_in_viewport()
    jump.click()
    answer = chat.wait_for_end()
    expect(answer.locator("[data-foot]")).to_be_in_viewport()
    expect(jump).to_be_hidden()
    expect(question).not_to_be_in_viewport()
