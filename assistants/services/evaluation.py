"""Measuring the product on somebody's own data. The result is plain figures, 0 to 1.

`retrieval` reads a corpus into a zone that exists only for the measurement and that nobody may
read, asks every query as a user's question is asked, and compares with the judgements.
"""

from __future__ import annotations

import json
import logging
import math
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistants import compute, data
from assistants.exceptions import DocumentRejected, InvalidRequest
from assistants.models import Chunk, Document, DocumentVersion, Zone
from assistants.services.retrieval import embed_texts
from assistants.types import Scope

logger = logging.getLogger(__name__)

DEPTH = 10  # documents that count, of each query
PASSAGES = 64  # looked at for them; several may be of one document
DOCUMENTS_AT_ONCE = 200
MAX_BYTES = 50_000_000  # of one document


@dataclass(frozen=True, slots=True)
class Collection:
    """`judgements` holds, for each query with at least one relevant document, the grades."""

    documents: Sequence[tuple[str, str, str]]  # id, title, text
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


def evaluate_retrieval(
    folder: Path, keyword_weight: float | None = None
) -> dict[str, float | int | None]:
    """`{"ndcg@10", "recall@10", "map@10", "mrr@10", "queries", "documents", …}`.

    nDCG with linear gains; MAP over all relevant documents. A document's score is that of its
    best chunk. A `keyword_weight` of None lets the search choose, as for an assistant that nobody
    has tuned. Raises InvalidRequest for files that cannot be read.
    """
    collection = read_collection(folder)
    started = time.monotonic()
    with _throw_away_zone() as zone:
        names = _index(zone, collection.documents)
        measured = [
            measure(_find(zone, names, query, vector, keyword_weight), judged)
            for query, vector, judged in _questions(collection)
        ]
    figures = {
        name: round(sum(each[name] for each in measured) / len(measured), 4) for name in measured[0]
    }
    return {
        **figures,
        "queries": len(measured),
        "documents": len(names),
        "keyword_weight": keyword_weight,
        "seconds": round(time.monotonic() - started, 1),
    }


def measure(found: Sequence[str], judged: Mapping[str, int]) -> dict[str, float]:
    """The figures of one query: `found` are document ids, best first; grades above 0 are relevant.

    As trec_eval does: gains are the grades, and what was not judged is not relevant.
    """
    grades = [max(0, judged.get(document, 0)) for document in found[:DEPTH]]
    relevant = sum(grade > 0 for grade in judged.values())
    ideal = _gain(sorted((grade for grade in judged.values() if grade > 0), reverse=True)[:DEPTH])
    hits = [rank for rank, grade in enumerate(grades, start=1) if grade]
    return {
        "ndcg@10": _gain(grades) / ideal if ideal else 0.0,
        "recall@10": len(hits) / relevant if relevant else 0.0,
        "map@10": sum(n / rank for n, rank in enumerate(hits, start=1)) / relevant
        if relevant
        else 0.0,
        "mrr@10": 1 / hits[0] if hits else 0.0,
    }


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


# -- reading --------------------------------------------------------------------------------------


def read_collection(folder: Path) -> Collection:
    """From `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`. Raises InvalidRequest."""
    documents = [
        (_text(record, "id"), str(record.get("title") or ""), _text(record, "text"))
        for record in _records(folder / "corpus.jsonl")
    ]
    return replace(read_queries(folder, {name for name, _, _ in documents}), documents=documents)


def read_queries(folder: Path, known: Set[str]) -> Collection:
    """From `queries.jsonl` and `qrels.tsv`, about documents that are `known`, without them."""
    queries = {
        _text(record, "id"): _text(record, "text") for record in _records(folder / "queries.jsonl")
    }
    judgements: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines(folder / "qrels.tsv"), start=1):
        fields = line.rstrip("\n").split("\t")
        if number == 1 or not line.strip():
            continue  # the header
        try:
            query, document, grade = fields[0], fields[1], int(float(fields[2]))
        except (IndexError, ValueError, OverflowError):
            raise InvalidRequest(
                user_message=f"qrels.tsv, line {number}: expected query, document and grade, "
                "separated by tabs."
            ) from None
        if query in queries and document in known:
            judgements.setdefault(query, {})[document] = grade
    judgements = {query: judged for query, judged in judgements.items() if max(judged.values()) > 0}
    if not judgements:
        raise InvalidRequest(
            user_message=f"{folder}: no query has a relevant document; check the ids in qrels.tsv."
        )
    return Collection((), queries, judgements)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or "id" not in record or "text" not in record:
            raise InvalidRequest(
                user_message=f"{path.name}, line {number}: expected a JSON object with id and text."
            )
        yield record


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(user_message=f"{path} cannot be read: {error}.") from error


def _text(record: Mapping[str, Any], field: str) -> str:
    return str(record[field])


# -- indexing and asking --------------------------------------------------------------------------


@contextmanager
def _throw_away_zone() -> Iterator[Zone]:
    """A zone without readers, closed to every cloud; removed with all it holds."""
    zone = Zone.objects.create(
        slug=f"evaluation-{uuid.uuid4().hex[:12]}", name="Evaluation (thrown away)"
    )
    try:
        yield zone
    finally:
        with data.rights_of_system():
            for model in (Chunk, DocumentVersion, Document):
                model._default_manager.filter(zone=zone).delete()
            zone.delete()


def _index(zone: Zone, documents: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Every document, searchable; the ids they had, by their new ones."""
    names: dict[str, str] = {}
    for start in range(0, len(documents), DOCUMENTS_AT_ONCE):
        prepared = []
        for name, title, text in documents[start : start + DOCUMENTS_AT_ONCE]:
            content = text.encode()
            try:
                parsed = data.parse_document(f"{name}.txt", content, MAX_BYTES)
            except DocumentRejected as error:  # an empty text, for example: it is never found
                logger.info("not indexed: %s", error)
                continue
            parsed = replace(parsed, title=title[:300])
            chunks = data.chunk_document(parsed, compute.count_tokens)
            prepared.append((name, content, parsed, chunks))
        model = data.get_embedding_spec()
        texts = [chunk.embedded for *_, chunks in prepared for chunk in chunks]
        vectors = iter(embed_texts(texts, model))
        for name, content, parsed, chunks in prepared:
            version = data.receive_version(
                zone, name[-500:], content, media_type=parsed.media_type, pipeline="evaluation"
            )
            own = [next(vectors) for _ in chunks]
            data.index_version(version.pk, parsed, chunks, own, pipeline="evaluation")
            names[str(version.document_id)] = name
    return names


def _questions(
    collection: Collection,
) -> Iterator[tuple[str, Sequence[float], Mapping[str, int]]]:
    queries = list(collection.judgements)
    vectors = embed_texts(
        [collection.queries[query] for query in queries], data.get_embedding_spec()
    )
    for query, vector in zip(queries, vectors, strict=True):
        yield collection.queries[query], vector, collection.judgements[query]


def _find(
    zone: Zone,
    names: Mapping[str, str],
    query: str,
    vector: Sequence[float],
    keyword_weight: float | None,
) -> list[str]:
    """Ids of documents, best first."""
    passages = data.search(
        Scope((zone.pk,)), None, query, vector, keyword_weight=keyword_weight, limit=PASSAGES
    )
    return list(dict.fromkeys(names[passage.document_id] for passage in passages))
