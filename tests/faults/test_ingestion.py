"""Ingestion loses its worker or its broker: each file is indexed once, and no half of one is found.

The worker itself is killed at each stage, in a process of its own; then the running product's
worker and broker, while somebody asks without a pause.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from yarl import URL

from assistants import compute, data
from assistants.models import Chunk, Document, DocumentVersion, Embedding
from assistants.services import ingestion
from assistants.types import Scope
from benchmarks.product import CHECKOUT, Product, environment
from tests.factories import make_zone, unit_vector
from tests.faults.processes import command_line, descendants
from tests.faults.test_answers import kill
from tests.web.sockets import signed_in

pytestmark = pytest.mark.faults

SECTIONS = 6
PATIENCE = 240.0  # a lease, and what was killed is then read one by one


def make_text(marker: str, sections: int = SECTIONS) -> bytes:
    """Markdown whose every chunk holds the marker, and no two the same words."""
    parts = [f"# Procedure {marker}"]
    for number in range(sections):
        words = " ".join(f"step {number} {word}" for word in range(20))
        parts.append(f"## {number + 1}. Part {number + 1}\n\nOf {marker}: {words}.")
    return "\n\n".join(parts).encode()


# -- the worker, at each stage --------------------------------------------------------------------

# Writes every stage down, and ends itself as the kernel would when it has come to the one named.
DYING_WORKER = """
import os, signal, sys
import django
django.setup()
from assistants import compute, data
from assistants.data import indexing
from assistants.services import ingestion

stage = sys.argv[1]

def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function, when=lambda *args: True):
    def run(*args, **kwargs):
        result = function(*args, **kwargs)
        if when(*args):
            killed()
        return result
    return run

ingestion.SHOWN_AFTER = 0
compute.embed_texts = lambda texts, *model: [[1.0] + [0.0] * 383 for _ in texts]
compute.count_tokens = lambda text: len(text.split())
if stage == "received":
    ingestion._read = killed
elif stage == "half indexed":
    indexing._record_links = killed
elif stage == "indexed":
    data.index_versions = after(data.index_versions)
else:
    data.advance_versions = after(
        data.advance_versions, lambda claimed, status: status == stage
    )
ingestion.ingest_waiting(lambda: None, overlap=True)
"""
STAGES = [
    *("received", "validated", "parsed", "classified", "chunked", "embedded"),
    *("half indexed", "indexed"),
]


def run_until_killed(stage: str) -> None:
    database = connection.settings_dict
    host, word = (quote(str(database[name] or ""), safe="") for name in ("HOST", "PASSWORD"))
    url = f"postgres://{database['USER']}:{word}@{host}/{database['NAME']}"
    done = subprocess.run(
        [sys.executable, "-c", DYING_WORKER, stage],
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def found_of(zone_id: int, marker: str) -> int:
    scope = Scope((zone_id,))
    found = data.search(scope, None, marker, unit_vector(0), keyword_weight=1.0, limit=50)
    return sum(marker in passage.text for passage in found)


def make_due() -> None:
    """The lease is over."""
    with data.rights_of_system():
        DocumentVersion.objects.filter(status__in=data.OPEN).update(due="2000-01-01T00:00Z")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_killed_at_each_stage(monkeypatch, stage):
    monkeypatch.setattr(compute, "embed_texts", lambda texts: [unit_vector(0) for _ in texts])
    monkeypatch.setattr(compute, "count_tokens", lambda text: len(text.split()))
    zone = make_zone("kept")
    markers = [f"zq{number}marker" for number in range(3)]
    for marker in markers:
        data.receive_version(
            zone, f"{marker}.md", make_text(marker), media_type="text/markdown", pipeline="test"
        )
    run_until_killed(stage)
    done = stage == "indexed"
    for marker in markers:
        assert found_of(zone.pk, marker) == (SECTIONS if done else 0)
    with data.rights_of_system():
        assert Chunk.objects.count() == Embedding.objects.count() == done * 3 * SECTIONS
    assert ingestion.ingest_waiting(lambda: None) == 0  # while the lease lasts nobody takes them
    make_due()
    assert ingestion.ingest_waiting(lambda: None) == (0 if done else 3)
    for marker in markers:
        assert found_of(zone.pk, marker) == SECTIONS
    with data.rights_of_system():
        assert Document.objects.count() == DocumentVersion.objects.count() == 3
        assert Chunk.objects.count() == Embedding.objects.count() == 3 * SECTIONS
        versions = DocumentVersion.objects.values_list("status", "current", "attempts")
        assert set(versions) == {("indexed", True, 1 if done else 2)}


# -- the running product --------------------------------------------------------------------------

# Asks the product's own search for each marker, over and over, until its input ends; then it says
# how many passages of a marker's document it ever found at once.
OBSERVER = """
import json, sys, threading
from assistants import data
from assistants.models import Zone
from assistants.types import Scope
markers = sys.stdin.readline().split()
scope = Scope((Zone.objects.get(slug="compliance").pk,))
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
vector = [1.0] + [0.0] * 383
seen = {marker: set() for marker in markers}
while True:
    last = ended.is_set()
    for marker in markers:
        found = data.search(scope, None, marker, vector, keyword_weight=1.0, limit=50)
        seen[marker].add(sum(marker in passage.text for passage in found))
    if last:
        break
print(json.dumps({marker: sorted(counts) for marker, counts in seen.items()}))
"""


@contextmanager
def observed(product: Product, markers: list[str]) -> Iterator[dict[str, list[int]]]:
    """How many passages of each marker's document were found at once, at any time meanwhile."""
    seen: dict[str, list[int]] = {}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", OBSERVER],
        cwd=CHECKOUT,
        env=environment(product.state_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(" ".join(markers) + "\n")
    process.stdin.flush()
    try:
        yield seen
        out, _ = process.communicate(timeout=PATIENCE)
        seen |= json.loads(out)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def stored(product) -> Iterator[psycopg.Connection]:
    """The product's database, as the owner of its tables, who is bound by the policies too."""
    url = json.loads((product.state_dir / "services.json").read_text())["MIGRATION_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connected:
        connected.execute("select set_config('hybridapp.system', 'on', false)")
        yield connected


async def upload(product: Product, session: aiohttp.ClientSession, markers: list[str]) -> None:
    async with session.get(product.url + "/documents/") as page:
        assert page.status == 200
    token = session.cookie_jar.filter_cookies(URL(product.url))["csrftoken"].value
    form = aiohttp.FormData({"zone": "compliance", "csrfmiddlewaretoken": token})
    for marker in markers:
        form.add_field("files", make_text(marker), filename=f"{marker}.md")
    headers = {"Accept": "application/json"}
    async with session.post(product.url + "/documents/", data=form, headers=headers) as reply:
        results = (await reply.json())["results"]
    assert [result["outcome"] for result in results] == ["received"] * len(markers)


def rows(stored: psycopg.Connection, markers: list[str]) -> list[tuple[Any, ...]]:
    """(status, attempts) of the markers' versions."""
    return stored.execute(
        "select version.status, version.attempts from assistants_documentversion version "
        "join assistants_document document on document.id = document_id "
        "where origin = any (%s)",
        [[f"{marker}.md" for marker in markers]],
    ).fetchall()


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not in {PATIENCE:.0f} s: {what}"
        time.sleep(0.002)


def kill_worker(product: Product) -> None:
    """Once there is one: it may be on its way back from the last time."""

    def is_there() -> bool:
        return any("ingest@" in command_line(pid) for pid in descendants(product.process.pid))

    wait(is_there, "an ingest worker runs")
    kill(product, "celery", "ingest@")


def check_indexed_once(
    stored: psycopg.Connection, markers: list[str], seen: dict[str, list[int]]
) -> None:
    found = stored.execute(
        "select document.origin, count(distinct version.id), count(*), "
        "count(distinct chunk.position), max(chunk.position) + 1, count(embedding.chunk_id), "
        "bool_and(chunk.current and embedding.current and version.current) "
        "from assistants_document document "
        "join assistants_documentversion version on version.document_id = document.id "
        "join assistants_chunk chunk on chunk.version_id = version.id "
        "left join assistants_embedding embedding on embedding.chunk_id = chunk.id "
        "where origin = any (%s) group by document.origin",
        [[f"{marker}.md" for marker in markers]],
    ).fetchall()
    chunks = found[0][2]  # the texts are alike, but for the marker
    assert chunks >= SECTIONS
    assert sorted(found) == [(f"{marker}.md", 1, *[chunks] * 4, True) for marker in sorted(markers)]
    for marker in markers:
        assert seen[marker] in ([0, chunks], [chunks]), marker


def is_claimed(stored: psycopg.Connection, markers: list[str]) -> bool:
    return any(attempts for _, attempts in rows(stored, markers))


def waits_for(stored: psycopg.Connection, table: str) -> bool:
    found = stored.execute(
        "select exists (select from pg_locks where relation = %s::regclass and not granted)",
        [table],
    ).fetchone()
    assert found
    return bool(found[0])


@pytest.mark.timeout(600)
async def test_the_products_worker_is_killed_at_its_work(product, stored):
    """Just claimed; before it embeds; when it writes the vectors, and the chunks after them; with
    a part of them indexed. Each time others come in meanwhile.
    """
    rounds = [[f"zk{number}n{name}" for name in range(4)] for number in range(5)]
    markers = [marker for names in rounds for marker in names]
    with observed(product, markers) as seen:
        async with signed_in(product, "alice") as session:
            await upload(product, session, rounds[0])
            wait(lambda: is_claimed(stored, rounds[0]), "claimed")
            kill_worker(product)
            for names, table, mode in zip(
                rounds[1:4],
                ("assistants_embeddingmodel", "assistants_embedding", "assistants_chunk"),
                ("access exclusive", "share row exclusive", "share row exclusive"),
                strict=True,
            ):
                with stored.transaction():  # the worker stops where it wants that table
                    stored.execute(f"lock table {table} in {mode} mode")
                    await upload(product, session, names)
                    wait(lambda table=table: waits_for(stored, table), f"{table} is wanted")
                    kill_worker(product)
            await upload(product, session, rounds[4])
            wait(
                lambda: "indexed" in {status for status, _ in rows(stored, markers)},
                "something is indexed",
            )
            kill_worker(product)
        wait(
            lambda: {status for status, _ in rows(stored, markers)} == {"indexed"},
            "everything is indexed",
        )
    check_indexed_once(stored, markers, seen)
    assert max(attempts for _, attempts in rows(stored, markers)) > 1
    product.wait_until_healthy()


@pytest.mark.timeout(600)
async def test_the_broker_is_killed_under_what_waits(product, stored):
    markers = [f"zb{name}n" for name in range(24)]
    with observed(product, markers) as seen:
        async with signed_in(product, "alice") as session:
            await upload(product, session, markers[:12])
            kill(product, "valkey-server")
            await upload(product, session, markers[12:])
        wait(
            lambda: {status for status, _ in rows(stored, markers)} == {"indexed"},
            "everything is indexed",
        )
    check_indexed_once(stored, markers, seen)
    product.wait_until_healthy()
