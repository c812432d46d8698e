from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models.signals import post_migrate
from psycopg import sql

from assistants import data
from assistants.models import EmbeddingModel
from assistants.services import registry
from benchmarks import product as running
from benchmarks import wire
from benchmarks.product import CHECKOUT
from tests import cloud as clouds
from tests import factories, workers
from tests.workers import Worker

ORDER = ("guards", "data", "compute", "control", "services", "web", "faults", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is quick comes first. The browser comes last: while its driver lives, an event loop
    runs in this thread, and no other can.

    A test that drives the whole product, on two cores that others share, may fail by their doing:
    it is run again, twice at most (`RERUNS`; 0 to hunt one down), and pytest's summary names it.
    All others have to pass at once.
    """
    reruns = int(os.environ.get("RERUNS", "2"))
    folders = CHECKOUT / "tests"
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(folders).parts[0]))
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if reruns and (marks & {"e2e", "faults"} or "product" in getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=reruns))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> Iterator[None]:
    """The test database is made, migrated and dropped by the owner."""
    with data.as_owner():
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The tests run as the app's role. Only here it may truncate: the flush after a transactional
    test empties every table so, the audit trail too. What a migration put there comes back. And
    only here it may analyze: a test's own rows are seen by no one else, autovacuum included.
    """
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            for table in ("assistants_auditevent", "assistants_egressrecord"):
                cursor.execute(f"alter table {table} disable trigger append_only_truncate")
            role = sql.Identifier(str(settings.APP_DATABASE["USER"] or getpass.getuser()))
            cursor.execute(
                sql.SQL("grant truncate, maintain on all tables in schema public to {}").format(
                    role
                )
            )
        kept = list(EmbeddingModel.objects.all())

        def restore(**kwargs: object) -> None:
            EmbeddingModel.objects.bulk_create(kept, ignore_conflicts=True)

        post_migrate.connect(restore, sender=apps.get_app_config("assistants"), weak=False)
        with data.as_app(), django_db_blocker.block():
            yield


@pytest.fixture
def owner(transactional_db: None) -> Iterator[psycopg.Connection]:
    """A connection of the tables' owner, for what the app's role may not. It sees what is
    committed, hence the transactional test.
    """
    database = settings.OWNER_DATABASE
    with psycopg.connect(
        dbname=connection.settings_dict["NAME"],
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
        host=database["HOST"] or None,
        port=database["PORT"] or None,
        autocommit=True,
    ) as connected:
        yield connected


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


@pytest.fixture(scope="session")
def recorder() -> Iterator[clouds.Cloud]:
    """A cloud that speaks Anthropic's protocol and keeps every byte it is sent."""
    cloud = clouds.Cloud(key="key-of-the-recorder", tokens=8)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = clouds.serve(cloud)
    asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(20)
    try:
        yield cloud
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


@pytest.fixture(scope="session")
def cloud_product(recorder: clouds.Cloud) -> Iterator[running.Product]:
    """The product with its demo, no server on the premises, and the recorder for its cloud."""
    folder = running.make_folder("cloud")
    product = wire.start_product(folder / "state", recorder)
    try:
        product.wait_until_healthy()
        yield product
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _cloud_worker() -> Iterator[Worker]:
    if not os.environ.get("CLOUD_REDIS_URL"):
        pytest.skip("CLOUD_REDIS_URL names no account for cloud workers on the given broker")
    with tempfile.TemporaryDirectory(prefix="hybridapp-cloud-") as folder:
        worker = workers.cloud_worker(Path(folder))
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


@pytest.fixture
def cloud_worker(_cloud_worker: Worker) -> Worker:
    """Running, also when the test before has killed it."""
    if _cloud_worker.process.poll() is not None:
        _cloud_worker.start()
    return _cloud_worker


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
