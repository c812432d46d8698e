"""How fast and how good the search is.

    python -m benchmarks.retrieval [--chunks 100000]

Speed: each chunk joins a real text with half of another, and its vector is drawn around the same
mixture of their embeddings. Zones of 0.1 %, 1 %, 10 % and the rest are asked under scopes that
admit so much; recall of the vector side is against an exact scan.

Quality: nDCG@10 and recall@10 on public collections (EVALS_DIR), beside each side alone and
reciprocal rank fusion (k = 60) of the same two rankings.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import database

CHECKOUT = Path(__file__).resolve().parent.parent
EVALS_DIR = Path(os.environ.get("EVALS_DIR") or CHECKOUT.parent / "shared" / "evals")
COLLECTIONS = {"cosqa": 0.1, "liveqa_med_nih": 0.3}  # with the departments' weights
SHARES = {"tiny": 0.001, "small": 0.01, "middle": 0.1}  # the rest is in eight more zones
SPREAD = 0.3  # length of the noise added to a vector of length 1
QUERIES = 100
WARM_UP = 10
KEYWORD_WEIGHT = 0.2


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.retrieval")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--only", choices=["speed", "quality"])
    options = parser.parse_args(argv)
    database.start()
    if options.only != "quality":
        measure_speed(options.chunks)
    if options.only != "speed":
        measure_quality()


# -- speed ----------------------------------------------------------------------------------------


def measure_speed(chunks: int) -> None:
    from assistants import compute, data
    from assistants.types import Scope

    texts = _demo_texts()
    random = np.random.default_rng(7)
    vectors = np.array(compute.embed_texts(texts), dtype=np.float32)
    started = time.monotonic()
    zones = _fill(texts, vectors, chunks, random)
    print(f"{chunks:,} chunks from {len(texts)} texts in {len(zones)} zones, filled and indexed in "
          f"{time.monotonic() - started:.0f} s")  # fmt: skip
    questions = [_question(texts[n], random) for n in random.integers(len(texts), size=QUERIES)]
    asked = np.array(compute.embed_texts(questions), dtype=np.float32)
    print(f"\n{'in scope':>10} {'chunks':>8} {'p50 ms':>8} {'p95 ms':>8} {'recall@10':>10}")
    scopes = {f"{share:.1%}": [zones[name]] for name, share in SHARES.items()}
    scopes["100.0%"] = list(zones.values())
    for label, ids in scopes.items():
        scope = Scope(tuple(ids))
        times = []
        for number, (question, vector) in enumerate(zip(questions, asked.tolist(), strict=True)):
            begun = time.perf_counter()
            found = data.search(scope, None, question, vector, keyword_weight=KEYWORD_WEIGHT)
            if number >= WARM_UP:
                times.append((time.perf_counter() - begun) * 1000)
            assert found
        recall = statistics.mean(_recall(scope, vector) for vector in asked.tolist()[:40])
        p50, p95 = np.percentile(times, [50, 95])
        print(
            f"{label:>10} {_count(scope):>8,} {p50:>8.1f} {p95:>8.1f} {recall:>10.3f}", flush=True
        )


def _demo_texts() -> list[str]:
    """Pieces of the demo documents, of a chunk's usual length."""
    texts = []
    for path in sorted((CHECKOUT / "assistants" / "demo" / "documents").rglob("*")):
        if path.is_file():
            words = path.read_text(errors="replace").split()
            texts += [" ".join(words[at : at + 120]) for at in range(0, len(words), 120)]
    return texts


def _question(text: str, random: np.random.Generator) -> str:
    """Eight neighbouring words of a text."""
    words = text.split()
    at = int(random.integers(max(1, len(words) - 8)))
    return " ".join(words[at : at + 8])


def _fill(
    texts: Sequence[str], vectors: np.ndarray, chunks: int, random: np.random.Generator
) -> dict[str, int]:
    """Zone ids by name. The vector index is built when the rows are there, as for a restore."""
    from django.db import connection

    from assistants import data
    from assistants.models import Document, DocumentVersion, Zone

    names = [*SHARES, *(f"large-{number}" for number in range(8))]
    rest = (1 - sum(SHARES.values())) / 8
    zones = {name: Zone.objects.create(slug=name, name=name).pk for name in names}
    versions = {}
    chosen = random.choice(len(names), p=[*SHARES.values(), *[rest] * 8], size=chunks)
    with data.rights_of_system(), connection.cursor() as cursor:
        for name, zone in zones.items():
            document = Document.objects.create(zone_id=zone, title=name, origin=name)
            version = DocumentVersion.objects.create(
                document=document, zone_id=zone, number=1, sha256="", media_type="text/plain",
                size=0, status="indexed", current=True,
            )  # fmt: skip
            versions[name] = version.pk
        cursor.execute("drop index embedding_model_1; drop index chunk_search")
        cursor.execute(
            "create temporary table piece (id uuid, position int, text text, "
            "embedding halfvec(384), version_id uuid, zone_id bigint)"
        )
        with cursor.copy("copy piece from stdin") as copy:
            for position, number in enumerate(chosen):
                copy.write_row(
                    _piece(position, names[number], zones, versions, texts, vectors, random)
                )
        cursor.execute(
            'insert into assistants_chunk (id, position, section, text, start, "end", current, '
            "version_id, zone_id, search) select id, position, '', text, 0, length(text), true, "
            "version_id, zone_id, to_tsvector('english', text) from piece"
        )
        cursor.execute(
            "insert into assistants_embedding (chunk_id, model_id, zone_id, current, vector) "
            "select id, 1, zone_id, true, embedding from piece"
        )
        cursor.execute("drop table piece")
        # The foreign keys are checked now, or the indexes cannot be made in this transaction.
        cursor.execute("set constraints all immediate")
        cursor.execute(
            "create index chunk_search on assistants_chunk using gin (search) where current"
        )
        cursor.execute(
            importlib.import_module("assistants.migrations.0005_data_plane_locks").VECTOR_INDEX
        )
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze assistants_chunk, assistants_embedding, assistants_lexeme")
    return zones


def _piece(
    position: int,
    name: str,
    zones: Mapping[str, int],
    versions: Mapping[str, uuid.UUID],
    texts: Sequence[str],
    vectors: np.ndarray,
    random: np.random.Generator,
) -> tuple[object, ...]:
    """One text with half of another, and a vector near that of both together."""
    one, other = random.integers(len(texts), size=2)
    vector = vectors[one] + vectors[other] / 2
    vector /= np.linalg.norm(vector)
    vector += random.normal(0, SPREAD / np.sqrt(384), 384)
    vector /= np.linalg.norm(vector)
    text = f"{texts[one]} {texts[other][: len(texts[other]) // 2]} Copy {position}."
    literal = "[" + ",".join(f"{number:.4f}" for number in vector) + "]"
    return uuid.uuid4(), position, text, literal, versions[name], zones[name]


def _recall(scope: Any, vector: Sequence[float]) -> float:
    """Of the ten nearest by an exact scan, the share that the product's vector side takes up."""
    from django.db import connection

    from assistants import data

    searching = importlib.import_module("assistants.data.search")
    literal = "[" + ",".join(f"{number:.6f}" for number in vector) + "]"
    with data.rights_of(scope):
        with connection.cursor() as cursor:
            cursor.execute(
                "select chunk_id from assistants_embedding where zone_id = any (%s) "
                "order by (vector <=> %s::halfvec) + 0 limit 10",
                [list(scope.zone_ids), literal],
            )
            nearest = {str(row[0]) for row in cursor.fetchall()}
        statistics_ = importlib.import_module("assistants.data.lexemes").get_statistics(
            scope.zone_ids, ""
        )
        taken = searching._get_candidates(scope.zone_ids, statistics_, vector)
    return len(nearest & {candidate.passage.chunk_id for candidate in taken}) / len(nearest)


def _count(scope: Any) -> int:
    from assistants import data
    from assistants.models import Chunk

    with data.rights_of(scope):
        return Chunk.objects.filter(zone_id__in=scope.zone_ids).count()


# -- quality --------------------------------------------------------------------------------------


def measure_quality() -> None:
    from assistants.services import evaluation

    print(f"\n{'collection':>16} {'ranking':>10} {'weight':>7} {'nDCG@10':>8} {'recall@10':>10}")
    for name, weight in COLLECTIONS.items():
        folder = EVALS_DIR / "rag" / name
        if not folder.is_dir():
            print(f"{name:>16} not measured: there is no {folder} (set EVALS_DIR)")
            continue
        collection = evaluation.read_collection(folder)
        with _zone(collection) as (zone, names):
            questions = list(evaluation._questions(collection))
            rankings: dict[tuple[str, str], list[list[str]]] = {}
            for label, share in (("vectors", 0.0), ("keywords", 1.0), ("hybrid", weight)):
                rankings[label, f"{share:g}"] = [
                    evaluation._find(zone, names, query, vector, share)
                    for query, vector, _ in questions
                ]
            rankings["RRF", "-"] = [
                _fused(one, other)
                for one, other in zip(
                    rankings["vectors", "0"], rankings["keywords", "1"], strict=True
                )
            ]
        for (label, used), found in rankings.items():
            measured = [
                evaluation.measure(documents, judged)
                for documents, (_, _, judged) in zip(found, questions, strict=True)
            ]
            ndcg, recall = (
                statistics.mean(each[figure] for each in measured)
                for figure in ("ndcg@10", "recall@10")
            )
            print(f"{name:>16} {label:>10} {used:>7} {ndcg:>8.3f} {recall:>10.3f}", flush=True)


@contextmanager
def _zone(collection: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    from assistants.services import evaluation

    with evaluation._throw_away_zone() as zone:
        yield zone, evaluation._index(zone, collection.documents)


def _fused(*rankings: Sequence[str]) -> list[str]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, document in enumerate(ranking, start=1):
            scores[document] = scores.get(document, 0.0) + 1 / (60 + rank)
    return sorted(scores, key=lambda document: -scores[document])


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
