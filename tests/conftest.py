from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from assistants.services import registry
from benchmarks import product as running
from benchmarks.product import CHECKOUT
from tests import factories

ORDER = ("guards", "data", "compute", "control", "services", "web", "faults", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is quick comes first. The browser comes last: while its driver lives, an event loop
    runs in this thread, and no other can.
    """
    folders = CHECKOUT / "tests"
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(folders).parts[0]))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The flush after a transactional test truncates every table, the audit trail too."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("alter table assistants_auditevent disable trigger append_only_truncate")


@pytest.fixture(autouse=True)
def afresh() -> None:
    """What is remembered for a moment is of the test before."""
    registry.forget()


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


@pytest.fixture(scope="session")
def upstream_url() -> Iterator[str]:
    """A scripted model server that speaks the OpenAI protocol: 200 tokens, 10 ms each."""
    port = running.free_port()
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
def product(upstream_url: str) -> Iterator[running.Product]:
    """The product with its demo, and a scripted model server on the premises.

    The server takes conversation and drafting; questions to documents go to `quotes`.
    """
    folder = running.make_folder("product")
    product = running.start(folder / "state", LOCAL_MODEL_URL=upstream_url)
    try:
        product.wait_until_healthy()
        product.manage(
            "shell",
            "-c",
            "from assistants.models import Deployment; Deployment.objects.filter("
            "slug='premises-server').update(capabilities=['chat', 'draft'])",
        )
        yield product
    finally:
        product.stop()
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
