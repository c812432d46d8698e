"""Deployments that the environment names, and what an admin may not write into one."""

from __future__ import annotations

import pytest

from assistants.models import Deployment
from assistants.services import registry
from assistants.types import Capability

pytestmark = pytest.mark.django_db


def synced(slug: str) -> Deployment | None:
    registry.sync_deployments()
    return Deployment.objects.filter(slug=slug).first()


class TestClouds:
    def test_without_a_key_there_is_none(self):
        assert synced("anthropic") is None
        assert synced("demo-cloud") is None

    def test_a_key_given_to_the_cloud_worker_registers_claude(self, monkeypatch):
        monkeypatch.setenv("CLOUD_KEYS", "MISTRAL_API_KEY,ANTHROPIC_API_KEY")
        monkeypatch.setenv("ANTHROPIC_REGION", "eu")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://gateway.example.org/")
        found = synced("anthropic")
        assert found
        assert (found.enabled, found.spec.place) == (True, "cloud:eu")
        assert found.key_variable == "ANTHROPIC_API_KEY"
        assert found.base_url == "https://gateway.example.org"
        assert found.spec.capabilities == set(Capability) - {Capability.RERANK}

    def test_a_server_on_the_premises_goes_first(self, monkeypatch):
        monkeypatch.setenv("CLOUD_KEYS", "ANTHROPIC_API_KEY")
        monkeypatch.setenv("LOCAL_MODEL_URL", "http://10.0.0.1/v1")
        claude = synced("anthropic")
        premises = synced("premises-server")
        assert claude
        assert premises
        assert premises.rank < claude.rank < Deployment.objects.get(slug="local").rank

    def test_a_start_without_the_key_switches_it_off_and_keeps_an_admins_changes(self, monkeypatch):
        monkeypatch.setenv("CLOUD_KEYS", "ANTHROPIC_API_KEY")
        synced("anthropic")
        Deployment.objects.filter(slug="anthropic").update(model="claude-other", rank=5)
        monkeypatch.setenv("CLOUD_KEYS", "")
        assert synced("anthropic").enabled is False
        monkeypatch.setenv("CLOUD_KEYS", "ANTHROPIC_API_KEY")
        found = synced("anthropic")
        assert (found.enabled, found.model, found.rank) == (True, "claude-other", 5)

    def test_a_key_in_the_environment_of_the_trusted_side_is_not_looked_at(self, monkeypatch):
        monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
        assert synced("anthropic") is None

    def test_the_demo_cloud_says_what_it_is(self, monkeypatch):
        monkeypatch.setenv("DEMO_CLOUD_URL", "http://127.0.0.1:8001")
        found = synced("demo-cloud")
        assert (found.enabled, found.spec.place) == (True, "cloud:demo")
        assert "stand-in" in found.model


CLOUD = {
    "provider": "openai_compatible",
    "environment": "cloud",
    "region": "eu",
    "base_url": "https://api.mistral.ai/v1",
    "key_variable": "MISTRAL_API_KEY",
}
PREMISES = {"provider": "openai_compatible", "environment": "on_prem", "base_url": "http://gpu/v1"}


class TestMistakes:
    @pytest.mark.parametrize(
        "deployment",
        [
            CLOUD,
            CLOUD | {"provider": "anthropic", "base_url": ""},
            CLOUD | {"base_url": "http://127.0.0.1:8001"},
            PREMISES,
            PREMISES | {"key_variable": "SERVER_KEY"},
        ],
    )
    def test_what_is_right_is_taken(self, deployment):
        assert registry.find_mistakes(deployment) == {}

    @pytest.mark.parametrize(
        ("deployment", "field"),
        [
            (CLOUD | {"key_variable": "sk-ant-api03-AbC"}, "key_variable"),
            (CLOUD | {"key_variable": "AIzaSyA-b_C"}, "key_variable"),
            (CLOUD | {"key_variable": "AKIA" + "IOSFODNN7EXAMPLE"}, "key_variable"),
            (CLOUD | {"key_variable": ""}, "key_variable"),
            (CLOUD | {"key_variable": "MISTRAL_KEY"}, "key_variable"),
            (CLOUD | {"region": ""}, "region"),
            (CLOUD | {"provider": "local"}, "provider"),
            (CLOUD | {"base_url": ""}, "base_url"),
            (CLOUD | {"base_url": "http://api.mistral.ai/v1"}, "base_url"),
            (PREMISES | {"key_variable": "SERVER_API_KEY"}, "key_variable"),
            (PREMISES | {"key_variable": "hunter2"}, "key_variable"),
        ],
    )
    def test_what_would_not_work_or_leak_is_refused(self, deployment, field):
        mistakes = registry.find_mistakes(deployment)
        assert list(mistakes) == [field]
        assert deployment[field] not in mistakes[field].split() or not deployment[field]
