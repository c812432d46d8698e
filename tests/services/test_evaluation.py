from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from assistants import compute
from assistants.exceptions import InvalidRequest
from assistants.models import Chunk, Document, Zone
from assistants.services import evaluation
from tests.factories import unit_vector

CORPUS = [
    {"id": "a", "title": "Gifts", "text": "The gift limit is 50 euro.", "other": 1},
    {"id": "b", "title": "Badges", "text": "A badge is kept for three days."},
    {"id": "c", "title": "", "text": "Parking is free on Sundays."},
    {"id": "empty", "title": "", "text": ""},
]
QUERIES = [
    {"id": "q1", "text": "gift limit"},
    {"id": "q2", "text": "badge days"},
    {"id": "q3", "text": "not judged"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tc\t0\nq2\tb\t1\nq2\tgone\t1\nq3\tc\t0\n"


@pytest.fixture
def folder(tmp_path):
    for name, records in (("corpus", CORPUS), ("queries", QUERIES)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / f"{name}.jsonl").write_text(lines)
    (tmp_path / "qrels.tsv").write_text(QRELS)
    return tmp_path


@pytest.fixture
def alike(monkeypatch):
    """Every text has the same embedding: only words decide."""
    monkeypatch.setattr(compute, "embed_texts", lambda texts: [unit_vector(0) for _ in texts])


def left_over():
    from assistants import data

    with data.rights_of_system():
        return [model.objects.count() for model in (Zone, Document, Chunk)]


def test_the_command_prints_one_object_last_and_leaves_nothing(db, folder, alike):
    out = StringIO()
    call_command("evaluate", "retrieval", str(folder), "--keyword-weight", "0.5", stdout=out)
    figures = json.loads(out.getvalue().splitlines()[-1])
    assert figures.pop("seconds") >= 0
    assert figures == {
        "ndcg@10": 1.0,
        "recall@10": 1.0,
        "map@10": 1.0,
        "mrr@10": 1.0,
        "queries": 2,
        "documents": 3,
        "keyword_weight": 0.5,
    }
    assert left_over() == [0, 0, 0]


def test_the_zone_is_removed_after_a_failure_too(db, folder, alike, monkeypatch):
    def fail(*args, **kwargs):
        assert left_over()[0] == 1
        raise RuntimeError("the database went away")

    monkeypatch.setattr(evaluation, "_find", fail)
    with pytest.raises(RuntimeError):
        evaluation.evaluate_retrieval(folder, 0.2)
    assert left_over() == [0, 0, 0]


def test_a_document_counts_once_by_its_best_chunk(db, folder, alike):
    long = "\n\n".join(f"Paragraph {n} tells of gifts and limits. " * 12 for n in range(30))
    (folder / "corpus.jsonl").write_text(
        json.dumps({"id": "a", "title": "Long", "text": long})
        + "\n"
        + json.dumps({"id": "b", "title": "Short", "text": "A badge."})
        + "\n"
    )
    figures = evaluation.evaluate_retrieval(folder, 1.0)
    assert figures["mrr@10"] == 1.0
    assert figures["documents"] == 2


def test_the_figures():
    judged = {"a": 2, "b": 1, "c": 1, "d": 0}
    figures = evaluation.measure(["x", "a", "d", "b"], judged)
    # gains 2 at rank 2 and 1 at rank 4, of at best 2, 1, 1 at ranks 1 to 3
    assert figures["ndcg@10"] == pytest.approx(
        (2 / 1.58496 + 1 / 2.32193) / (2 + 1 / 1.58496 + 0.5)
    )
    assert figures["recall@10"] == pytest.approx(2 / 3)
    assert figures["map@10"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert figures["mrr@10"] == 0.5
    assert set(evaluation.measure([], judged).values()) == {0.0}
    eleventh = [*"0123456789", "a"]
    assert set(evaluation.measure(eleventh, judged).values()) == {0.0}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", '{"id": "a", "text": "x"}\n{broken\n', "corpus.jsonl, line 2"),
        ("queries.jsonl", '{"id": "q1"}\n', "queries.jsonl, line 1"),
        ("qrels.tsv", "query\tdocument\tgrade\nq1 a 1\n", "qrels.tsv, line 2"),
        ("qrels.tsv", "query\tdocument\tgrade\nq9\ta\t1\n", "no query has a relevant document"),
        ("corpus.jsonl", "\udcff", "cannot be read"),
        ("queries.jsonl", None, "cannot be read"),
    ],
)
def test_bad_files_are_named(folder, file, content, message):
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidRequest) as caught:
        evaluation.read_collection(folder)
    assert message in caught.value.user_message


def test_a_weight_outside_0_to_1_is_refused(folder):
    with pytest.raises(CommandError):
        call_command("evaluate", "retrieval", str(folder), "--keyword-weight", "1.5")
