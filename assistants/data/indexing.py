"""Writing the searchable rows of versions: chunks with their words, and vectors beside them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from django.db import connection

from assistants.data.blocks import DraftChunk
from assistants.data.embedding_models import get_dimensions, hold_active_model
from assistants.data.graph import IndexedText, record_links
from assistants.data.lexemes import CONFIGURATION, searchable
from assistants.data.vectors import execute_with_vectors
from assistants.models import DocumentVersion, new_id

if TYPE_CHECKING:
    from assistants.data.documents import ReadyVersion

_CAMEL = re.compile(r"\b\w*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])\w*")
_CAMEL_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
_BATCH = 500  # chunks a statement

# Through the ORM, the same costs several times as much processor time as all of the parsing.
# `search` is what `get_search_vector` makes. A title's words are made once a version.
CREATE_CHUNKS = """
with version as (
    select id, zone_id, current,
        setweight(to_tsvector(%(configuration)s::regconfig, title), 'A') as title
    from unnest(
        %(versions)s::uuid[], %(zones)s::bigint[], %(currents)s::bool[], %(titles)s::text[]
    ) as version (id, zone_id, current, title)
)
insert into assistants_chunk
    (id, version_id, zone_id, current, position, section, text, start, "end", search)
select piece.id, version.id, zone_id, current, position, section, text, start, "end",
    title
    || setweight(to_tsvector(%(configuration)s::regconfig, searched_section), 'B')
    || setweight(to_tsvector(%(configuration)s::regconfig, searched_text), 'D')
from unnest(
    %(ids)s::uuid[], %(of)s::uuid[], %(positions)s::int[], %(sections)s::text[],
    %(texts)s::text[], %(starts)s::int[], %(ends)s::int[],
    %(searched_sections)s::text[], %(searched_texts)s::text[]
) as piece
    (id, version_id, position, section, text, start, "end", searched_section, searched_text)
join version on version.id = piece.version_id
"""
# The cast refuses vectors of another length.
CREATE_EMBEDDINGS = """
insert into assistants_embedding (chunk_id, model_id, zone_id, current, vector)
select id, %(model)s, zone_id, current, vector::halfvec({dimensions})
from unnest(%(ids)s::uuid[], %(zones)s::bigint[], %(currents)s::bool[], %(vectors)s::halfvec[])
    as piece (id, zone_id, current, vector)
"""
COMPLETE_VERSIONS = """
update assistants_documentversion as version
set status = 'indexed', error = '', content = '', pipeline = %(pipeline)s,
    current = ready.current, valid_from = ready.valid_from, text = ready.text,
    pages = ready.pages::int[], media_type = ready.media_type, detected = ready.detected::jsonb,
    detected_sensitivity = ready.sensitivity, recognised = ready.recognised
from unnest(
    %(ids)s::uuid[], %(currents)s::bool[], %(valid)s::timestamptz[], %(texts)s::text[],
    %(pages)s::text[], %(media_types)s::text[], %(detected)s::text[], %(sensitivities)s::int[],
    %(recognised)s::float8[]
) as ready (id, current, valid_from, text, pages, media_type, detected, sensitivity, recognised)
where version.id = ready.id
"""
NAME_DOCUMENTS = """
update assistants_document as document set title = named.title
from unnest(%(ids)s::uuid[], %(titles)s::text[]) as named (id, title)
where document.id = named.id and document.title <> named.title
"""

Piece = tuple[uuid.UUID, DocumentVersion, DraftChunk, Sequence[float]]


def create_chunks(ready: Sequence[tuple[DocumentVersion, ReadyVersion]]) -> None:
    """The rows of versions that have none yet, in the caller's transaction.

    The vectors go first: inserting them into their graph takes most of the time, and the lock
    under which a zone's words are counted is held from the first chunk to the commit. The
    database compares the two at the commit.
    """
    pieces: list[Piece] = [
        (new_id(), version, chunk, vector)
        for version, draft in ready
        for chunk, vector in zip(draft.chunks, draft.vectors, strict=True)
    ]
    titles = {version.pk: searchable(draft.parsed.title) for version, draft in ready}
    model = hold_active_model([draft.model_id for _, draft in ready])
    create_embeddings = CREATE_EMBEDDINGS.format(dimensions=get_dimensions(model))
    for batch in _batches(pieces):
        execute_with_vectors(
            create_embeddings,
            {
                "model": model,
                "ids": [id for id, _, _, _ in batch],
                "zones": [version.zone_id for _, version, _, _ in batch],
                "currents": [version.current for _, version, _, _ in batch],
            },
            [vector for _, _, _, vector in batch],
        )
    with connection.cursor() as cursor:
        for batch in _batches(pieces):
            versions = list({version.pk: version for _, version, _, _ in batch}.values())
            chunks = [chunk for _, _, chunk, _ in batch]
            cursor.execute(
                CREATE_CHUNKS,
                {
                    "configuration": CONFIGURATION,
                    "versions": [version.pk for version in versions],
                    "zones": [version.zone_id for version in versions],
                    "currents": [version.current for version in versions],
                    "titles": [titles[version.pk] for version in versions],
                    "ids": [id for id, _, _, _ in batch],
                    "of": [version.pk for _, version, _, _ in batch],
                    "positions": [chunk.position for chunk in chunks],
                    "sections": [chunk.section for chunk in chunks],
                    "texts": [chunk.text for chunk in chunks],
                    "starts": [chunk.start for chunk in chunks],
                    "ends": [chunk.end for chunk in chunks],
                    "searched_sections": [searchable(chunk.section) for chunk in chunks],
                    "searched_texts": [
                        searchable(f"{chunk.text}\n{split_identifiers(chunk.text)}")
                        for chunk in chunks
                    ],
                },
            )
    _record_links(ready, pieces)


def _record_links(
    ready: Sequence[tuple[DocumentVersion, ReadyVersion]], pieces: Sequence[Piece]
) -> None:
    """What the versions name, after their chunks: in the order of every writer's locks."""
    stored: dict[uuid.UUID, list[tuple[uuid.UUID, int, int]]] = {}
    for id, version, chunk, _ in pieces:
        stored.setdefault(version.pk, []).append((id, chunk.start, chunk.end))
    record_links(
        [
            IndexedText(
                version.zone_id,
                version.document_id,
                version.document.origin,
                draft.parsed,
                stored.get(version.pk, []),
            )
            for version, draft in ready
        ]
    )


def complete_versions(ready: Sequence[tuple[DocumentVersion, ReadyVersion]], pipeline: str) -> None:
    """What the versions' own rows say once they are indexed; `current` and `valid_from` are set."""
    with connection.cursor() as cursor:
        cursor.execute(
            COMPLETE_VERSIONS,
            {
                "pipeline": pipeline,
                "ids": [version.pk for version, _ in ready],
                "currents": [version.current for version, _ in ready],
                "valid": [version.valid_from for version, _ in ready],
                "texts": [draft.parsed.text for _, draft in ready],
                "pages": [_array(draft.parsed.pages) for _, draft in ready],
                "media_types": [draft.parsed.media_type for _, draft in ready],
                "detected": [json.dumps(dict(draft.detected)) for _, draft in ready],
                "sensitivities": [draft.detected_sensitivity for _, draft in ready],
                "recognised": [draft.parsed.confidence for _, draft in ready],
            },
        )
        # An older version, or one of a removed document, does not name it.
        named = [pair for pair in ready if pair[0].current]
        cursor.execute(
            NAME_DOCUMENTS,
            {
                "ids": [version.document_id for version, _ in named],
                "titles": [draft.parsed.title for _, draft in named],
            },
        )


def _array(numbers: Sequence[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _batches(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    for start in range(0, len(pieces), _BATCH):
        yield pieces[start : start + _BATCH]


def split_identifiers(text: str) -> str:
    """The words inside names such as `parseMinor` ("parse Minor"), for the keyword side.

    Full-text search itself already splits at underscores, but not where a capital begins a word.
    """
    found = dict.fromkeys(_CAMEL.findall(text))
    return " ".join(" ".join(_CAMEL_BORDER.split(name)) for name in found)
