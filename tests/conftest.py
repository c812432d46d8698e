from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from tests import factories

CHECKOUT = Path(__file__).resolve().parent.parent
START_SECONDS = 180


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The flush after a transactional test truncates every table, the audit trail too."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("alter table assistants_auditevent disable trigger append_only_truncate")


@pytest.fixture
def cast(db: None) -> SimpleNamespace:
    """Zones, departments, assistants and people; no documents, no deployments."""
    groups = ("compliance", "clinical", "code")
    zones = SimpleNamespace(
        general=factories.make_zone("general", *groups, sensitivity=1),
        compliance=factories.make_zone("compliance", "compliance"),
        clinical=factories.make_zone(
            "clinical", "clinical", sensitivity=3, residency=["on_prem"], treatment="deny"
        ),
        code=factories.make_zone("code", "code"),
    )
    for slug in groups:
        factories.make_assistant(slug, [zones.general, getattr(zones, slug)])
    return SimpleNamespace(
        zones=zones,
        alice=factories.make_user("alice", "compliance"),
        carol=factories.make_user("carol", "clinical"),
        dave=factories.make_user("dave", "code"),
        outsider=factories.make_user("oscar"),
        adam=factories.make_user("adam", "admins", is_staff=True, is_superuser=True),
    )


@dataclass
class Product:
    """The product as `make run` starts it, with a scripted model server on the premises.

    The server takes conversation and drafting; questions to documents go to `quotes`.
    """

    url: str
    password: str
    state_dir: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/ws/chat/"

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(self.url + "/healthz", timeout=5) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            status, _ = self.health()
            if status == 200:
                return
            time.sleep(0.2)
        raise AssertionError(f"not healthy: {self.health()}\n{self.log.read_text()[-5000:]}")

    def manage(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=product_environment(self.state_dir),
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def product_environment(state_dir: Path, **extra: str) -> dict[str, str]:
    """The environment of a newcomer's shell: nothing of the tests' own database in it."""
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "STATE_DIR", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "STATE_DIR": str(state_dir), **extra}


def start_product(state_dir: Path, **extra: str) -> Product:
    port = free_port()
    password = secrets.token_urlsafe(12)
    log = state_dir.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hybridapp.embedded"],
            cwd=CHECKOUT,
            env=product_environment(
                state_dir,
                PORT=str(port),
                DEMO_PASSWORD=password,
                MESSAGES_PER_MINUTE="100000",
                **extra,
            ),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Product(f"http://127.0.0.1:{port}", password, state_dir, process, log)


def stop_product(product: Product) -> None:
    product.process.send_signal(signal.SIGTERM)
    try:
        product.process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(product.process.pid, signal.SIGKILL)
        raise


@pytest.fixture(scope="session")
def upstream_url() -> Iterator[str]:
    """A scripted model server that speaks the OpenAI protocol: 200 tokens, 10 ms each."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)]
    process = subprocess.Popen([*command, "--delay-ms", "10", "--tokens", "200"], cwd=CHECKOUT)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        _wait_for(url + "/models")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def product(upstream_url: str) -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="hybridapp-product-", dir="/tmp"))
    running = start_product(folder / "state", LOCAL_MODEL_URL=upstream_url)
    try:
        running.wait_until_healthy()
        running.manage(
            "shell",
            "-c",
            "from assistants.models import Deployment; Deployment.objects.filter("
            "slug='premises-server').update(capabilities=['chat', 'draft'])",
        )
        yield running
    finally:
        stop_product(running)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
