"""Hybrid search inside a user's rights: nearest vectors and BM25, as a weighted sum.

The scope is repeated in the query beside row-level security, and its values are literals:
PostgreSQL then plans with them (docs/adr on filtered vector search).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from assistants.data.embedding_models import get_active_model
from assistants.data.lexemes import Statistics, any_of, count_in, get_statistics
from assistants.data.scope import rights_of
from assistants.types import Evidence, Passage, Scope

CANDIDATES = 32  # of each side
EXACT_UP_TO = 4_000  # chunks in scope; below it a scan is quicker than the index, and exact
# Words are looked up from the rarest on, while they stand in so many chunks of the scope
# altogether; the rarest one alone may stand in more. What only common words match would not come
# first anyway, and each row looked at costs some ten microseconds.
KEYWORD_ROWS = 400
RAREST_WORD_ROWS = 2_000
READ_THROUGH = 1_000  # a scope up to this size is read through for all of its words
# Row-level security keeps `@@` from using its index unless a superuser has declared it leakproof.
# Without that, words count in scopes up to this size only, beside the nearest vectors.
SCANNED_UP_TO = 5_000
K1, B = 1.2, 0.4  # BM25; chunks are of like length, which b = 0.75 would take too seriously

# With a long list a filter that admits a tenth is nearly always satisfied in one pass: quicker
# than a short list and several passes, and never much slower.
SETTINGS = """
select set_config('hnsw.iterative_scan', 'relaxed_order', true),
    set_config('hnsw.ef_search', '800', true),
    (select proleakproof from pg_proc where oid = 'ts_match_vq(tsvector,tsquery)'::regprocedure)
"""

CANDIDATE_ROWS = """
with question as materialized (
    select %(vector)s::halfvec as vector
), near as materialized (
    select chunk_id as id from assistants_embedding
    where model_id = {model} and current and zone_id = any (%(zones)s::bigint[])
    order by {distance} limit {candidates}
), worded as materialized (
    {worded}
), candidate as materialized (
    select id from near union select id from worded
)
select chunk.id, version.document_id, version.id, document.title, chunk.section, chunk.text,
    zone.slug, chunk.start, chunk."end",
    1 - (embedding.vector <=> (select vector from question)) as cosine,
    chunk.search::text
from candidate
join assistants_chunk chunk on chunk.id = candidate.id and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_embedding embedding on embedding.chunk_id = chunk.id
    and embedding.model_id = {model}
join assistants_documentversion version on version.id = chunk.version_id and version.current
join assistants_document document on document.id = version.document_id
join assistants_zone zone on zone.id = chunk.zone_id
"""

INDEXED = "vector::halfvec({dimensions}) <=> (select vector from question)"
EXACT = (
    "(vector <=> (select vector from question)) + 0"  # an expression that the index does not serve
)

WORDED = """
    select id from assistants_chunk
    where current and zone_id = any (%(zones)s::bigint[]) and {matches}
    order by {weight} desc, id limit {candidates}
"""
MATCHES = "search @@ %(words)s::tsquery"
MATCHES_SCANNED = f"({MATCHES}) is true"  # an expression that the index does not serve
NOT_WORDED = "select id from near where false"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that may become a passage; `counts` says how often each word stands in it.

    `length` is in characters.
    """

    passage: Passage
    cosine: float
    length: int
    counts: dict[str, int]


def search(
    scope: Scope,
    zone_ids: Sequence[int] | None,
    query: str,
    vector: Sequence[float],
    *,
    keyword_weight: float,
    limit: int = 8,
) -> list[Passage]:
    """The passages that fit best, numbered from 1; never one outside `scope`.

    `zone_ids` narrows the scope (the assistant's zones; None: all of it). `vector` is the
    question's embedding (length 384). `keyword_weight` (0 to 1) is the share of the keyword
    side in the score. Texts that say the same again are left out.
    """
    allowed = set(scope.zone_ids)
    zones = sorted(allowed if zone_ids is None else allowed.intersection(zone_ids))
    if not zones:
        return []
    with rights_of(Scope(tuple(zones))):
        statistics = get_statistics(zones, query)
        candidates = _get_candidates(zones, statistics, vector) if statistics.chunks else []
    ranked = rank(candidates, statistics, keyword_weight)
    return [
        replace(passage, number=number)
        for number, passage in enumerate(_without_duplicates(ranked, limit), start=1)
    ]


def _get_candidates(
    zones: Sequence[int], statistics: Statistics, vector: Sequence[float]
) -> list[Candidate]:
    model = get_active_model()
    present = [word for word in statistics.rarest_first if statistics.frequencies[word]]
    with connection.cursor() as cursor:
        words = _selective(present, statistics)
        if statistics.chunks > EXACT_UP_TO:
            cursor.execute(SETTINGS)
            words_are_indexed = cursor.fetchone()[2]
            if not words_are_indexed and statistics.chunks > SCANNED_UP_TO:
                words = []
        values: dict[str, str | float | list[int]] = {
            "zones": list(zones),
            "vector": "[" + ",".join(f"{number:.4g}" for number in vector) + "]",
            "words": any_of(words),
        }
        weights = []
        for number, word in enumerate(words):
            values[f"word{number}"] = any_of([word])
            values[f"weight{number}"] = statistics.weight(word)
            weights.append(
                f"case when search @@ %(word{number})s::tsquery "
                f"then %(weight{number})s::float8 else 0 end"
            )
        worded = WORDED.format(
            matches=MATCHES_SCANNED if statistics.chunks <= READ_THROUGH else MATCHES,
            weight=" + ".join(weights),
            candidates=CANDIDATES,
        )
        cursor.execute(
            CANDIDATE_ROWS.format(
                model=model.pk,
                distance=EXACT
                if statistics.chunks <= EXACT_UP_TO
                else INDEXED.format(dimensions=model.dimensions),
                worded=worded if words else NOT_WORDED,
                candidates=CANDIDATES,
            ),
            values,
        )
        return [_candidate(row, present) for row in cursor.fetchall()]


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


def _candidate(row: Sequence[Any], lexemes: Iterable[str]) -> Candidate:
    chunk, document, version, title, section, text, zone, start, end, cosine, words = row
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
    )
    return Candidate(passage, cosine, len(text), count_in(words, lexemes))


def rank(
    candidates: Sequence[Candidate], statistics: Statistics, keyword_weight: float
) -> list[Passage]:
    """Best first, with the evidence for each."""
    weights = {word: statistics.weight(word) for word in statistics.frequencies}
    total = sum(weights.values()) or 1.0
    usual = sum(candidate.length for candidate in candidates) / max(len(candidates), 1) or 1.0
    passages = []
    for candidate in candidates:
        keyword = min(1.0, _bm25(candidate, weights, usual) / total)
        evidence = Evidence(
            cosine=candidate.cosine,
            keyword=keyword,
            coverage=sum(weights[word] for word in candidate.counts) / total,
            score=keyword_weight * keyword + (1 - keyword_weight) * candidate.cosine,
        )
        passages.append(replace(candidate.passage, evidence=evidence))
    return sorted(passages, key=lambda p: (-p.evidence.score, p.title, p.start, p.chunk_id))


def _bm25(candidate: Candidate, weights: dict[str, float], usual: float) -> float:
    """`usual` stands for the mean length: here that of the candidates."""
    norm = K1 * (1 - B + B * candidate.length / usual)
    return sum(
        weights[word] * count * (K1 + 1) / (count + norm)
        for word, count in candidate.counts.items()
    )


def _without_duplicates(passages: Iterable[Passage], limit: int) -> list[Passage]:
    """The first so many that do not repeat a better one, word for word.

    Nothing less will do: two editions of a policy may differ in one number, or in one "not".
    """
    kept: dict[tuple[str, ...], Passage] = {}
    for passage in passages:
        kept.setdefault(tuple(re.findall(r"\w+", passage.text.lower())), passage)
        if len(kept) == limit:
            break
    return list(kept.values())
