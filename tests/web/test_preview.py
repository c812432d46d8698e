"""What would leave, shown while a message is written."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from assistants import data
from assistants.exceptions import InvalidRequest
from assistants.models import Conversation, Deployment
from assistants.services import messages
from tests import factories
from tests.web.test_chat_pages import signed_in, start

TEXT = "🙂 Please ask Maria Keller whether DE89 3704 0044 0532 0130 00 is her account."
IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.fixture
def cloud(cast: SimpleNamespace) -> Deployment:
    return factories.make_deployment(
        "anthropic", "anthropic", environment="cloud", region="us", model="claude"
    )


def ask(user: User, text: str = TEXT, **fields: Any) -> tuple[int, dict[str, Any]]:
    body = {"conversation": None, "assistant": "compliance", "text": text, **fields}
    reply = signed_in(user).post("/chat/preview/", json.dumps(body), "application/json")
    return reply.status_code, json.loads(reply.content)


def in_zones(user: User, *slugs: str) -> Conversation:
    chat = start(user)
    with data.rights_of_system():
        Conversation.objects.filter(pk=chat.pk).update(zones=list(slugs))
    return chat


def test_each_span_stands_where_it_says_and_has_its_placeholder(
    cast: SimpleNamespace, cloud: Deployment
) -> None:
    status, found = ask(cast.alice)
    assert status == 200
    spans = {TEXT[span["start"] : span["end"]]: span for span in found["spans"]}
    assert set(spans) == {"Maria Keller", IBAN}
    assert spans["Maria Keller"]["placeholder"] == "[PERSON_1]"
    assert not spans["Maria Keller"]["sure"]
    assert spans[IBAN]["sure"]  # its check digits prove it
    assert found["may_leave"]
    assert "anthropic (cloud:us)" in found["note"]
    assert found["zone"]["label"] == "general"
    assert not found["zone"]["on_prem_only"]


def test_where_no_cloud_is_enabled_nothing_is_said(
    cast: SimpleNamespace, cloud: Deployment
) -> None:
    Deployment.objects.filter(pk=cloud.pk).update(enabled=False)
    status, found = ask(cast.alice)
    assert (status, found["spans"], found["may_leave"], found["note"]) == (200, [], False, "")
    assert "message-preview" not in signed_in(cast.alice).get("/chat/").content.decode()


def test_the_page_has_a_preview_where_a_cloud_is_enabled(
    cast: SimpleNamespace, cloud: Deployment
) -> None:
    assert "<message-preview" in signed_in(cast.alice).get("/chat/").content.decode()


@pytest.mark.parametrize(
    ("residency", "treatment", "said"),
    [
        (["on_prem"], "redact", "Stays on the premises: nothing of Clinical may leave."),
        (["on_prem", "cloud"], "deny", "Stays on the premises: nothing of Clinical may leave."),
        (["cloud:eu"], "redact", "may not be processed in cloud:us, only in cloud:eu"),
    ],
)
def test_what_may_not_leave_says_so_and_is_not_looked_through(
    cast: SimpleNamespace, cloud: Deployment, residency: list[str], treatment: str, said: str
) -> None:
    cast.zones.clinical.residency, cast.zones.clinical.treatment = residency, treatment
    cast.zones.clinical.save()
    chat = in_zones(cast.alice, "clinical", "general")
    _, found = ask(cast.alice, conversation=str(chat.pk))
    assert not found["may_leave"]
    assert found["spans"] == []
    assert said in found["note"]


def test_what_may_leave_as_it_is_written_is_not_replaced(
    cast: SimpleNamespace, cloud: Deployment
) -> None:
    cast.zones.general.treatment = "allow"
    cast.zones.general.save()
    _, found = ask(cast.alice)
    assert found["may_leave"]
    assert found["spans"] == []
    assert "as it is written" in found["note"]


def test_placeholders_go_on_from_those_of_the_conversation(
    cast: SimpleNamespace, cloud: Deployment
) -> None:
    chat = start(cast.alice)
    with data.rights_of_user(cast.alice):
        seal = data.Seal()
        seal.seal_text("Write to Jonas Brandt.", terms=data.get_term_list())
        seal.mark_harmless("Maria Keller")
        data.save_seal(chat.pk, seal)
    text = "Jonas Brandt met Maria Keller and Peter Lindqvist."
    _, found = ask(cast.alice, text, conversation=str(chat.pk))
    said = {text[span["start"] : span["end"]]: span["placeholder"] for span in found["spans"]}
    assert said == {"Jonas Brandt": "[PERSON_1]", "Peter Lindqvist": "[PERSON_2]"}
    # a preview keeps nothing: asked again, it says the same
    assert ask(cast.alice, text, conversation=str(chat.pk))[1] == found


def test_nobody_previews_in_a_conversation_or_a_department_of_others(
    cast: SimpleNamespace, cloud: Deployment
) -> None:
    chat = start(cast.alice)
    assert ask(cast.dave, conversation=str(chat.pk))[0] == 404
    assert ask(cast.dave)[0] == 404
    cast.alice.groups.clear()
    assert ask(cast.alice, conversation=str(chat.pk))[0] == 404
    asked = Client().post("/chat/preview/", "{}", "application/json")
    assert asked["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"conversation": 1}', "[" * 5000, '"\\ud800"'])
def test_what_is_no_question_is_refused(cast: SimpleNamespace, body: str) -> None:
    reply = signed_in(cast.alice).post("/chat/preview/", body, "application/json")
    assert (reply.status_code, json.loads(reply.content)["code"]) == (400, "invalid_request")


def test_a_text_that_is_too_long_is_refused(
    cast: SimpleNamespace, cloud: Deployment, settings: Any
) -> None:
    settings.MAX_MESSAGE_CHARACTERS = 20
    status, told = ask(cast.alice)
    assert (status, told["code"]) == (400, "too_long")


def test_previews_are_counted_and_messages_are_not(
    cast: SimpleNamespace, cloud: Deployment, settings: Any
) -> None:
    settings.PREVIEWS_PER_MINUTE = 2
    settings.MESSAGES_PER_MINUTE = 0
    statuses = [ask(cast.carol, assistant="clinical")[0] for _ in range(3)]
    if statuses == [200, 200, 200]:  # the minute ended on the way
        statuses = [ask(cast.carol, assistant="clinical")[0] for _ in range(3)]
    assert statuses[-1] == 429
    assert ask(cast.carol, assistant="clinical")[1]["retry_after"] > 0


def test_the_text_is_neither_logged_nor_stored(
    cast: SimpleNamespace, cloud: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(cast.alice)
        ask(cast.alice, assistant="nothing")
    said = "\n".join(
        record.getMessage() for record in caplog.records if record.name != "django.db.backends"
    )
    assert "Keller" not in said
    with data.rights_of_system():
        assert Conversation.objects.count() == 0


# ---- marks: what a person says is no secret ------------------------------------------------------


def test_marks_come_in_as_a_message_is_stored() -> None:
    decomposed = "Zoe\u0301 "
    marks = messages.parse_harmless([{"text": decomposed, "reason": "It is public"}])
    assert marks == (messages.Harmless("Zo\u00e9", "It is public"),)
    assert messages.parse_harmless(None) == ()


@pytest.mark.parametrize(
    "marks",
    [
        {},
        "Keller",
        [{"text": "Keller"}],
        [{"text": "Keller", "reason": ""}],
        [{"text": "", "reason": "public"}],
        [{"text": 1, "reason": "public"}],
        [{"text": "K" * 201, "reason": "public"}],
        [{"text": "Keller", "reason": "r" * 201}],
        [{"text": "Keller\x00", "reason": "public"}],
        [{"text": "Keller", "reason": "public"}] * 51,
        [["Keller", "public"]],
    ],
)
def test_marks_that_are_none_are_refused(marks: object) -> None:
    with pytest.raises(InvalidRequest):
        messages.parse_harmless(marks)
