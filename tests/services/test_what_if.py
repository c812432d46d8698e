from __future__ import annotations

import json

import pytest

from assistants import compute, data
from assistants.exceptions import InvalidRequest
from assistants.models import Answer, Assistant, AuditEvent, Budget, Conversation, Message
from assistants.services import registry, what_if
from tests import factories, fakes
from tests.services.test_chat import ask
from tests.services.test_routing import CLOUD

TEXT = "What is the limit for gifts, asks Erika Mustermann, IBAN DE89 3704 0044 0532 0130 00?"


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models):
    factories.make_deployment("anthropic", "anthropic", rank=20, **CLOUD)
    factories.make_deployment("local", "local", rank=50, capabilities=["chat", "draft"])
    factories.make_quotes()
    models.says("anthropic", ["From anthropic."])
    models.says("quotes", ["> quoted"])
    return cast


def ask_it(cast, text=TEXT, *, user="alice", assistant="compliance", admin="adam"):
    return what_if.ask_what_if(
        getattr(cast, admin),
        getattr(cast, user),
        Assistant.objects.get(slug=assistant),
        text,
    )


def choice(found, slug):
    return next(each for each in found.choices if each.slug == slug)


def test_it_tells_zone_route_refusals_costs_and_what_would_be_replaced(house):
    factories.make_document(house.zones.compliance, "The limit for gifts is EUR 50.")
    found = ask_it(house)
    assert (found.task, found.difficulty) == ("answering from documents", "easy")
    assert found.zone.zones == ["compliance", "general"]
    assert found.passages == {"compliance": 1}
    assert [each.slug for each in found.choices if each.place] == ["anthropic", "quotes"]
    assert "not declared good enough" in choice(found, "local").refusal
    assert choice(found, "anthropic").cost > 0
    assert "its zones, compliance and general, permit sealed processing there" in found.rule
    assert found.replaced["ACCOUNT"] == 1
    assert "[ACCOUNT_1]" in found.sealed
    assert "DE89" not in found.sealed
    assert "Mustermann" not in found.sealed


def test_a_restricted_passage_keeps_it_on_the_premises_and_nothing_is_replaced(house):
    factories.make_document(house.zones.clinical, "The limit for gifts to the ward is EUR 5.")
    found = ask_it(house, user="carol", assistant="clinical")
    assert found.zone.on_prem_only
    assert [each.slug for each in found.choices if each.place] == ["quotes"]
    assert "may not leave the premises" in choice(found, "anthropic").refusal
    assert (found.sealed, found.replaced) == ("", {})


def test_it_finds_under_the_rights_of_the_person_not_of_the_admin(house):
    factories.make_document(house.zones.compliance, "The limit for gifts is EUR 50.")
    house.zones.compliance.readers.clear()
    registry.forget()
    assert ask_it(house).passages == {}


def test_it_is_what_the_turn_then_does(house):
    factories.make_document(house.zones.compliance, "The limit for gifts is EUR 50.")
    found = ask_it(house)
    answer = ask(house.alice, TEXT)
    assert answer.receipt["rule"] == found.rule
    assert answer.receipt["zones"] == found.zone.zones
    assert {refusal["deployment"]: refusal["reason"] for refusal in answer.receipt["refusals"]} == {
        each.slug: each.refusal for each in found.choices if each.refusal
    }


def test_no_model_is_asked_and_neither_text_nor_cost_is_kept(house, models):
    budget = Budget.objects.create(hard_limit=5)
    registry.forget()
    ask_it(house)
    assert models.prompts == []
    with data.rights_of_system():
        for model in (Conversation, Message, Answer):
            assert not model.objects.exists()
    event = AuditEvent.objects.get(action="what_if.asked")
    assert (event.actor, event.subject) == ("adam", "alice")
    assert "gifts" not in json.dumps(event.data)
    assert compute.get_reserved([f"budget:{budget.pk}:{event.at:%Y-%m-%d}"]) == [0]


def test_a_used_up_budget_shows(house):
    Budget.objects.create(user=house.alice, hard_limit=0)
    registry.forget()
    found = ask_it(house)
    assert choice(found, "anthropic").refusal.startswith("Your budget for today, 0.00 €, is used")
    assert found.sealed == ""


def test_where_nobody_may_answer_every_reason_is_told(house):
    factories.Deployment.objects.filter(slug="quotes").update(enabled=False)
    factories.make_document(house.zones.clinical, "The limit for gifts to the ward is EUR 5.")
    found = ask_it(house, user="carol", assistant="clinical")
    assert all(each.refusal and each.place is None for each in found.choices)
    assert found.rule.startswith("No model that may see this")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"user": "outsider"}, "not_a_member"),
        ({"text": "  "}, "empty"),
        ({"text": "x" * 40_000}, "too_long"),
        ({"admin": "alice"}, "not_permitted"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(house, asked, code):
    with pytest.raises(InvalidRequest) as refused:
        ask_it(house, **asked)
    assert refused.value.code == code
    assert not AuditEvent.objects.exists()
