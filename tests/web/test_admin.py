from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from assistants.models import Deployment, EgressRecord
from assistants.services import chat

MODELS = [
    "zone",
    "zonechange",
    "document",
    "assistant",
    "deployment",
    "promptversion",
    "auditevent",
    "egressrecord",
    "policy",
]


@pytest.fixture
def admin(client, cast):
    client.force_login(cast.adam)
    return client


@pytest.mark.parametrize("model", MODELS)
def test_an_admin_opens_each_list(admin, model):
    assert admin.get(reverse(f"admin:assistants_{model}_changelist")).status_code == 200


def test_the_index_shows_them(admin):
    page = admin.get("/admin/").content.decode()
    assert "/admin/assistants/zone/" in page
    assert admin.get("/admin/assistants/").status_code == 200


def test_employees_have_no_console(client, cast):
    client.force_login(cast.alice)
    assert client.get("/admin/").status_code == 302


def test_a_place_must_be_one(admin, cast):
    url = reverse("admin:assistants_zone_change", args=[cast.zones.code.pk])
    page = admin.post(url, {"name": "Code", "sensitivity": 1, "places": ["the moon"]})
    assert "the moon is not one of the available choices" in page.content.decode()


def test_private_chats_are_not_part_of_the_console(admin, cast):
    chat.open_turn(
        cast.alice,
        client_id="c",
        assistant="compliance",
        text="A private matter",
        enqueue=lambda _: None,
    )
    assert "A private matter" not in admin.get("/admin/").content.decode()
    for name in ("conversation", "message", "answer", "citation", "documentversion", "chunk"):
        assert admin.get(f"/admin/assistants/{name}/").status_code == 404


def test_prompt_versions_and_audit_events_are_not_changed(admin, cast):
    prompt = cast.alice.groups.get().assistants.get().prompt
    url = reverse("admin:assistants_promptversion_change", args=[prompt.pk])
    assert admin.post(url, {"text": "changed"}).status_code == 403
    assert admin.get(reverse("admin:assistants_auditevent_add")).status_code == 403


def test_the_console_needs_no_inline_script(admin):
    policy = admin.get("/admin/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_egress_ledger_is_there_to_read(admin, cast):
    at = datetime(2025, 3, 14, 12, tzinfo=UTC)
    for outcome, rule, when in (
        ("allow", "Nothing objects.", timezone.now()),
        ("block", "The check “secrets” found api key.", at),
    ):
        EgressRecord.objects.create(
            at=when,
            purpose="answer",
            actor="alice",
            deployment="anthropic",
            place="cloud:eu",
            zones=["general"],
            treatment="redact",
            sealed=True,
            outcome=outcome,
            rule=rule,
            payload_sha256="0" * 64,
            size=2048,
            placeholders={"PERSON": 2, "DATE": 1},
            sha256="0" * 64,
        )
    url = reverse("admin:assistants_egressrecord_changelist")
    page = admin.get(url).content.decode()
    assert "api key" in page
    assert "Nothing objects." in page
    for query, shown in (
        ("outcome__exact=block", "api key"),
        ("deployment=anthropic&day=0", "Nothing objects."),
        ("day=7&purpose=answer", "Nothing objects."),
        ("q=alice&outcome__exact=allow", "Nothing objects."),
    ):
        page = admin.get(f"{url}?{query}").content.decode()
        assert shown in page
        assert ("api key" in page) != ("Nothing objects." in page)
    record = EgressRecord.objects.first()
    page = reverse("admin:assistants_egressrecord_change", args=[record.pk])
    assert admin.get(page).status_code == 200
    assert admin.post(page, {"outcome": "allow"}).status_code == 403
    assert admin.get(reverse("admin:assistants_egressrecord_add")).status_code == 403


def test_a_key_is_not_taken_for_the_name_of_its_variable(admin):
    filled_in = {
        "slug": "mistral",
        "provider": "openai_compatible",
        "environment": "cloud",
        "region": "eu",
        "base_url": "https://api.mistral.ai/v1",
        "key_variable": "sk-a1b2c3d4e5",
        "context_tokens": 4096,
        "max_tokens": 1024,
        "input_price": 0,
        "output_price": 0,
        "rank": 30,
        "latency_budget_ms": 0,
        "capacity": 0,
        "hedge_after_ms": 0,
        "first_token_seconds": 0,
    }
    url = reverse("admin:assistants_deployment_add")
    page = admin.post(url, filled_in).content.decode()
    assert "This is no name of a variable" in page
    assert not Deployment.objects.exists()
    assert admin.post(url, filled_in | {"key_variable": "MISTRAL_API_KEY"}).status_code == 302
    assert Deployment.objects.get().spec.place == "cloud:eu"
