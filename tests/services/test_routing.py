"""What the turn and the what-if page both ask: routes from what is stored and known."""

from __future__ import annotations

import pytest

from assistants import compute, data
from assistants.compute.broker import sync_client
from assistants.exceptions import NoRoute
from assistants.models import Answer, Message
from assistants.services import registry, routing
from assistants.services.budgets import Payer
from assistants.types import Capability, Difficulty, Load
from tests import factories, fakes
from tests.services.test_chat import ask, open_turn

CLOUD = {"environment": "cloud", "region": "us", "input_price": 3, "output_price": 15}


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models):
    """As it is seeded with a key for a cloud and no server on the premises."""
    factories.make_deployment("anthropic", "anthropic", rank=20, **CLOUD)
    factories.make_deployment("local", "local", rank=50, capabilities=["chat", "draft"])
    factories.make_quotes()
    for slug in ("anthropic", "local", "quotes"):
        models.says(slug, [f"From {slug}."])
    return cast


def request(cast, text="What is the limit?", zone="general", **fields) -> routing.Request:
    defaults = {
        "task": Capability.GROUNDED_ANSWER,
        "has_documents": True,
        "zone": getattr(cast.zones, zone).rules if isinstance(zone, str) else zone,
        "payer": Payer(cast.alice.pk, 0),
    }
    return routing.Request(text, **{**defaults, **fields})


def slugs(plan: routing.RoutePlan) -> list[str]:
    return [deployment.slug for deployment in plan.route.deployments]


@pytest.mark.parametrize(
    ("text", "answered_by"),
    [
        ("Hello!", "local"),
        ("Draft a short thank-you note.", "anthropic"),
        ("Draft a policy on private phones for the board.", "anthropic"),
        ("What is the limit for gifts?", "anthropic"),
        ("Summarise the gifts policy.", "anthropic"),
    ],
)
@pytest.mark.django_db(transaction=True)  # what leaves is sealed by another thread
def test_only_what_needs_the_cloud_goes_there(house, text, answered_by):
    answer = ask(house.alice, text)
    assert answer.deployment.slug == answered_by
    assert f"({answered_by}" in answer.receipt["rule"]


def test_a_restricted_zone_stays_on_the_premises_and_the_rule_says_why(house):
    plan = routing.plan_route(request(house, zone="clinical"))
    assert slugs(plan) == ["quotes"]
    assert "anthropic (the zone clinical may not leave the premises)" in plan.route.rule


def test_more_than_the_zone_may_refuse(house):
    refuse = {"anthropic": "It names a patient."}
    plan = routing.plan_route(request(house, refuse=lambda spec: refuse.get(spec.slug)))
    assert slugs(plan) == ["quotes"]
    assert "It names a patient" in plan.route.rule


def test_what_the_workers_know_of_a_deployment_counts(house, monkeypatch):
    known = {"anthropic": Load(False), "local": Load(), "quotes": Load(True, 12.0, 3)}
    monkeypatch.setattr(compute, "get_loads", lambda slugs, probe: known)
    plan = routing.plan_route(request(house))
    assert slugs(plan) == ["quotes"]
    quotes = next(each for each in plan.candidates if each.deployment.slug == "quotes")
    assert (quotes.latency_ms, quotes.in_flight) == (12.0, 3)


def test_without_the_broker_each_process_goes_by_its_own_circuits(house, monkeypatch):
    monkeypatch.setattr(compute, "get_loads", lambda slugs, probe: None)
    monkeypatch.setattr(compute, "is_healthy", lambda slug: slug != "anthropic")
    assert slugs(routing.plan_route(request(house))) == ["quotes"]


def test_only_a_turn_takes_a_probe(house):
    circuit = "deployment:anthropic:circuit"
    sync_client().hset(circuit, mapping={"failures": 3, "until": 1})
    try:
        assert slugs(routing.plan_route(request(house)))[0] == "anthropic"
        assert slugs(routing.plan_route(request(house, answer_id="a")))[0] == "anthropic"
        assert slugs(routing.plan_route(request(house, answer_id="b"))) == ["quotes"]
    finally:
        sync_client().delete(circuit)


def test_replicas_share_the_answers(house):
    for number in range(3):
        factories.make_deployment(f"replica-{number}", rank=10, model="m")
    registry.forget()
    firsts = {
        slugs(routing.plan_route(request(house, answer_id=f"answer {n}")))[0] for n in range(40)
    }
    assert firsts == {"replica-0", "replica-1", "replica-2"}
    again = [slugs(routing.plan_route(request(house, answer_id="one"))) for _ in range(2)]
    assert again[0] == again[1]


# -- a conversation stays where it was answered ----------------------------------------------------


@pytest.fixture
def pair(house, models):
    """Two that are as good; the second has answered."""
    factories.make_deployment("server", rank=10, model="a")
    factories.make_deployment("other", rank=15, model="b")
    models.says("other", ["From other."])
    models.says("server", [fakes.lost()])
    registry.forget()
    first = ask(house.alice, "What is the limit for gifts?")
    assert first.deployment.slug == "other"
    models.says("server", ["From server."])
    return first


def follow(first: Answer, user, text: str) -> Answer:
    return ask(user, text, conversation=str(first.message.conversation_id), client_id="c2")


def test_it_stays_where_the_answer_before_was_made(house, pair):
    second = follow(pair, house.alice, "And what is the limit for meals?")
    assert second.deployment.slug == "other"
    assert "it answered before in this conversation" in second.receipt["rule"]


def test_other_work_does_not_stay(house, pair):
    second = follow(pair, house.alice, "Summarise the gifts policy.")
    assert second.deployment.slug == "server"


def test_what_stays_is_told_by_the_answer_before_and_the_zones(house, pair):
    message = Message(parent_id=pair.pk)
    with data.rights_of_user(house.alice):
        before = routing.get_answered_before(message)
    assert before == routing.AnsweredBefore("other", "grounded_answer", frozenset({"general"}))
    assert slugs(routing.plan_route(request(house, before=before)))[0] == "other"
    raised = data.join_zones([house.zones.general.rules, house.zones.code.rules])
    assert slugs(routing.plan_route(request(house, zone=raised, before=before)))[0] == "server"


def test_the_first_message_follows_nothing(house):
    accepted = open_turn(house.alice)
    with data.rights_of_user(house.alice):
        message = Message.objects.get(pk=accepted.message)
        assert routing.get_answered_before(message) is None


def test_difficulty_and_costs_are_told(house):
    plan = routing.plan_route(request(house, "Compare the limits and explain why they differ."))
    assert plan.difficulty is Difficulty.HARD
    assert plan.costs["anthropic"] > 0
    assert plan.costs["quotes"] == 0


def test_where_nobody_may_it_fails_closed(house):
    factories.Deployment.objects.exclude(slug="anthropic").update(enabled=False)
    registry.forget()
    with pytest.raises(NoRoute) as refused:
        routing.plan_route(request(house, zone="clinical"))
    assert [each.deployment for each in refused.value.refusals] == ["anthropic"]
