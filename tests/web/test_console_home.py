"""The console's home, its search, the first steps, and what an employee is told at first."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from assistants import compute, control, data
from assistants.models import (
    Budget,
    Charge,
    DocumentVersion,
    EgressRecord,
    Incident,
    PolicyVersion,
    ReviewItem,
    ZoneChange,
)
from assistants.services import policy_drafts
from tests import factories

CONTENT = "Is the patient's secret kept?"


@pytest.fixture
def house(cast):
    cast.rita = factories.make_user("rita", "reviewers", is_staff=True)
    return cast


def make_trouble(house):
    """One of each that needs somebody."""
    cloud = factories.make_deployment("claude", "anthropic", environment="cloud", region="eu")
    factories.make_answer(
        house.alice, cloud, text=CONTENT, status="completed", cost=Decimal("0.25")
    )
    held = factories.make_answer(house.alice, text=CONTENT, status="held")
    with data.rights_of_system():
        for late in (-1, 5, 500):
            ReviewItem.objects.create(
                answer=held if late < 0 else None,
                asker=house.alice,
                department=Group.objects.get(name="compliance"),
                reviewers=Group.objects.get(name="reviewers"),
                rule="It is risky.",
                due=timezone.now() + timedelta(minutes=late),
            )
        chunk = factories.make_document(house.zones.general, "Text", title="A title")
        DocumentVersion.objects.filter(pk=chunk.version_id).update(status="failed")
        Incident.objects.create(
            answer=held, outcome="block", rule="r", shown=1, sha256="0" * 64, kinds=[]
        )
    Budget.objects.create(hard_limit=1, period="day")
    Charge.objects.create(answer=uuid.uuid4(), at=timezone.now(), cost=Decimal("0.90"))
    ZoneChange.objects.create(
        kind="zone", zone=house.zones.code, requested_by=house.alice, before={}, after={}
    )
    policy = policy_drafts.create_policy(None, "organisation")
    PolicyVersion.objects.create(
        policy=policy, number=1, rules={"rules": []}, stage="shadow", compared=9, differing=2
    )
    for _ in range(3):
        compute.record_outcome("claude", False)


def test_it_says_what_needs_somebody(client, house):
    make_trouble(house)
    client.force_login(house.adam)
    page = client.get("/admin/").content.decode()
    for told in (
        "1 review is late",
        "1 review is due within 15 minutes",
        "1 review waits",
        "1 document could not be read in",
        "90 per cent of the budget of",
        "1 change waits for a second person",
        "decides 2 of 9 times otherwise",
        "1 answer was taken back in the last 7 days",
    ):
        assert told in page
    assert page.index("is late") < page.index("due within")
    assert CONTENT not in page.replace("&#x27;", "'")
    assert "0.25 €" in page
    assert "claude" in page
    assert "in a cloud" in page
    assert 'aria-label="Turns by the hour, at most 2 in one"' in page
    assert "100 ms" not in page  # half of 100 and 300
    assert "200 ms" in page


def test_a_reviewer_sees_reviews_and_nothing_else(client, house):
    make_trouble(house)
    client.force_login(house.rita)
    page = client.get("/admin/").content.decode()
    assert "1 review is late" in page
    for hidden in ("budget of", "could not be read", "taken back", "second person", "Turns"):
        assert hidden not in page
    assert "First steps" not in page
    for user in (house.alice, house.carol, house.dave):
        client.force_login(user)
        assert client.get("/admin/").status_code == 302
        assert client.get("/admin/search/?q=alice").status_code == 302


def test_figures_without_costs(client, house):
    make_trouble(house)
    house.rita.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    client.force_login(house.rita)
    page = client.get("/admin/").content.decode()
    assert "Turns" in page
    assert "€" not in page


def test_a_calm_house(client, house):
    client.force_login(house.adam)
    page = client.get("/admin/").content.decode()
    assert "Nothing waits for you." in page
    assert "Nobody has asked anything since midnight." in page


def test_first_steps_are_checked_by_what_is_there(client, house):
    client.force_login(house.adam)
    page = client.get("/admin/").content.decode()
    assert "A model that may answer" in page
    steps = page[page.index('class="first-steps"') : page.index("Close this list")]
    assert steps.count('class="done"') == 3  # a zone with readers, an assistant, its people
    factories.make_deployment("server")
    factories.make_document(house.zones.general, "Text")
    page = client.get("/admin/").content.decode()
    assert "First steps" not in page  # all is done


def test_first_steps_are_closed_for_one_person(client, house):
    client.force_login(house.adam)
    reply = client.post("/notices/first-steps/close/", {"next": "/admin/"})
    assert (reply.status_code, reply.url) == (302, "/admin/")
    assert "First steps" not in client.get("/admin/").content.decode()
    eve = factories.make_user("eve", is_staff=True, is_superuser=True)
    client.force_login(eve)
    assert "First steps" in client.get("/admin/").content.decode()


def test_an_employee_is_told_once_what_is_kept_where(client, house):
    client.force_login(house.alice)
    page = client.get("/chat/").content.decode()
    assert "What is kept where" in page
    assert "nothing leaves the premises" in page
    quietly = {"HTTP_X_REQUESTED_WITH": "fetch"}
    assert client.post("/notices/first-visit/close/", **quietly).status_code == 204
    assert client.post("/notices/first-visit/close/", **quietly).status_code == 204
    assert "What is kept where" not in client.get("/chat/").content.decode()
    client.force_login(house.carol)
    assert "What is kept where" in client.get("/chat/").content.decode()


def test_what_is_no_notice(client, house):
    client.force_login(house.alice)
    assert client.post("/notices/moon/close/").status_code == 404
    assert client.get("/notices/first-visit/close/").status_code == 405
    away = client.post("/notices/first-visit/close/", {"next": "https://elsewhere.example/"})
    assert away.url == "/chat/"
    client.logout()
    assert client.post("/notices/first-visit/close/").status_code == 302


def test_search_finds_names_and_whole_ids(client, house):
    factories.make_deployment("claude", model="claude-sonnet")
    subject = str(uuid.uuid4())
    control.record_event(action="answer.completed", actor="alice", subject=subject)
    EgressRecord.objects.create(
        at=timezone.now(),
        purpose="answer",
        actor="alice",
        subject=subject,
        deployment="claude",
        place="cloud:eu",
        zones=["general"],
        treatment="redact",
        sealed=True,
        outcome="allow",
        rule="Nothing objects.",
        payload_sha256="1" * 64,
        size=1,
        sha256="0" * 64,
    )
    factories.make_answer(house.alice, text=CONTENT, status="completed")
    client.force_login(house.adam)

    def search(query):
        page = client.get("/admin/search/", {"q": query}).content.decode()
        return page[page.index('id="content"') :]

    assert "/auth/user/" in search("alice")
    assert "answer.completed" in search("alice")  # what she did
    assert "Clinical" in search("clin")
    assert "/assistants/deployment/" in search("sonnet")
    assert "Allowed to claude" in search(subject)
    assert "Allowed to claude" in search("1" * 64)
    assert "Search them for" in search("patient")  # titles are searched in their own list
    assert CONTENT not in search("patient").replace("&#x27;", "'")
    assert "Type two letters at least" in search("a")
    client.force_login(house.rita)
    assert "/auth/user/" not in search("alice")
    assert "Nothing here is called" in search("alice")
