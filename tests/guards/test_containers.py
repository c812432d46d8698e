"""The containers run what `make run` runs, and the model worker can reach nothing but its queue."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from hybridapp.embedded import programs

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
    assert asked == given


def test_the_example_holds_no_secret():
    names = ("DATABASE_PASSWORD", "DATABASE_OWNER_PASSWORD", "DATABASE_ADMIN_PASSWORD")
    for name in (*names, "SECRET_KEY", "REDIS_PASSWORD"):
        assert f"\n{name}=\n" in (CHECKOUT / ".env.example").read_text()


def test_all_that_the_image_needs_passes_the_ignore_file():
    let_through = set(
        re.findall(r"^!(\S+)", (CHECKOUT / ".dockerignore").read_text(), re.MULTILINE)
    )
    needed = {"assistants", "hybridapp", "templates", "static", "manage.py"}
    needed |= {"requirements.txt", "requirements-models.txt", "deploy/answers.py"}
    assert needed <= let_through
    assert all((CHECKOUT / path).exists() for path in let_through)
