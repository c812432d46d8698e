"""`/healthz` and `/metrics`: what they say when all is well, and when a part is lost."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connections
from django.test import Client

from assistants import data
from assistants.models import Answer, Assistant, Conversation, Deployment, Message
from assistants.services import health, metrics

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        keys = [f"alive:{name}" for name in health.PROCESSES.values()]
        client.delete(*keys)
        yield client
        client.delete(*keys)


@pytest.fixture
def all_alive(broker: redis.Redis) -> None:
    for name in health.PROCESSES.values():
        broker.set(f"alive:{name}", 1, ex=60)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def ask(client: Client) -> tuple[int, dict[str, Any]]:
    began = time.monotonic()
    response = client.get("/healthz")
    assert time.monotonic() - began < 3
    return response.status_code, json.loads(response.content)


def test_all_parts_ready_is_200(client: Client, all_alive: None):
    status, body = ask(client)
    assert (status, body["status"]) == (200, "ok")
    assert list(body["parts"]) == [
        "database",
        "migrations",
        "broker",
        "trusted_worker",
        "ingest_worker",
        "speech_worker",
        "dictation_worker",
        "model_worker",
        "beat",
    ]
    assert all(part["ready"] for part in body["parts"].values())
    assert body["parts"]["database"]["detail"].startswith("PostgreSQL 1")


@pytest.mark.django_db(transaction=True)
def test_the_cloud_worker_counts_while_a_cloud_deployment_is_enabled(
    client: Client, broker: redis.Redis, all_alive: None
):
    broker.delete("cloud:alive:cloud")
    cloud = Deployment.objects.create(slug="claude", provider="anthropic", environment="cloud")
    status, body = ask(client)
    assert (status, body["parts"]["cloud_worker"]["ready"]) == (503, False)
    broker.set("cloud:alive:cloud", 1, ex=60)
    assert ask(client)[0] == 200
    cloud.enabled = False
    cloud.save()
    broker.delete("cloud:alive:cloud")
    status, body = ask(client)
    assert (status, "cloud_worker" in body["parts"]) == (200, False)


def test_a_worker_that_does_not_report_is_named(
    client: Client, broker: redis.Redis, all_alive: None
):
    broker.delete("alive:model")
    status, body = ask(client)
    assert status == 503
    assert [name for name, part in body["parts"].items() if not part["ready"]] == ["model_worker"]


def test_a_migration_to_apply_is_told(
    client: Client, all_alive: None, monkeypatch: pytest.MonkeyPatch
):
    known = health._migrations()
    monkeypatch.setattr(health, "_migrations", lambda: known | {("assistants", "9999_later")})
    status, body = ask(client)
    assert status == 503
    assert body["parts"]["migrations"] == {
        "ready": False,
        "detail": "1 to apply: run `manage.py migrate`",
    }


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_a_lost_broker_is_503_at_once(
    client: Client, silent: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
):
    lost = f"unix://{tmp_path}/none" if how == "gone" else f"redis://127.0.0.1:{silent}"
    monkeypatch.setenv("REDIS_URL", lost)
    status, body = ask(client)
    assert status == 503
    assert body["parts"]["database"]["ready"]
    assert not any(body["parts"][part]["ready"] for part in ("broker", *health.PROCESSES))
    assert body["parts"]["beat"]["detail"] == "unknown while the broker is away"
    assert str(silent) not in json.dumps(body)


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_a_lost_database_is_503_at_once(
    client: Client,
    all_alive: None,
    silent: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    how: str,
):
    settings = connections["default"].settings_dict
    monkeypatch.setitem(settings, "HOST", str(tmp_path) if how == "gone" else "127.0.0.1")
    monkeypatch.setitem(settings, "PORT", str(silent))
    status, body = ask(client)
    assert status == 503
    assert not body["parts"]["database"]["ready"]
    assert body["parts"]["migrations"]["detail"] == "unknown while the database is away"
    assert body["parts"]["beat"]["ready"]
    assert str(tmp_path) not in json.dumps(body)


def sample(text: str, name: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith(name + " ")]
    assert len(lines) == 1, name
    return float(lines[0].split()[-1])


def test_metrics_count_answers_queues_and_parts(
    client: Client, cast: Any, broker: redis.Redis, all_alive: None
):
    broker.delete("alive:beat")
    assistant = Assistant.objects.get(slug="compliance")
    with data.rights_of_system():
        talk = Conversation.objects.create(
            owner=cast.alice, assistant=assistant, title="Gifts", zones=["general"]
        )
        message = Message.objects.create(
            conversation=talk, author=cast.alice, client_id="1", text="?", zones=["general"]
        )
        Answer.objects.create(message=message, number=1, status="completed")
        Answer.objects.create(message=message, number=2, status="failed")
    waiting = broker.llen("ingest")
    broker.rpush("ingest", "one more")
    try:
        text = client.get("/metrics").content.decode()
    finally:
        broker.rpop("ingest")
    assert sample(text, 'hybridapp_answers_last_day{status="completed"}') == 1
    assert sample(text, 'hybridapp_answers_last_day{status="failed"}') == 1
    assert sample(text, 'hybridapp_answers_last_day{status="held"}') == 0
    assert sample(text, 'hybridapp_queue_length{queue="ingest"}') == waiting + 1
    assert sample(text, 'hybridapp_part_ready{part="beat"}') == 0
    assert sample(text, 'hybridapp_part_ready{part="database"}') == 1
    assert sample(text, "process_resident_memory_bytes") > 0


def test_metrics_answer_when_broker_and_database_are_lost(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/none")
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", str(tmp_path))
    response = client.get("/metrics")
    assert response.status_code == 200
    assert sample(response.content.decode(), 'hybridapp_part_ready{part="broker"}') == 0
    assert "hybridapp_queue_length" not in response.content.decode()


def test_the_queues_measured_are_those_that_workers_listen_to():
    from hybridapp.embedded.programs import WORKERS

    listened = {argv[argv.index("-Q") + 1] for argv in WORKERS.values() if "-Q" in argv}
    assert set(metrics.QUEUES) == listened


def test_neither_needs_a_login_nor_tells_of_people(client: Client, cast: Any, all_alive: None):
    for path in ("/healthz", "/metrics"):
        response = client.get(path)
        assert response.status_code == 200
        assert b"alice" not in response.content
