"""Which variables each program of `make run` is given; `tests/faults/test_supervisor.py` looks at
the running ones.
"""

from __future__ import annotations

import json

import pytest

from hybridapp.embedded import environments, programs
from hybridapp.embedded.clouds import Clouds
from hybridapp.embedded.log import Log
from hybridapp.embedded.process import PartFailed
from hybridapp.embedded.supervisor import Supervisor

GIVEN = {
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "SECRET_KEY": "the-secret-key",
    "DATABASE_URL": "postgres://app:word@host/x",
    "DEMO_PASSWORD": "demo-word",
    "ANTHROPIC_API_KEY": "key-one",
    "MISTRAL_API_KEY_FILE": "/run/secrets/mistral",
    "EMPTY_API_KEY": " ",
    "CLOUD_REDIS_URL": "redis://cloud:word@host",
    "SERVER_KEY": "of a server on the premises",
    "AWS_SECRET_ACCESS_KEY": "of something else",
}
TRUSTED = [name for name in programs.WORKERS if name not in {"model", "cloud"}] + ["web"]


@pytest.fixture
def rest() -> dict[str, str]:
    return environments.without_cloud_keys(GIVEN)


@pytest.mark.parametrize("name", [*TRUSTED, "model"])
def test_no_program_but_the_cloud_worker_gets_a_key_of_a_cloud(name, rest):
    given = environments.of_program(name, rest)
    assert not {"ANTHROPIC_API_KEY", "MISTRAL_API_KEY_FILE", "CLOUD_REDIS_URL"} & given.keys()
    assert given["SERVER_KEY"]
    assert "DEMO_PASSWORD" not in given


def test_the_cloud_worker_gets_its_keys_and_little_else(rest):
    keys = environments.only_cloud_keys(GIVEN)
    given = environments.of_the_cloud_worker(
        rest, keys, redis_url="redis://c", public_key="pub", state_dir="/state/cloud"
    )
    assert given == {
        "PATH": "/usr/bin",
        "ANTHROPIC_API_KEY": "key-one",
        "MISTRAL_API_KEY_FILE": "/run/secrets/mistral",
        "REDIS_URL": "redis://c",
        "EGRESS_PUBLIC_KEY": "pub",
        "STATE_DIR": "/state/cloud",
        "HOME": "/state/cloud",
    }


def test_the_trusted_side_is_told_names_only():
    told = Clouds(GIVEN, demo_port=0).told()
    assert told == {"CLOUD_KEYS": "ANTHROPIC_API_KEY,MISTRAL_API_KEY", "DEMO_CLOUD_URL": ""}


def test_the_demo_cloud_has_a_key_of_its_own():
    clouds = Clouds({}, demo_port=8001)
    assert clouds.told()["CLOUD_KEYS"] == "DEMO_CLOUD_API_KEY"
    assert clouds.keys["DEMO_CLOUD_API_KEY"] not in json.dumps(clouds.told())


def test_the_supervisor_hands_no_key_to_a_step(tmp_path):
    log = Log()
    try:
        supervisor = Supervisor(log, {**GIVEN, "STATE_DIR": str(tmp_path)})
    finally:
        log.close()
    assert "key-one" not in supervisor.env.values()
    assert "key-one" not in supervisor.services.values()


def test_for_another_user_files_are_read_first(tmp_path):
    file = tmp_path / "key"
    file.write_text("from-a-file\n")
    keys = {"A_API_KEY_FILE": str(file), "B_API_KEY": "b"}
    assert environments.read_files(keys) == {"A_API_KEY": "from-a-file", "B_API_KEY": "b"}
    with pytest.raises(PartFailed, match="A_API_KEY_FILE"):
        environments.read_files({"A_API_KEY_FILE": str(tmp_path / "none")})
