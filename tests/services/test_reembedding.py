from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections

from assistants import compute, data
from assistants.exceptions import EmbeddingModelChanged
from assistants.models import AuditEvent, Embedding, EmbeddingModel
from assistants.services import reembedding, retrieval
from benchmarks.product import CHECKOUT
from tests.factories import make_document
from tests.inference import embeddings, serve

pytestmark = pytest.mark.django_db(transaction=True)

TOPICS = ["gifts", "leave", "badges"]


def embed_as(model: str):
    """Each topic has a direction of its own, another with each model; `tiny` has four of them."""
    dimensions, first = {"one": (384, 0), "other": (384, 100), "tiny": (4, 1)}[model]

    def embed(text: str) -> list[float]:
        vector = [0.0] * dimensions
        topic = next((n for n, topic in enumerate(TOPICS) if topic in text.lower()), 0)
        vector[first + topic if model != "tiny" else topic] = 1.0
        return vector

    return embed


def answer(path, body, headers):
    return embeddings(body, embed_as(body["model"]))


@pytest.fixture
def endpoint():
    with serve(answer) as url:
        yield url
    with data.as_owner(), connection.cursor() as cursor:
        for model in EmbeddingModel.objects.exclude(pk=1):
            cursor.execute(
                f"drop index if exists embedding_model_{model.pk}, embedding_zone_{model.pk}"
            )


@pytest.fixture
def documents(cast):
    return [
        make_document(cast.zones.compliance, f"About {topic}, part {number}.", title="Rules")
        for number in range(3)
        for topic in TOPICS
    ]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("reembed", *arguments, stdout=out)
    return out.getvalue()


def ask(cast, topic: str):
    scope = data.get_scope(cast.alice)
    assistant = cast.alice.groups.get().assistants.get()
    return retrieval.find_passages(
        assistant, scope, [cast.zones.compliance.pk], f"What about {topic} is known?"
    ).passages


def counts():
    with data.rights_of_system():
        return {
            model.name: Embedding.objects.filter(model=model).count()
            for model in EmbeddingModel.objects.all()
        }


def test_another_model_of_other_dimensions_takes_over(cast, documents, endpoint):
    out = run("--model", "tiny", "--base-url", endpoint)
    assert "9 chunks embedded" in out
    active = EmbeddingModel.objects.get(state="active")
    assert (active.name, active.dimensions, active.base_url) == ("tiny", 4, endpoint)
    assert active.activated is not None
    for topic in TOPICS:
        found = ask(cast, topic)
        assert {p.text.split(",")[0] for p in found} == {f"About {topic}"}
        assert all(passage.evidence.cosine == pytest.approx(1) for passage in found)
    assert AuditEvent.objects.filter(action="embeddings.switched").count() == 1
    with connection.cursor() as cursor:
        cursor.execute(
            "select indexdef from pg_indexes where indexname = %s", [f"embedding_zone_{active.pk}"]
        )
        assert "INCLUDE (chunk_id, vector)" in cursor.fetchone()[0]


def test_the_old_one_stays_until_it_is_dropped(documents, endpoint):
    old = EmbeddingModel.objects.get()
    run("--model", "one", "--base-url", endpoint)
    assert counts() == {old.name: 9, "one": 9}
    assert EmbeddingModel.objects.get(pk=old.pk).state == "retired"
    out = run("--drop-retired")
    assert old.name in out
    assert counts() == {"one": 9}
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('embedding_zone_1')")
        assert cursor.fetchone() == (None,)
    with data.as_owner(), connection.cursor() as cursor:  # for the tests after this
        cursor.execute(
            "create index embedding_zone_1 on assistants_embedding (zone_id) "
            "include (chunk_id, vector) where current and model_id = 1"
        )


def test_what_was_interrupted_goes_on(documents, endpoint, monkeypatch):
    monkeypatch.setattr(reembedding, "AT_ONCE", 4)
    fill = data.fill_model
    calls = []

    def fail_second(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        fill(*args)

    monkeypatch.setattr(data, "fill_model", fail_second)
    with pytest.raises(KeyboardInterrupt):
        run("--model", "one", "--base-url", endpoint)
    assert counts()["one"] == 4
    assert EmbeddingModel.objects.get(state="active").name != "one"
    run("--model", "one", "--base-url", endpoint)
    assert counts()["one"] == 9
    assert [len(vectors) for _, vectors in calls] == [4, 4, 4, 1]


def test_what_cannot_be_is_told(documents, endpoint):
    for arguments, told in (
        (["--model", "unknown"], "--base-url"),
        (["--model", "one", "--base-url", "http://93.184.216.34/v1"], "premises"),
        (["--model", "one", "--base-url", "http://127.0.0.1:9/v1"], "cannot be reached|try again"),
    ):
        with pytest.raises(CommandError, match=told):
            run(*arguments)
    run("--model", "one", "--base-url", endpoint)
    with pytest.raises(CommandError, match="active model already"):
        run("--model", "one", "--base-url", endpoint)
    run("--model", "tiny", "--base-url", endpoint)
    with pytest.raises(CommandError, match="retired"):
        run("--model", "one", "--base-url", endpoint)


def test_vectors_of_the_model_before_are_not_stored_as_the_new_ones(cast, endpoint, monkeypatch):
    """A document that was embedded before the switch and is indexed after it."""
    parsed = data.parse_document("a.txt", b"About gifts.", 1000)
    chunks = data.chunk_document(parsed)
    version = data.receive_version(
        cast.zones.compliance, "a.txt", b"About gifts.", media_type="text/plain", pipeline="1"
    )
    before = data.get_embedding_spec()
    run("--model", "one", "--base-url", endpoint)
    late = data.ReadyVersion(
        version.pk, parsed, chunks, [[1.0] + [0.0] * 383], model_id=before.model_id
    )
    with pytest.raises(EmbeddingModelChanged):
        data.index_versions([late], pipeline="1")
    assert counts() == {before.name: 0, "one": 0}


def test_no_search_mixes_models_while_people_ask_and_documents_come(cast, documents, endpoint):
    """Two models of equal dimensions: a mixture would not fail, it would find nonsense."""
    run("--model", "one", "--base-url", endpoint)
    used: set[int] = set()
    failures: list[BaseException] = []
    ended, asked_once = threading.Event(), threading.Event()

    def ask_on() -> None:
        try:
            number = 0
            while not ended.is_set() or not number:
                topic = TOPICS[number % 3]
                used.add(data.get_embedding_spec().model_id)
                passages = ask(cast, topic)
                assert passages
                assert all(p.evidence.cosine > 0.99 for p in passages), topic
                number += 1
                asked_once.set()
        except BaseException as failure:
            failures.append(failure)
            asked_once.set()
        finally:
            connections.close_all()

    def ingest_on() -> None:
        try:
            number = 0
            while not ended.is_set():
                text = f"About gifts, late part {number}."
                ingest(cast.zones.compliance, f"late-{number}.txt", text)
                number += 1
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=target) for target in (ask_on, ask_on, ingest_on)]
    for thread in threads:
        thread.start()
    try:
        asked_once.wait(20)
        # in a process of its own: it connects as the owner
        done = subprocess.run(
            [sys.executable, "manage.py", "reembed", "--model", "other", "--base-url", endpoint],
            cwd=CHECKOUT, env={**os.environ, **database_urls()}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        before = len(used)
        ask(cast, "gifts")
        assert before >= 1
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert failures == []
    active = EmbeddingModel.objects.get(state="active")
    assert active.name == "other"
    assert all(p.evidence.cosine > 0.99 for p in ask(cast, "badges"))
    assert counts()["other"] >= 9
    assert data.list_without(active.pk, 10) == []


def ingest(zone, origin: str, text: str) -> None:
    """As the pipeline does: embedded by the model of the moment, again if that has changed."""
    parsed = data.parse_document(origin, text.encode(), 10_000)
    version = data.receive_version(
        zone, origin, text.encode(), media_type="text/plain", pipeline="1"
    )
    while True:
        model = data.get_embedding_spec()
        chunks = data.chunk_document(parsed)
        vectors = retrieval.embed_texts([chunk.embedded for chunk in chunks], model)
        ready = data.ReadyVersion(version.pk, parsed, chunks, vectors, model_id=model.model_id)
        try:
            data.index_versions([ready], pipeline="1")
        except EmbeddingModelChanged:
            continue
        return


def database_urls() -> dict[str, str]:
    name = connection.settings_dict["NAME"]

    def url(who: Mapping[str, Any]) -> str:
        word = quote(str(who["PASSWORD"] or ""), safe="")
        return f"postgres://{who['USER']}:{word}@{quote(str(who['HOST']), safe='')}/{name}"

    return {
        "DATABASE_URL": url(settings.APP_DATABASE),
        "MIGRATION_DATABASE_URL": url(settings.OWNER_DATABASE),
    }


def test_the_model_in_this_process_can_be_taken_again(documents, endpoint):
    run("--model", "tiny", "--base-url", endpoint)
    run("--model", compute.EMBEDDING_MODEL, "--revision", "again")
    assert EmbeddingModel.objects.get(state="active").dimensions == 384
