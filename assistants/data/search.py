"""Hybrid search inside a user's rights: nearest vectors and BM25, as a weighted sum.

The scope is repeated in the query beside row-level security, and its values are literals:
PostgreSQL then plans with them (docs/adr on filtered vector search).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from assistants.data.embedding_models import get_active_model, get_dimensions
from assistants.data.lexemes import Statistics, any_of, count_in, get_statistics
from assistants.data.ranking import (
    CROWDING_WEIGHT,
    Candidate,
    Measured,
    measure,
    weigh,
    without_duplicates,
)
from assistants.data.scope import rights_of
from assistants.data.vector_indexes import EXACT_UP_TO
from assistants.types import Evidence, Passage, Scope

CANDIDATES = 32  # of each side
# Words are looked up from the rarest on, while they stand in so many chunks of the scope
# altogether; the rarest one alone may stand in more. What only common words match would not come
# first anyway, and each row looked at costs some ten microseconds.
KEYWORD_ROWS = 400
RAREST_WORD_ROWS = 2_000
READ_THROUGH = 1_000  # a scope up to this size is read through for all of its words
# Row-level security keeps `@@` from using its index unless a superuser has declared it leakproof.
# Without that, words count in scopes up to this size only, beside the nearest vectors.
SCANNED_UP_TO = 5_000
# A scope is scanned for its nearest vectors, exactly, while that is quick (half a microsecond a
# chunk) or quicker than the graph of all zones: it walks past so many more chunks as the scope
# is a smaller part of them. Where the two cost the same, the square of one is a multiple of all.
EXACT_SQUARE = 2_000
# A larger part of all chunks than one in so many is not looked up zone by zone for its words.
WIDE = 5

# With a long list a filter that admits a tenth is nearly always satisfied in one pass: quicker
# than a short list and several passes, and never much slower. Among more chunks it must be longer
# for as many of the nearest to be in it. Workers beside this process would take longer to start
# than they save, and take the processors from the questions of others.
SETTINGS = """
select set_config('hnsw.iterative_scan', 'relaxed_order', true),
    set_config('hnsw.ef_search', case when reltuples > 300000 then '1000' else '400' end, true),
    set_config('max_parallel_workers_per_gather', '0', true),
    (select proleakproof from pg_proc where oid = 'ts_match_vq(tsvector,tsquery)'::regprocedure),
    coalesce(
        (select indisvalid from pg_index
            where indexrelid = to_regclass('embedding_model_' || %(model)s)),
        false
    ),
    reltuples
from pg_class where oid = 'assistants_chunk'::regclass
"""

CANDIDATE_ROWS = """
with question as materialized (
    select %(vector)s::halfvec as vector
), near as materialized (
    {near}
), worded as materialized (
    {worded}
), candidate as materialized (
    select id from near union select id from worded
)
select chunk.id, version.document_id, version.id, document.title, chunk.section, chunk.text,
    zone.slug, chunk.start, chunk."end",
    1 - (embedding.vector <=> (select vector from question)) as cosine,
    chunk.search::text, halfvec_send(embedding.vector), version.valid_from, version.valid_until
from candidate
join assistants_chunk chunk on chunk.id = candidate.id and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_embedding embedding on embedding.chunk_id = chunk.id
    and embedding.model_id = {model}
join assistants_documentversion version on version.id = chunk.version_id and {valid}
join assistants_document document on document.id = version.document_id
join assistants_zone zone on zone.id = chunk.zone_id
"""

NEAR = """
    select chunk_id as id from assistants_embedding
    where model_id = {model} and current and zone_id = any (%(zones)s::bigint[])
    order by {distance} limit {candidates}
"""
INDEXED = "vector::halfvec({dimensions}) <=> (select vector from question)"
EXACT = (
    "(vector <=> (select vector from question)) + 0"  # an expression that the index does not serve
)

WORDED = """
    select id from assistants_chunk where current and {matches}
    order by {weight} desc, id limit {candidates}
"""
# `is true` makes of a condition an expression that the index of zones and words does not serve.
MATCHES = "zone_id = any (%(zones)s::bigint[]) and search @@ %(words)s::tsquery"
MATCHES_WIDE = "(zone_id = any (%(zones)s::bigint[])) is true and search @@ %(words)s::tsquery"
MATCHES_SCANNED = "zone_id = any (%(zones)s::bigint[]) and (search @@ %(words)s::tsquery) is true"
NOT_WORDED = "select id from near where false"
CURRENT = "version.current"

# Of some documents only: read through as well, since they are few. What is current is said here,
# and for the time as of which it is asked below.
OF_DOCUMENTS = "version.document_id = any (%(documents)s::uuid[]) and {valid}"

# As of a moment: versions that were valid then, read through, since no index knows of them.
VALID = """
    version.valid_from <= %(as_of)s
    and (version.valid_until is null or version.valid_until > %(as_of)s)
"""
NEAR_AS_OF = """
    select chunk.id from assistants_documentversion version
    join assistants_chunk chunk on chunk.version_id = version.id
    join assistants_embedding embedding on embedding.chunk_id = chunk.id
        and embedding.model_id = {model} and embedding.zone_id = any (%(zones)s::bigint[])
    where version.zone_id = any (%(zones)s::bigint[]) and {valid}
    order by (embedding.vector <=> (select vector from question)) + 0 limit {candidates}
"""
WORDED_AS_OF = """
    select chunk.id from assistants_documentversion version
    join assistants_chunk chunk on chunk.version_id = version.id
        and chunk.zone_id = any (%(zones)s::bigint[])
    where version.zone_id = any (%(zones)s::bigint[]) and {valid}
        and (search @@ %(words)s::tsquery) is true
    order by {weight} desc, chunk.id limit {candidates}
"""


def search(
    scope: Scope,
    zone_ids: Sequence[int] | None,
    query: str,
    vector: Sequence[float],
    *,
    keyword_weight: float | None,
    crowding_weight: float = CROWDING_WEIGHT,
    limit: int = 8,
    as_of: datetime | None = None,
    model_id: int | None = None,
    context: str = "",
    document_ids: Sequence[str] = (),
) -> list[Passage]:
    """The passages that fit best, numbered from 1; never one outside `scope`.

    `zone_ids` narrows the scope (the assistant's zones; None: all of it). `vector` is the
    question's embedding by the model `model_id` (None: the active one), of that model's length.
    `keyword_weight` (0 to 1) is the share of the keyword side in the score; None leaves it to
    what is found. `as_of` searches the versions that were valid at that moment. `context` is
    what the question follows on: its words count half. `document_ids` narrows the scope further, to
    these documents. Texts that say the same again are left out.
    """
    measured = measure_passages(
        scope,
        zone_ids,
        query,
        vector,
        as_of=as_of,
        model_id=model_id,
        context=context,
        document_ids=document_ids,
    )
    ranked = weigh(measured, keyword_weight, crowding_weight)
    return [
        replace(passage, number=number)
        for number, passage in enumerate(without_duplicates(ranked, limit), start=1)
    ]


def measure_passages(
    scope: Scope,
    zone_ids: Sequence[int] | None,
    query: str,
    vector: Sequence[float],
    *,
    as_of: datetime | None = None,
    model_id: int | None = None,
    context: str = "",
    document_ids: Sequence[str] = (),
) -> Measured:
    """What `search` ranks, before it is weighed; the parameters are as there."""
    allowed = set(scope.zone_ids)
    zones = sorted(allowed if zone_ids is None else allowed.intersection(zone_ids))
    if not zones:
        return Measured((), (), 0.0)
    with rights_of(Scope(tuple(zones))):
        statistics = get_statistics(zones, query, context)
        candidates: list[Candidate] = []
        if statistics.chunks or as_of:
            candidates = _get_candidates(
                zones,
                statistics,
                vector,
                model_id=model_id,
                as_of=as_of,
                document_ids=document_ids,
            )
    return measure(candidates, statistics)


def _get_candidates(
    zones: Sequence[int],
    statistics: Statistics,
    vector: Sequence[float],
    *,
    model_id: int | None = None,
    as_of: datetime | None = None,
    document_ids: Sequence[str] = (),
) -> list[Candidate]:
    model = model_id or get_active_model().pk
    present = [word for word in statistics.rarest_first if statistics.frequencies[word]]
    values: dict[str, Any] = {
        "zones": list(zones),
        "vector": "[" + ",".join(f"{number:.4g}" for number in vector) + "]",
        "as_of": as_of,
        "documents": list(document_ids),
    }
    with connection.cursor() as cursor:
        if as_of or document_ids:
            # What is counted is current: a word of then may stand nowhere now.
            words = present = statistics.rarest_first
            near, worded, valid = NEAR_AS_OF, WORDED_AS_OF, VALID if as_of else CURRENT
            if document_ids:
                valid = OF_DOCUMENTS.replace("{valid}", valid)
        else:
            words = _selective(present, statistics)
            distance, matches = EXACT, MATCHES_SCANNED
            if statistics.chunks > READ_THROUGH:
                cursor.execute(SETTINGS, {"model": model})
                *_, words_are_indexed, has_graph, total = cursor.fetchone()
                # Until the graph is whole a larger scope is scanned as well: slower, and as right.
                if has_graph and not is_scanned(statistics.chunks, total):
                    distance = INDEXED.format(dimensions=get_dimensions(model))
                matches = MATCHES_WIDE if statistics.chunks * WIDE > total else MATCHES
                if not words_are_indexed and statistics.chunks > SCANNED_UP_TO:
                    words = []
            near = NEAR.replace("{distance}", distance)
            worded, valid = WORDED.replace("{matches}", matches), CURRENT
        values["words"] = any_of(words)
        weight = _weight_of(words, statistics, values)
        cursor.execute(
            CANDIDATE_ROWS.format(
                model=model,
                near=near.format(model=model, candidates=CANDIDATES, valid=valid),
                worded=worded.format(weight=weight, candidates=CANDIDATES, valid=valid)
                if words
                else NOT_WORDED,
                valid=valid,
            ),
            values,
        )
        return [read_candidate(row, present) for row in cursor.fetchall()]


def is_scanned(chunks: int, total: float) -> bool:
    """Whether a scope of so many chunks is scanned rather than asked of the graph over all zones.

    `total` is about how many chunks there are (-1: nobody has counted them yet).
    """
    return chunks <= EXACT_UP_TO or chunks**2 <= EXACT_SQUARE * total


def _weight_of(words: Iterable[str], statistics: Statistics, values: dict[str, Any]) -> str:
    """An expression for how rare the words of a chunk are; its values are added to `values`."""
    weights = []
    for number, word in enumerate(words):
        values[f"word{number}"] = any_of([word])
        values[f"weight{number}"] = statistics.weight(word)
        weights.append(
            f"case when search @@ %(word{number})s::tsquery "
            f"then %(weight{number})s::float8 else 0 end"
        )
    return " + ".join(weights)


def _selective(present: Sequence[str], statistics: Statistics) -> list[str]:
    """The rarest words, as many as can be looked up cheaply."""
    if statistics.chunks <= READ_THROUGH:
        return list(present)
    words: list[str] = []
    rows = 0
    for word in present:
        rows += statistics.frequencies[word]
        if rows > (KEYWORD_ROWS if words else RAREST_WORD_ROWS):
            break
        words.append(word)
    return words


def read_candidate(row: Sequence[Any], lexemes: Iterable[str]) -> Candidate:
    """From a row of CANDIDATE_ROWS."""
    chunk, document, version, title, section, text, zone, start, end, *measured = row
    cosine, words, vector, valid_from, valid_until = measured
    passage = Passage(
        number=0,
        chunk_id=str(chunk),
        document_id=str(document),
        version_id=str(version),
        title=title,
        section=section,
        text=text,
        zone=zone,
        start=start,
        end=end,
        evidence=Evidence(0.0, 0.0, 0.0, 0.0),
        valid_from=valid_from and timezone.localdate(valid_from),
        valid_until=valid_until and timezone.localdate(valid_until),
    )
    return Candidate(passage, cosine, len(text), count_in(words, lexemes), bytes(vector))
