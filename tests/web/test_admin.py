from __future__ import annotations

import pytest
from django.urls import reverse

from assistants.models import Deployment
from assistants.services import chat

MODELS = [
    "zone",
    "zonechange",
    "document",
    "assistant",
    "deployment",
    "promptversion",
    "auditevent",
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
        "first_token_seconds": 0,
    }
    url = reverse("admin:assistants_deployment_add")
    page = admin.post(url, filled_in).content.decode()
    assert "This is no name of a variable" in page
    assert not Deployment.objects.exists()
    assert admin.post(url, filled_in | {"key_variable": "MISTRAL_API_KEY"}).status_code == 302
    assert Deployment.objects.get().spec.place == "cloud:eu"
