"""What leaves the premises, and what was made where, as a person sees it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from benchmarks.product import Product
from tests.e2e.axe import find_barriers
from tests.e2e.driver import PATIENCE, ChatPage
from tests.e2e.test_page import LOW_CONTRAST

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

TEXT = "Please ask Maria Keller whether DE89 3704 0044 0532 0130 00 is her account."
ENABLE = (
    "from assistants.models import Deployment; Deployment.objects.update_or_create("
    "slug='elsewhere', defaults=dict(provider='anthropic', environment='cloud', region='us', "
    "model='m', capabilities=['summary'], rank=99, enabled={}))"
)
CLINICAL = "How is hypoglycaemia in a conscious adult treated?"


@pytest.fixture(scope="module")
def cloud(product: Product) -> Iterator[None]:
    """A deployment elsewhere that no question of these tests is routed to."""
    product.manage("shell", "-c", ENABLE.format(True))
    yield
    product.manage("shell", "-c", ENABLE.format(False))


@pytest.fixture
def open_chat(open_page: OpenPage, cloud: None) -> OpenPage:
    """`open_page`, once the page knows of the cloud: it is remembered for a moment."""

    def open_chat(user: str, **options: Any) -> ChatPage:
        chat = open_page(user, **options)
        while not chat.page.locator("message-preview").count():
            chat.page.reload()
        return chat

    return open_chat


def opener(chat: ChatPage) -> Locator:
    return chat.page.locator("[data-preview-open]")


def script(chat: ChatPage, *frames: dict[str, Any]) -> list[dict[str, Any]]:
    """From the next load on, be the server: answer what is sent with these frames.

    Returns what the page sends, as it comes.
    """
    sent: list[dict[str, Any]] = []
    ids = {name: str(uuid.uuid4()) for name in ("conversation", "message", "answer")}

    def serve(socket: WebSocketRoute) -> None:
        def receive(text: str | bytes) -> None:
            frame = json.loads(text)
            sent.append(frame)
            if frame["type"] != "message.send":
                return
            accepted = {"client_id": frame["client_id"], "title": "Scripted", "duplicate": False}
            socket.send(json.dumps({"type": "message.accepted", **ids, **accepted}))
            for number, each in enumerate(frames, 1):
                told = {"answer": ids["answer"], "id": number, **each}
                if told["type"] == "conversation.zone":
                    told["conversation"] = ids["conversation"]
                socket.send(json.dumps(told))

        socket.on_message(receive)

    chat.page.route_web_socket("**/ws/chat/", serve)
    chat.page.reload()
    return sent


def badge(**changed: Any) -> dict[str, Any]:
    here = {"environment": "on_prem", "region": "", "grounded": False, "provider": "local"}
    return {"deployment": "local", "model": "small", "version": "1", **here, **changed}


IN_CLOUD = badge(
    deployment="anthropic",
    provider="anthropic",
    model="claude-x",
    version="5",
    environment="cloud",
    region="us",
    place="cloud:us",
    sealed=True,
    replaced={"PERSON": 2, "ACCOUNT": 1},
)


def completed(**changed: Any) -> dict[str, Any]:
    text = "Dear Maria Keller, ask [PERSON_7]."
    return {
        "type": "answer.completed",
        "text": text,
        "html": f"<p>{text}</p>".replace(
            "[PERSON_7]", '<mark class="unrestored">[PERSON_7]</mark>'
        ),
        "citations": [],
        "receipt": {"id": str(uuid.uuid4()), "sha256": "ab12cd34" * 8},
        "status": "completed",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        "badge": IN_CLOUD,
        "rule": "Answered in cloud:us because it is demanding drafting.",
        **changed,
    }


# ---- before it is sent ---------------------------------------------------------------------------


def test_what_would_be_replaced_is_shown_and_can_be_marked_by_keyboard(
    open_chat: OpenPage,
) -> None:
    chat = open_chat("alice")
    sent = script(chat, completed())
    keyboard = chat.page.keyboard
    chat.composer.fill(TEXT)
    before = chat.composer.bounding_box()
    expect(opener(chat)).to_have_text("2 values would be replaced")
    assert chat.composer.bounding_box() == before  # nothing has moved
    for _ in range(20):
        keyboard.press("Tab")
        if opener(chat).evaluate("element => element === document.activeElement"):
            break
    keyboard.press("Enter")
    expect(opener(chat)).to_have_attribute("aria-expanded", "true")
    assert find_barriers(chat.page, "what would leave", "message-preview") == []
    mirror = chat.page.locator("[data-preview-text]")
    expect(mirror).to_have_text(
        "Please ask [PERSON_1] whether [ACCOUNT_1] is her account.", use_inner_text=True
    )
    rows = chat.page.locator(".preview-value")
    expect(rows.filter(has_text="Maria Keller")).to_contain_text("person")
    proven = rows.filter(has_text="DE89")
    expect(proven).to_contain_text("always replaced")
    expect(proven.get_by_role("button")).to_have_count(0)
    mirror.get_by_role("button", name="[PERSON_1], in place of Maria Keller").focus()
    expect(rows.filter(has_text="Maria Keller")).to_have_class("preview-value pointed")
    keyboard.press("Enter")
    keyboard.press("Enter")  # Not sensitive
    expect(chat.page.get_by_role("button", name="It is public")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Enter")  # It is made up
    expect(rows.filter(has_text="Maria Keller")).to_contain_text("Sent as it is: It is made up")
    expect(mirror).to_contain_text(
        "Please ask Maria Keller whether [ACCOUNT_1]", use_inner_text=True
    )
    expect(opener(chat)).to_have_text("1 value would be replaced, 1 not")
    keyboard.press("Escape")
    expect(chat.page.locator("[data-preview-panel]")).to_be_hidden()
    expect(opener(chat)).to_be_focused()
    chat.composer.press("Enter")
    chat.wait_for_end()
    (message,) = [frame for frame in sent if frame["type"] == "message.send"]
    assert message["text"] == TEXT
    assert message["harmless"] == [{"text": "Maria Keller", "reason": "It is made up"}]
    expect(opener(chat)).to_be_hidden()


def test_a_mark_can_be_taken_back_and_another_reason_be_given(open_chat: OpenPage) -> None:
    chat = open_chat("alice")
    sent = script(chat, completed())
    chat.composer.fill(TEXT)
    opener(chat).click()
    row = chat.page.locator(".preview-value").filter(has_text="Maria Keller")
    row.get_by_role("button", name="Maria Keller is not sensitive").click()
    row.get_by_placeholder("Another reason").fill("She is our chair")
    row.get_by_role("button", name="Mark").click()
    expect(row).to_contain_text("Sent as it is: She is our chair")
    row.get_by_role("button", name="Replace Maria Keller after all").click()
    expect(opener(chat)).to_have_text("2 values would be replaced")
    chat.composer.press("Enter")
    chat.wait_for_end()
    (message,) = [frame for frame in sent if frame["type"] == "message.send"]
    assert "harmless" not in message


def test_nothing_is_said_where_nothing_can_leave(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.composer.fill(TEXT)
    expect(chat.page.get_by_text("Check an answer against the sources")).to_be_visible()
    assert chat.page.locator("[data-preview-panel]:visible").count() == 0


def test_a_conversation_that_has_to_stay_says_so(open_chat: OpenPage) -> None:
    chat = open_chat("carol")
    chat.composer.fill("Hello Maria Keller")
    expect(opener(chat)).to_be_visible()
    answer = chat.ask(CLINICAL)
    stays = (
        "From here this conversation stays on the premises, because an answer used a passage "
        "from Clinical."
    )
    expect(answer.locator("[data-ratchet]")).to_have_text(stays)
    expect(chat.page.locator("[data-zone]")).to_contain_text("stays on the premises")
    chat.composer.fill("And for Maria Keller?")
    expect(chat.page.locator("[data-preview-stays]")).to_have_text(
        "Stays on the premises: nothing of Clinical may leave."
    )
    expect(opener(chat)).to_be_hidden()
    chat.page.reload()
    expect(chat.answers.last.locator("[data-ratchet]")).to_have_text(stays)


# ---- the answer ----------------------------------------------------------------------------------


def test_an_answer_says_where_it_was_made_what_it_cost_and_what_failed(
    open_page: OpenPage,
) -> None:
    chat = open_page("alice")
    zone = {"zones": ["clinical", "general"], "label": "clinical", "sensitivity": "restricted"}
    script(
        chat,
        {"type": "answer.status", "step": "sealing"},
        {"type": "answer.route", "badge": badge(), "rule": "first", "fallback": False},
        {"type": "answer.route", "badge": IN_CLOUD, "rule": "second", "fallback": True},
        {"type": "conversation.zone", **zone, "on_prem_only": True, "note": "From here it stays."},
        {"type": "answer.delta", "text": "Dear Maria Keller, "},
        completed(
            cost="0.004215",
            draft="<p>The first wording.</p>",
            fallback="local did not answer; anthropic took over.",
            left=["Sent to anthropic (cloud:us), 3 values replaced."],
            refusals=[{"deployment": "quotes", "reason": "it only quotes"}],
            unrestored=["[PERSON_7]"],
        ),
    )
    answer = chat.ask("Draft a letter")
    shown = answer.locator("[data-badge]")
    expect(shown).to_contain_text("Cloud: Anthropic, us")
    expect(shown).to_contain_text("claude-x 5")
    expect(shown).to_contain_text("sealed, 3 values replaced")
    expect(shown.locator("[data-badge-stand-in]")).to_be_hidden()
    expect(answer.locator("[data-fallback]")).to_have_text(
        "local did not answer; anthropic took over."
    )
    expect(answer.locator("[data-ratchet]")).to_have_text("From here it stays.")
    expect(chat.page.locator("[data-zone]")).to_have_class("zone-chip restricted stays")
    expect(answer.locator("mark.unrestored")).to_have_text("[PERSON_7]")
    expect(answer.locator("[data-unrestored]")).to_contain_text("The model invented [PERSON_7]")
    expect(answer.locator("[data-cost-shown] data")).to_have_text("€0.0042")
    answer.get_by_text("Compare with the draft").press("Enter")
    expect(answer.get_by_text("The first wording.")).to_be_visible()
    answer.get_by_text("Why here?").press("Enter")
    expect(answer.locator("[data-why] .why-body")).to_contain_text(
        "because it is demanding drafting"
    )
    expect(answer.locator("[data-why] .why-body")).to_contain_text("Sent to anthropic (cloud:us)")
    expect(answer.locator("[data-refusals]")).to_contain_text("it only quotes")
    expect(answer.get_by_role("link", name="Receipt ab12cd34")).to_be_visible()


def test_a_cost_is_written_as_the_reader_writes_numbers(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.page.context.add_cookies([{"name": "django_language", "value": "de", "url": chat.url}])
    chat.open("/chat/")
    script(chat, completed(cost="0.004215"))
    composer = chat.page.get_by_role("textbox", name="Nachricht", exact=True)
    composer.fill("Draft a letter")
    composer.press("Enter")
    answer = chat.wait_for_end()
    expect(answer.locator("[data-cost-shown] data")).to_have_text("0,0042\u00a0€")


def test_a_server_that_tells_less_is_understood(open_page: OpenPage) -> None:
    chat = open_page("alice")
    script(chat, completed(badge=badge(grounded=True), rule=""))
    answer = chat.ask("Draft a letter")
    expect(answer.locator("[data-badge]")).to_contain_text("On the premises")
    for part in ("fallback", "unrestored", "cost-shown", "why", "ratchet", "badge-sealed"):
        expect(answer.locator(f"[data-{part}]")).to_be_hidden()


def test_a_stand_in_for_a_cloud_is_called_one(open_page: OpenPage) -> None:
    chat = open_page("alice")
    script(chat, completed(badge={**IN_CLOUD, "deployment": "demo-cloud", "sealed": False}))
    answer = chat.ask("Draft a letter")
    expect(answer.locator("[data-badge]")).to_contain_text("a stand-in for a cloud")
    expect(answer.locator("[data-badge]")).to_contain_text("sent as written")


def test_the_zone_opens_and_escape_closes_it_alone(open_page: OpenPage) -> None:
    chat = open_page("alice")
    chat.ask("What is the limit for a single gift from a business partner?")
    chip = chat.page.locator("[data-zone]")
    panel = chat.page.locator("[data-zone-panel]")
    chip.press("Enter")
    expect(panel).to_contain_text("It holds data of: compliance")
    chat.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(chip).to_be_focused()


# ---- the receipt ---------------------------------------------------------------------------------


def test_a_receipt_is_one_click_away_and_holds(open_page: OpenPage) -> None:
    chat = open_page("alice")
    answer = chat.ask("What is the limit for a single gift from a business partner?")
    short = answer.locator("[data-receipt-short]").inner_text()
    answer.get_by_role("link", name="Receipt").click()
    page = chat.page
    expect(page.get_by_role("heading", name="Verified just now")).to_be_visible(timeout=PATIENCE)
    assert page.locator("[data-receipt-sha]").inner_text().startswith(short)
    expect(page.locator("article")).to_contain_text("Asked by")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert json.loads(download.value.path().read_text())["asked_by"] == "alice"
    page.locator(".receipt-passages a").first.click()
    expect(page.locator("[data-document] mark").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_of_it_can_be_read_in_both_themes_and_on_a_phone(
    open_chat: OpenPage, theme: str
) -> None:
    chat = open_chat("alice", color_scheme=theme, viewport={"width": 360, "height": 740})
    width = "document.documentElement.scrollWidth"
    script(
        chat,
        {"type": "answer.route", "badge": badge(), "rule": "first", "fallback": False},
        {"type": "answer.route", "badge": IN_CLOUD, "rule": "second", "fallback": True},
        completed(cost="0.4", unrestored=["[PERSON_7]"], fallback="a did not answer."),
    )
    chat.composer.fill(TEXT)
    opener(chat).click()
    chat.page.get_by_role("button", name="Maria Keller is not sensitive").click()
    assert chat.page.evaluate(LOW_CONTRAST) == []
    assert chat.page.evaluate(width) == 360
    chat.page.get_by_role("button", name="It is public").click()
    assert chat.page.evaluate(LOW_CONTRAST) == []
    chat.page.keyboard.press("Escape")
    chat.composer.press("Enter")
    chat.wait_for_end().get_by_text("Why here?").click()
    assert chat.page.evaluate(LOW_CONTRAST) == []
    assert chat.page.evaluate(width) == 360
