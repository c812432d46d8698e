"""What leaves is sealed and checked, what returns is restored, and what may not leave stays."""

from __future__ import annotations

import json

import pytest

from assistants import control, data
from assistants.models import Answer, Assistant, AuditEvent, Conversation, EgressRecord
from assistants.services import conversations, egress
from assistants.services.messages import Harmless
from tests import factories, fakes
from tests.fakes import lost
from tests.services.test_chat import all_of, ask, frames_of, get

# What is prepared to leave is read by another thread: it has to be committed.
pytestmark = pytest.mark.django_db(transaction=True)

IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models):
    """The cast, with a cloud that repeats what it is sent, and a small model here."""
    factories.make_deployment("cloudy", environment="cloud", region="eu", rank=1)
    factories.make_deployment("here", rank=50)
    models.says("cloudy", lambda text: list(text))  # a character a piece
    models.says("here", ["Answered here."])
    return cast


def sent_texts(models) -> str:
    return "\n".join(models.sent)


def test_what_leaves_is_sealed_and_what_returns_is_restored(house, models):
    text = f"Draft a letter to Ingrid Thorvaldsen, ingrid@thorvaldsen.example, about {IBAN}."
    answer = ask(house.alice, text)
    assert answer.status == Answer.Status.COMPLETED
    assert answer.text == text
    assert len(models.sent) == 1
    for secret in ("Ingrid", "Thorvaldsen", "thorvaldsen.example", "3704"):
        assert secret not in sent_texts(models)
    badge = answer.receipt["badge"]
    assert (badge["place"], badge["sealed"]) == ("cloud:eu", True)
    assert sum(badge["replaced"].values()) >= 3


def test_the_stream_shows_the_steps_and_never_a_placeholder(house, models):
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    frames = frames_of(str(answer.pk))
    steps = [frame.data["step"] for frame in frames if frame.type == "answer.status"]
    assert steps[-2:] == ["sealing", "waiting"]
    shown = "".join(str(f.data["text"]) for f in frames if f.type == "answer.delta")
    assert shown == "Draft a letter to Ingrid Thorvaldsen."


def test_the_ledger_the_receipt_and_the_audit_trail_tell_of_it(house):
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    record = get(EgressRecord)
    (crossing,) = answer.receipt["egress"]
    assert crossing["record"] == str(record.pk)
    assert crossing["outcome"] == "allow"
    assert crossing["payload_sha256"] == record.payload_sha256
    assert "Thorvaldsen" not in json.dumps(answer.receipt)
    assert AuditEvent.objects.filter(action="egress.allowed").count() == 1
    assert control.verify_chain() is None
    end = frames_of(str(answer.pk))[-1]
    assert [each["record"] for each in end.data["egress"]] == [str(record.pk)]


def test_the_same_person_is_the_same_placeholder_in_the_next_message(house, models):
    first = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    chat_id = str(first.message.conversation_id)
    ask(house.alice, "Draft a note on thorvaldsen too.", client_id="c2", conversation=chat_id)
    payload = json.loads(models.sent[-1])
    *_, last = payload["messages"]
    assert "PERSON_1" in last["text"]
    assert "horvaldsen" not in models.sent[-1]


def test_an_invented_placeholder_is_shown_as_such_and_told(house, models):
    models.says("cloudy", ["Dear [PERSON", "_77], hello."])
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    assert answer.text == "Dear [PERSON_77], hello."
    assert answer.receipt["unrestored"] == ["PERSON_77"] or answer.receipt["unrestored"] == [
        "[PERSON_77]"
    ]


def test_a_patients_record_keeps_the_conversation_here_from_then_on(house, models):
    text = (
        "Draft a note: the patient, MRN 12345678, was diagnosed with diabetes, takes metformin "
        "500 mg twice daily and has a follow-up for blood pressure."
    )
    answer = ask(house.carol, text, assistant="clinical")
    assert answer.text == "Answered here."
    assert models.sent == []
    refusals = {each["deployment"]: each["reason"] for each in answer.receipt["refusals"]}
    assert "patient’s record" in refusals["cloudy"]
    conversation = get(Conversation)
    assert conversation.detected == 3
    zone = conversations.get_conversation(house.carol, conversation.pk).zone
    assert (zone.sensitivity, zone.on_prem_only) == ("restricted", True)
    ask(
        house.carol,
        "Draft a short greeting.",
        assistant="clinical",
        client_id="c2",
        conversation=str(conversation.pk),
    )
    assert models.sent == []


def test_what_the_gate_refuses_is_answered_here(house, models, monkeypatch):
    monkeypatch.setattr(data, "find_terms", lambda text, terms: 1 / 0)
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    assert answer.text == "Answered here."
    assert models.sent == []
    record = get(EgressRecord)
    assert record.outcome == "block"
    outcomes = [generation.outcome for generation in all_of(answer.generations.order_by("pk"))]
    assert outcomes == ["egress_refused", "stop"]
    assert answer.receipt["badge"]["deployment"] == "here"
    assert answer.receipt["egress"][0]["outcome"] == "block"


@pytest.mark.parametrize(
    "broken",
    ["get_seal", "save_seal", "get_term_list"],
)
def test_a_stage_that_fails_keeps_it_here(house, models, monkeypatch, broken):
    def fail(*args, **kwargs):
        raise RuntimeError("away")

    monkeypatch.setattr(data, broken, fail)
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    assert answer.text == "Answered here."
    assert models.sent == []


def test_without_anyone_here_a_refused_message_waits_with_a_plain_word(house, models, monkeypatch):
    models.says("here", [lost()])
    monkeypatch.setattr(data, "find_terms", lambda text, terms: 1 / 0)
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    assert answer.status == Answer.Status.FAILED
    assert models.sent == []


def test_a_zone_tightened_meanwhile_holds_when_it_is_sent(house, models, monkeypatch):
    """The route was decided before; the gate looks at the rules of the moment."""
    prepare = egress.prepare

    async def tighten_first(*args, **kwargs):
        monkeypatch.setattr(
            egress,
            "effective_rules",
            lambda zones, detected: data.rules_of_detected(egress.Sensitivity.RESTRICTED),
        )
        return await prepare(*args, **kwargs)

    monkeypatch.setattr(egress, "prepare", tighten_first)
    answer = ask(house.alice, "Draft a greeting.")
    assert answer.text == "Answered here."
    assert models.sent == []


def test_what_a_person_marked_as_harmless_leaves_as_written(house, models):
    text = "Draft a text about Ingrid Thorvaldsen."
    ask(house.alice, text)
    assert "Thorvaldsen" not in sent_texts(models)
    marked = (Harmless("Ingrid Thorvaldsen", "a character in a novel"),)
    answer = ask(house.alice, text, client_id="c2", harmless=marked)
    assert "Thorvaldsen" in models.sent[-1]
    assert answer.text == text
    event = AuditEvent.objects.get(action="seal.harmless")
    assert event.data == {"values": 1, "reasons": ["a character in a novel"]}
    assert event.actor == "alice"


def test_a_number_that_proves_itself_is_sealed_whatever_a_person_says(house, models):
    marked = (Harmless(IBAN, "it is public"),)
    ask(house.alice, f"Draft a reminder about {IBAN}.", harmless=marked)
    assert "3704" not in sent_texts(models)


def test_polishing_sends_the_draft_alone(house, models):
    assistant = Assistant.objects.get(slug="compliance")
    assistant.polish = True
    assistant.save()
    models.says("here", ["Dear Ingrid Thorvaldsen, welcome."])
    models.says("cloudy", ["Dear [PERSON_1], a warm welcome."])
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen. Do mention the wombat.")
    assert answer.text == "Dear Ingrid Thorvaldsen, a warm welcome."
    assert answer.draft == "Dear Ingrid Thorvaldsen, welcome."
    assert "wombat" not in sent_texts(models)
    assert "Thorvaldsen" not in sent_texts(models)
    assert answer.receipt["badge"]["deployment"] == "cloudy"
    assert frames_of(str(answer.pk))[-1].data["draft"]


def test_a_draft_that_nobody_polishes_is_the_answer(house, models):
    Assistant.objects.filter(slug="compliance").update(polish=True)
    models.says("here", ["Dear Ingrid."])
    models.says("cloudy", [lost()])
    answer = ask(house.alice, "Draft a letter to Ingrid Thorvaldsen.")
    assert (answer.status, answer.text, answer.draft) == ("completed", "Dear Ingrid.", "")
    assert answer.receipt["badge"]["deployment"] == "here"
    routes = [f for f in frames_of(str(answer.pk)) if f.type == "answer.route"]
    assert routes[-1].data["fallback"] is True


def test_no_plain_prompt_goes_to_a_deployment_outside(house, models):
    ask(house.alice, "Draft a greeting.")
    plain = [slug for slug, prompt in models.prompts if prompt.question or prompt.passages]
    assert "cloudy" not in plain


def test_open_turns_marks_are_of_the_conversation_alone(house, models):
    marked = (Harmless("Ingrid Thorvaldsen", "a novel"),)
    ask(house.alice, "Draft a text about Ingrid Thorvaldsen.", harmless=marked)
    ask(house.alice, "Draft a text about Ingrid Thorvaldsen.", client_id="other")
    assert "Thorvaldsen" not in models.sent[-1]
