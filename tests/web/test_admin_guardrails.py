"""The console's page of guardrails."""

from __future__ import annotations

import pytest
from django.test import Client

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
    assert page.count('<polyline class="curve"') == 3
    assert "style=" not in page.split("reliability-title")[1]
    assert "Nothing so far." in told


def test_it_is_not_for_everybody(cast, client):
    client.force_login(cast.alice)
    assert client.get(PAGE).status_code == 302
