"""The console's pages for budgets, what-if and prices."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from assistants.models import AuditEvent, Budget, Charge, Deployment
from assistants.services import registry
from tests import factories, fakes
from tests.services.test_routing import CLOUD
from tests.web.test_admin_zones import text_of

LIST = reverse("admin:assistants_budget_changelist")
ADD = reverse("admin:assistants_budget_add")
WHAT_IF = reverse("admin:assistants_what_if")


@pytest.fixture
def admin(client, cast):
    client.force_login(cast.adam)
    return client


def compliance():
    return factories.Group.objects.get(name="compliance")


def filled(**changes):
    return {
        "department": compliance().pk,
        "user": "",
        "period": "day",
        "soft_limit": "4",
        "hard_limit": "5",
        "enabled": "on",
        **changes,
    }


# -- budgets ---------------------------------------------------------------------------------------


def test_a_budget_is_made_changed_and_deleted_and_each_is_in_the_trail(admin):
    assert admin.post(ADD, filled()).status_code == 302
    budget = Budget.objects.get()
    assert (budget.department.name, budget.hard_limit) == ("compliance", 5)
    url = reverse("admin:assistants_budget_change", args=[budget.pk])
    assert admin.post(url, filled(hard_limit="7")).status_code == 302
    delete = reverse("admin:assistants_budget_delete", args=[budget.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 302
    assert not Budget.objects.exists()
    events = AuditEvent.objects.order_by("number")
    assert [(e.action, e.actor, e.subject, e.data["hard_limit"]) for e in events] == [
        ("budget.created", "adam", "compliance, a day", "5 euro"),
        ("budget.changed", "adam", "compliance, a day", "7 euro"),
        ("budget.deleted", "adam", "compliance, a day", "7.00 euro"),
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"soft_limit": "", "hard_limit": ""}, "Give at least one of the two limits."),
        ({"soft_limit": "6"}, "The soft limit must not be above the hard one."),
        ({"hard_limit": "-1"}, "greater than or equal to 0"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_with_a_sentence(admin, changes, told):
    assert told in text_of(admin.post(ADD, filled(**changes)))
    assert not Budget.objects.exists()


def test_a_budget_is_for_one_and_there_is_one(admin, cast):
    told = text_of(admin.post(ADD, filled(user=cast.alice.pk)))
    assert "for a department or for a person, not both" in told
    admin.post(ADD, filled())
    assert "There is a budget for this already" in text_of(admin.post(ADD, filled()))
    admin.post(ADD, filled(department=""))
    assert "There is a budget for this already" in text_of(admin.post(ADD, filled(department="")))


def test_the_list_tells_how_much_is_used(admin, cast):
    Budget.objects.create(department=compliance(), soft_limit=4, hard_limit=5)
    Budget.objects.create(user=cast.carol, period="month", soft_limit=100)
    Budget.objects.create(hard_limit=Decimal("4.40"))
    Charge.objects.create(
        answer=uuid.uuid4(),
        at=timezone.now(),
        department=compliance(),
        user=cast.alice,
        cost=Decimal("4.4"),
    )
    page = admin.get(LIST)
    told = text_of(page)
    assert "compliance, a day 4.40 € 88 % 4.00 € 5.00 € soft limit reached" in told
    assert "carol, a month 0.00 € 0 % 100.00 € – within its limits" in told
    assert "The whole organisation, a day 4.40 € 100 % – 4.40 € used up" in told
    assert 'value="88"' in page.content.decode()


def test_budgets_are_for_whoever_has_the_permission(client, cast):
    rita = factories.make_user("rita", "reviewers", is_staff=True)
    client.force_login(rita)
    assert client.get(LIST).status_code == 403
    assert client.get(ADD).status_code == 403
    rita.user_permissions.add(Permission.objects.get(codename="view_budget"))
    assert client.get(LIST).status_code == 200
    assert client.post(ADD, filled()).status_code == 403


# -- what if ---------------------------------------------------------------------------------------


@pytest.fixture
def house(cast, monkeypatch):
    fakes.install(monkeypatch, factories.unit_vector(0))
    factories.make_deployment("anthropic", "anthropic", rank=20, **CLOUD)
    factories.make_quotes()
    registry.forget()
    return cast


SECRET = "The limit for gifts is EUR 50, signed by the chair."


def test_the_page_says_that_nothing_is_sent_or_kept(admin):
    told = text_of(admin.get(WHAT_IF))
    assert "Nothing is sent to a model and the text is not kept" in told


def test_it_shows_zone_route_reasons_costs_and_placeholders_and_no_passage(admin, house):
    factories.make_document(house.zones.compliance, SECRET, title="Gifts and hospitality")
    text = "What is the limit for gifts? Write to erika@example.org."
    page = admin.post(WHAT_IF, {"user": "alice", "assistant": "compliance", "text": text})
    told = text_of(page)
    assert "Answered in the cloud (anthropic, us)" in told
    assert "Zone compliance (confidential)" in told
    assert "1 from compliance" in told
    assert "✓ First" in told
    assert "quotes on the premises ✓ Fallback, number 2" in told
    assert "1 EMAIL" in told
    assert "Write to [EMAIL" in told
    assert "data-sealed>What is the limit" in page.content.decode()
    for kept in ("signed by the chair", "Gifts and hospitality"):
        assert kept not in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_a_refusal_is_told_in_words(admin, house):
    factories.make_document(house.zones.clinical, "The limit for gifts is EUR 5.")
    reply = admin.post(
        WHAT_IF, {"user": "carol", "assistant": "clinical", "text": "What is the limit for gifts?"}
    )
    told = text_of(reply)
    assert "✕ No: The zones clinical, general may not leave the premises." in told
    assert "It would not leave the premises" in told


def test_who_may_not_use_the_assistant_cannot_be_asked_for(admin, house):
    reply = admin.post(WHAT_IF, {"user": "carol", "assistant": "compliance", "text": "Hello"})
    assert "carol may not use the assistant Compliance" in text_of(reply)


def test_it_is_for_whoever_has_the_permissions(client, house):
    assert client.get(WHAT_IF).status_code == 302
    rita = factories.make_user("rita", "reviewers", is_staff=True)
    client.force_login(rita)
    asked = {"user": "alice", "assistant": "compliance", "text": "Hello"}
    assert client.get(WHAT_IF).status_code == 403
    assert client.post(WHAT_IF, asked).status_code == 403
    for codename in ("view_zone", "view_deployment"):
        rita.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(factories.User.objects.get(pk=rita.pk))
    assert client.post(WHAT_IF, asked).status_code == 200


def test_the_index_has_doors_to_both(admin):
    page = admin.get("/admin/").content.decode()
    assert f'href="{WHAT_IF}"' in page
    assert f'href="{LIST}"' in page


# -- deployments -----------------------------------------------------------------------------------


def test_prices_and_limits_of_a_deployment_are_set_in_its_form(admin):
    deployment = factories.make_deployment("server", capabilities=["chat"])
    url = reverse("admin:assistants_deployment_change", args=[deployment.pk])
    assert admin.get(url).status_code == 200
    sent = {
        "slug": "server",
        "provider": "openai_compatible",
        "environment": "on_prem",
        "context_tokens": 4096,
        "max_tokens": 1024,
        "capabilities": ["chat"],
        "input_price": "0.25",
        "output_price": "1.25",
        "rank": 10,
        "latency_budget_ms": 800,
        "capacity": 8,
        "hedge_after_ms": 1500,
        "first_token_seconds": 0,
        "enabled": "on",
    }
    assert "greater than or equal to 0" in text_of(admin.post(url, {**sent, "input_price": "-1"}))
    assert admin.post(url, sent).status_code == 302
    spec = Deployment.objects.get().spec
    assert (spec.input_price, spec.output_price) == (0.25, 1.25)
    assert (spec.latency_budget_ms, spec.capacity, spec.hedge_after_ms) == (800, 8, 1500)
