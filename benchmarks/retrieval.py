"""How fast and how good the search is.

    python -m benchmarks.retrieval [--chunks 100000 1000000] [--minutes 60] [--evals FOLDER]

Speed: each chunk joins a real text with half of another, and its vector is drawn around the same
mixture of their embeddings. Zones of 0.1 %, 1 %, 10 % and the rest are asked under scopes that
admit so much, one after the other; `cpu` is the processor's time a question, here and in the
database, which a busy machine changes least. Recall of the vector side is against an exact scan. A
million chunks take a quarter of an hour to index on two cores to themselves, and are given up after
`--minutes`.

Quality: nDCG@10 and recall@10 on public collections (`--evals` or EVALS_DIR), from each side alone
and reciprocal rank fusion (k = 60) of the same two rankings to all that the search does, part by
part.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks import database

CHECKOUT = Path(__file__).resolve().parent.parent
EVALS_DIR = Path(os.environ.get("EVALS_DIR") or CHECKOUT.parent / "shared" / "evals")
COLLECTIONS = ("liveqa_med_nih", "cosqa", "pubmedqa_l")
SHARES = {"tiny": 0.001, "small": 0.01, "middle": 0.1}  # the rest is in eight more zones
SPREAD = 0.3  # length of the noise added to a vector of length 1
QUERIES = 100
WARM_UP = 10
KEYWORD_WEIGHT = 0.2


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.retrieval")
    parser.add_argument("--chunks", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--minutes", type=float, default=60, help="the most for one size")
    parser.add_argument("--evals", type=Path, default=EVALS_DIR)
    parser.add_argument("--only", choices=["speed", "quality"])
    options = parser.parse_args(argv)
    database.start()
    if options.only != "speed":
        measure_quality(options.evals)
    if options.only != "quality":
        for chunks in options.chunks:
            measure_speed(chunks, options.minutes)


# -- speed ----------------------------------------------------------------------------------------


def measure_speed(chunks: int, minutes: float) -> None:
    from django.db import OperationalError

    from assistants import compute, data

    texts = _demo_texts()
    random = np.random.default_rng(7)
    vectors = np.array(compute.embed_texts(texts), dtype=np.float32)
    started = time.monotonic()
    print(f"\n{chunks:,} chunks from {len(texts)} texts", flush=True)
    try:
        with data.as_owner():  # indexes come and go; what is measured runs as the app's role
            zones = _fill(texts, vectors, chunks, random)
            _say(started, f"filled {len(zones)} zones")
            _index(started, minutes)
    except OperationalError as error:
        print(f"  not measured: {error}".strip(), flush=True)
        return
    _say(started, "indexed")
    questions = [_question(texts[n], random) for n in random.integers(len(texts), size=QUERIES)]
    asked = np.array(compute.embed_texts(questions), dtype=np.float32)
    _ask(zones, questions, asked)


def _ask(zones: Mapping[str, int], questions: Sequence[str], asked: np.ndarray) -> None:
    from assistants import data
    from assistants.types import Scope

    scopes = {f"{share:.1%}": [zones[name]] for name, share in SHARES.items()}
    scopes["100.0%"] = list(zones.values())
    print(
        f"\n{'in scope':>10} {'chunks':>9} {'p50 ms':>8} {'p95 ms':>8} {'cpu ms':>8} "
        f"{'recall@10':>10}"
    )
    for label, ids in scopes.items():
        scope = Scope(tuple(ids))
        times = []
        before = database.Cost.now()
        for number, (question, vector) in enumerate(zip(questions, asked.tolist(), strict=True)):
            if number == WARM_UP:
                before = database.Cost.now()
            begun = time.perf_counter()
            found = data.search(scope, None, question, vector, keyword_weight=KEYWORD_WEIGHT)
            if number >= WARM_UP:
                times.append((time.perf_counter() - begun) * 1000)
            assert found
        after = database.Cost.now()
        used = after.own + after.database - before.own - before.database
        recall = statistics.mean(_recall(scope, vector) for vector in asked.tolist()[:40])
        p50, p95 = np.percentile(times, [50, 95])
        print(
            f"{label:>10} {_count(scope):>9,} {p50:>8.1f} {p95:>8.1f} "
            f"{used / len(times) * 1000:>8.1f} {recall:>10.3f}",
            flush=True,
        )


def _say(started: float, what: str) -> None:
    print(f"  {time.monotonic() - started:6.0f} s  {what}", flush=True)


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
    """Zone ids by name. What was there before is gone; so are the large indexes."""
    from django.db import connection
    from django.utils import timezone

    from assistants import data
    from assistants.models import Document, DocumentVersion, Zone

    names = [*SHARES, *(f"large-{number}" for number in range(8))]
    rest = (1 - sum(SHARES.values())) / 8
    with connection.cursor() as cursor:
        cursor.execute(
            "truncate assistants_chunk, assistants_embedding, assistants_lexeme, assistants_zone "
            "cascade"
        )
    zones = {name: Zone.objects.create(slug=name, name=name).pk for name in names}
    versions = {}
    with data.rights_of_system(), connection.cursor() as cursor:
        for name, zone in zones.items():
            document = Document.objects.create(zone_id=zone, title=name, origin=name)
            versions[name] = DocumentVersion.objects.create(
                document=document, zone_id=zone, number=1, sha256="", media_type="text/plain",
                size=0, status="indexed", current=True, valid_from=timezone.now(),
            ).pk  # fmt: skip
        for statement in _unguarded(cursor):
            cursor.execute(statement)
        cursor.execute(
            'create temporary table piece (id uuid, position int, text text, "end" int, '
            "version_id uuid, zone_id bigint)"
        )
        words = LONG if chunks <= LONG_UP_TO else SHORT
        places = [(versions[name], zones[name]) for name in names]
        for start in range(0, chunks, AT_ONCE):
            size = min(AT_ONCE, chunks - start)
            mixed = random.integers(len(texts), size=(size, 2))
            chosen = random.choice(len(names), p=[*SHARES.values(), *[rest] * 8], size=size)
            ids = [uuid.UUID(int=start + number) for number in range(size)]
            with cursor.copy(PIECES) as copy:
                for number, (identifier, (one, other), name) in enumerate(
                    zip(ids, mixed, chosen, strict=True), start=start
                ):
                    begin, end = texts[one].split()[:words], texts[other].split()[: words // 2]
                    text = " ".join([*begin, *end, f"Copy {number}."])
                    copy.write_row((identifier, number, text, len(text), *places[name]))
            rows = _rows(ids, [places[name][1] for name in chosen], vectors, mixed, random)
            with cursor.copy(EMBEDDINGS) as copy:
                copy.write(BINARY_HEADER)
                copy.write(rows)
                copy.write(BINARY_END)
        cursor.execute(
            'insert into assistants_chunk (id, position, section, text, start, "end", current, '
            "version_id, zone_id, search) select id, position, '', text, 0, \"end\", true, "
            "version_id, zone_id, to_tsvector('english', text) from piece"
        )
        cursor.execute("drop table piece")
        cursor.execute(COUNT_WORDS)
        cursor.execute("alter table assistants_chunk enable trigger user")
        cursor.execute("alter table assistants_embedding force row level security")
    return zones


def _index(started: float, minutes: float) -> None:
    """As for a restore. Raises OperationalError when it takes longer than so many minutes."""
    from django.db import connection

    from assistants import data
    from assistants.models import Chunk, EmbeddingModel

    left = minutes * 60 - (time.monotonic() - started)
    with connection.cursor() as cursor:
        cursor.execute(f"set statement_timeout = '{max(1, int(left))}s'")
        cursor.execute("set maintenance_work_mem = '2GB'")
    with connection.schema_editor() as editor:
        for index in Chunk._meta.indexes:
            editor.add_index(Chunk, index)
    with _progress(started):
        data.create_model_indexes(EmbeddingModel.objects.get(state=EmbeddingModel.State.ACTIVE))
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze assistants_chunk, assistants_embedding, assistants_lexeme")
        cursor.execute("reset statement_timeout; reset maintenance_work_mem")


@contextmanager
def _progress(started: float) -> Iterator[None]:
    """Says every minute how far the graph is."""
    ended = threading.Event()

    def watch() -> None:
        with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as watching:
            while not ended.wait(60):
                row = watching.execute(
                    "select tuples_done from pg_stat_progress_create_index"
                ).fetchone()
                if row:
                    _say(started, f"{row[0]:,} in the graph")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


LONG, SHORT = 120, 24  # words of one text, joined with half as many of another
LONG_UP_TO = 200_000  # chunks; more are short, since reading words in takes longest
AT_ONCE = 20_000
PIECES = 'copy piece (id, position, text, "end", version_id, zone_id) from stdin'
EMBEDDINGS = (
    "copy assistants_embedding (chunk_id, model_id, zone_id, current, vector) "
    "from stdin with (format binary)"
)
BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_END = b"\xff\xff"
# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": each field after its
# length; a halfvec is its dimensions, two bytes of nothing, and its numbers.
ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("chunk_size", ">i4"), ("chunk", "S16"),
        ("model_size", ">i4"), ("model", ">i2"),
        ("zone_size", ">i4"), ("zone", ">i8"),
        ("current_size", ">i4"), ("current", "i1"),
        ("vector_size", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"), ("vector", ">f2", 384),
    ]
)  # fmt: skip
COUNT_WORDS = """
insert into assistants_lexeme (zone_id, lexeme, chunks)
    select zone_id, word, count(*)
    from assistants_chunk, unnest(tsvector_to_array(search) || ''::text) as word
    group by zone_id, word
"""


def _unguarded(cursor: Any) -> list[str]:
    """What takes the foreign keys, triggers and indexes away that check row by row."""
    cursor.execute(
        "select format('alter table %s drop constraint %I', conrelid::regclass, conname) "
        "from pg_constraint where contype = 'f' "
        "and conrelid in ('assistants_chunk'::regclass, 'assistants_embedding'::regclass)"
    )
    return [
        "set constraints all immediate",
        *(row[0] for row in cursor.fetchall()),
        "alter table assistants_chunk disable trigger user",
        # COPY goes past the policies; they are back before anything is searched
        "alter table assistants_embedding no force row level security",
        "drop index if exists embedding_model_1, embedding_zone_1, chunk_words",
    ]


def _rows(
    ids: Sequence[uuid.UUID],
    zones: Sequence[int],
    vectors: np.ndarray,
    mixed: np.ndarray,
    random: np.random.Generator,
) -> bytes:
    """Each vector near that of one text and half of another together."""
    drawn = vectors[mixed[:, 0]] + vectors[mixed[:, 1]] / 2
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn += random.normal(0, SPREAD / np.sqrt(384), drawn.shape)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    rows = np.zeros(len(ids), ROW)
    for field, value in (
        ("fields", 5), ("chunk_size", 16), ("model_size", 2), ("model", 1), ("zone_size", 8),
        ("current_size", 1), ("current", 1), ("vector_size", 4 + 2 * 384), ("dimensions", 384),
    ):  # fmt: skip
        rows[field] = value
    rows["chunk"] = [identifier.bytes for identifier in ids]
    rows["zone"] = zones
    rows["vector"] = drawn
    return rows.tobytes()


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


def measure_quality(evals: Path) -> None:
    from assistants.services import evaluation

    print(f"\n{'collection':>16} {'ranking':>30} {'nDCG@10':>8} {'recall@10':>10}")
    for name in COLLECTIONS:
        folder = evals / "rag" / name
        if not folder.is_dir():
            print(
                f"{name:>16} not measured: there is no {folder} (--evals or EVALS_DIR says where)"
            )
            continue
        collection = evaluation.read_collection(folder)
        with evaluation._throw_away_zone() as zone:
            names = evaluation._index(zone, collection.documents)
            for ranking, found, judgements in _rankings(zone, names, collection):
                measured = [
                    evaluation.measure(documents, judged)
                    for documents, judged in zip(found, judgements, strict=True)
                ]
                ndcg, recall = (
                    statistics.mean(each[figure] for each in measured)
                    for figure in ("ndcg@10", "recall@10")
                )
                print(f"{name:>16} {ranking:>30} {ndcg:>8.4f} {recall:>10.4f}", flush=True)


Ranking = tuple[str, list[list[str]], list[Mapping[str, int]]]


def _rankings(zone: Any, names: Mapping[str, str], collection: Any) -> Iterator[Ranking]:
    """From each side alone to all parts together, and tuned: on one half, scored on the other."""
    from assistants import data
    from assistants.services import evaluation, tuning
    from assistants.types import Scope

    ranking: Any = importlib.import_module("assistants.data.ranking")
    scope, questions = Scope((zone.pk,)), list(evaluation._questions(collection))
    judgements = [judged for _, _, judged in questions]

    def measure_all() -> list[Any]:
        return [
            data.measure_passages(scope, None, question, vector)
            for question, vector, _ in questions
        ]

    def documents(passages: Sequence[Any]) -> list[str]:
        return list(dict.fromkeys(names[passage.document_id] for passage in passages))

    def weighed(measured: Sequence[Any], words: float | None, crowds: float) -> list[list[str]]:
        return [documents(data.weigh(each, words, crowds)) for each in measured]

    long_question, ranking.LONG_QUESTION = ranking.LONG_QUESTION, 10**9
    plain = measure_all()
    ranking.LONG_QUESTION = long_question
    full = measure_all()
    one, other = weighed(plain, 0.0, 0.0), weighed(plain, 1.0, 0.0)
    yield "vectors", one, judgements
    yield "keywords", other, judgements
    yield "RRF", [_fused(*pair) for pair in zip(one, other, strict=True)], judgements
    for share in (0.1, 0.2, 0.3):
        yield f"weighted sum {share:g}", weighed(plain, share, 0.0), judgements
    yield "weights chosen by what is found", weighed(plain, None, 0.0), judgements
    yield "+ long questions", weighed(full, None, 0.0), judgements
    yield "+ crowding: the defaults", weighed(full, None, ranking.CROWDING_WEIGHT), judgements
    judged = [
        tuning.Judged(each, _judge(judgement, documents))
        for each, judgement in zip(full, judgements, strict=True)
    ]
    tuned: list[list[str]] = [[] for _ in full]
    for half in (0, 1):
        weights = tuning.tune(judged[1 - half :: 2], (0.2, 0.1), folds=2).weights
        tuned[half::2] = weighed(full[half::2], *weights)
        print(f"  tuned on half {2 - half}: words {weights[0]:g}, crowding {weights[1]:g}")
    yield "tuned on the other half", tuned, judgements


def _judge(judged: Mapping[str, int], documents: Any) -> Any:
    from assistants.services import evaluation

    return lambda passages: evaluation.measure(documents(passages), judged)["ndcg@10"]


def _fused(*rankings: Sequence[str]) -> list[str]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, document in enumerate(ranking, start=1):
            scores[document] = scores.get(document, 0.0) + 1 / (60 + rank)
    return sorted(scores, key=lambda document: -scores[document])


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
