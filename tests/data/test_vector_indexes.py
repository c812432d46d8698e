"""When the graph of vectors is built, and what is found before, meanwhile and after."""

from __future__ import annotations

import importlib
import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from assistants import data
from assistants.data import vector_indexes
from assistants.models import EmbeddingModel
from assistants.services import reembedding
from assistants.types import Scope
from tests.factories import make_document, make_zone, unit_vector

searching = importlib.import_module("assistants.data.search")  # the name is the function's
GRAPH = "embedding_model_1"


@pytest.fixture
def zone(transactional_db, monkeypatch):
    """Four chunks, each in a direction of its own, that are enough for a graph and to ask it."""
    zone = make_zone("large")
    for number in range(4):
        make_document(zone, f"Text {number}.", vector=unit_vector(number))
    monkeypatch.setattr(searching, "READ_THROUGH", 0)
    monkeypatch.setattr(searching, "is_scanned", lambda chunks, total: False)
    monkeypatch.setattr(vector_indexes, "EXACT_UP_TO", 3)
    yield zone
    with data.as_owner(), connection.cursor() as cursor:
        cursor.execute(f"drop index if exists {GRAPH}")


def ask(zone, number):
    """The text that is nearest, and whether the graph was asked for it."""
    with CaptureQueriesContext(connection) as queries:
        found = data.search(
            Scope((zone.pk,)), None, "", unit_vector(number), keyword_weight=0.0, limit=1
        )
    asked = [query["sql"] for query in queries if "halfvec_send" in query["sql"]]
    return found[0].text, ["halfvec(384) <=>" in sql for sql in asked] == [True]


def test_it_is_due_once_no_scan_is_sure_to_be_quick(zone):
    assert reembedding.build_graph_if_due()
    assert not reembedding.build_graph_if_due()
    with connection.cursor() as cursor:
        cursor.execute("select indexdef from pg_indexes where indexname = %s", [GRAPH])
        (definition,) = cursor.fetchone()
    # As `create_model_indexes` makes it.
    model = EmbeddingModel.objects.get()
    _, _, made = vector_indexes.GRAPH.format(model=model.pk, dimensions=384).partition("using")
    simple = str.maketrans("", "", " '\n()")
    for part in ("halfvec(384)", "halfvec_cosine_ops", "m = 16, ef_construction = 128"):
        assert part.translate(simple) in definition.translate(simple)
        assert part.translate(simple) in made.translate(simple)


def test_it_is_not_due_for_less(zone, monkeypatch):
    monkeypatch.setattr(vector_indexes, "EXACT_UP_TO", 4)
    assert not reembedding.build_graph_if_due()
    assert ask(zone, 2) == ("Text 2.", False)


def test_searches_are_right_before_during_and_after(zone):
    """Who searches never waits; who stores does, and is found by the graph as well."""
    built, stored, commit = threading.Event(), threading.Event(), threading.Event()

    def build():
        try:
            with transaction.atomic():
                assert data.build_graph(1)
                built.set()
                assert commit.wait(30)
        finally:
            built.set()
            connection.close()

    def store():
        try:
            make_document(zone, "Text 4.", vector=unit_vector(4))
            stored.set()
        finally:
            connection.close()

    def waits():
        with connection.cursor() as cursor:
            cursor.execute(
                "select exists (select from pg_locks where not granted "
                "and relation = 'assistants_embedding'::regclass)"
            )
            return cursor.fetchone()[0]

    assert ask(zone, 2) == ("Text 2.", False)
    building, storing = threading.Thread(target=build), threading.Thread(target=store)
    building.start()
    assert built.wait(30)
    storing.start()
    while not waits():
        assert storing.is_alive()
    assert ask(zone, 2) == ("Text 2.", False)
    assert not data.build_graph(1)  # one is at it
    assert not stored.is_set()
    commit.set()
    building.join(30)
    storing.join(30)
    assert stored.is_set()
    assert ask(zone, 2) == ("Text 2.", True)
    assert ask(zone, 4) == ("Text 4.", True)


def test_another_model_has_a_graph_from_the_start_where_there_are_chunks_enough(zone, monkeypatch):
    other = EmbeddingModel.objects.create(name="other", dimensions=4)
    names = {f"embedding_zone_{other.pk}"}
    try:
        for enough in (4, 3):
            monkeypatch.setattr(vector_indexes, "EXACT_UP_TO", enough)
            data.create_model_indexes(other)
            with connection.cursor() as cursor:
                cursor.execute(
                    "select indexname from pg_indexes where indexname like %s",
                    [f"embedding\\_%\\_{other.pk}"],
                )
                assert {name for (name,) in cursor.fetchall()} == names
            names.add(f"embedding_model_{other.pk}")
    finally:
        vector_indexes.drop_model_indexes(other)
