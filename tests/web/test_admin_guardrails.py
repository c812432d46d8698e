"""The console's page of guardrails."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from assistants import data
from assistants.models import Feedback
from assistants.services import reliability
from tests import factories
from tests.web.test_admin_zones import text_of

PAGE = "/admin/assistants/incident/"


@pytest.fixture
def admin(cast, client: Client) -> Client:
    client.force_login(cast.adam)
    return client


def test_the_page_tells_of_each_guardrail_and_draws_how_reliable_it_is(admin):
    reply = admin.get(PAGE)
    told = text_of(reply)
    assert reply.status_code == 200
    for name in ("Attacks", "Planted instructions", "Groundedness", "Code hazards"):
        assert name in told
    page = reply.content.decode()
    assert page.count('<polyline class="curve"') == 4
    assert "have judged 0 answers here so far" in told
    assert "style=" not in page.split("reliability-title")[1]
    assert "Nothing so far." in told


def test_what_people_judged_shows_how_far_confidence_holds_here(cast, admin, monkeypatch):
    monkeypatch.setattr(reliability, "ENOUGH", 5)
    monkeypatch.setattr(reliability, "BINS", 2)
    for confidence, verdict in ((".2", "down"), (".3", "down"), (".8", "up"), (".9", "up")):
        judge(cast.alice, confidence, verdict)
    assert "have judged 4 answers here so far" in text_of(admin.get(PAGE))
    judge(cast.alice, ".9", "down")
    page = admin.get(PAGE).content.decode()
    assert page.count('<polyline class="curve"') == 5
    assert "The second curve is of the 5 newest judgements" in page
    assert "said 0.25, was 0.00; said 0.87, was 0.67" in page


def judge(user: User, confidence: str, verdict: str) -> None:
    answer = factories.make_answer(user, receipt={"confidence": confidence})
    with data.rights_of_user(user):
        Feedback.objects.create(answer=answer, author=user, verdict=verdict)


def test_it_is_not_for_everybody(cast, client):
    client.force_login(cast.alice)
    assert client.get(PAGE).status_code == 302
