"""Keeping what documents name, beside their chunks and in the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from assistants.data.blocks import ParsedDocument
from assistants.data.graph.extract import Graph, Piece, extract_graph
from assistants.data.graph.names import Named
from assistants.data.scope import rights_of_system
from assistants.data.structure import find_blocks
from assistants.models import Chunk, Document, new_id

# Whoever changes what a zone's chunks name waits for the others, as when its words are counted.
# So two transactions that name the same things never wait for each other crosswise.
LOCK = """
select pg_advisory_xact_lock(hashtextextended('assistants_lexeme', zone))
from (select unnest(%(zones)s::bigint[]) as zone order by 1) as zones
"""
CREATE_ENTITIES = """
insert into assistants_entity (id, zone_id, kind, key, name)
select id, zone, kind, key, name
from unnest(%(ids)s::uuid[], %(zones)s::bigint[], %(kinds)s::text[], %(keys)s::text[],
    %(names)s::text[]) as named (id, zone, kind, key, name)
on conflict (zone_id, kind, key) do nothing
"""
CREATE_MENTIONS = """
insert into assistants_mention (entity_id, chunk_id, zone_id, defines, start, "end")
select entity.id, chunk, zone, defines, place.start, place."end"
from unnest(%(chunks)s::uuid[], %(zones)s::bigint[], %(kinds)s::text[], %(keys)s::text[],
    %(defines)s::bool[], %(starts)s::int[], %(ends)s::int[])
    as place (chunk, zone, kind, key, defines, start, "end")
join assistants_entity entity
    on entity.zone_id = zone and entity.kind = place.kind and entity.key = place.key
"""
CREATE_RELATIONS = """
insert into assistants_relation (subject_id, predicate, object_id, chunk_id, zone_id)
select subject.id, predicate, object.id, chunk, zone
from unnest(%(chunks)s::uuid[], %(zones)s::bigint[], %(subject_kinds)s::text[],
    %(subject_keys)s::text[], %(predicates)s::text[], %(object_kinds)s::text[],
    %(object_keys)s::text[])
    as said (chunk, zone, subject_kind, subject_key, predicate, object_kind, object_key)
join assistants_entity subject
    on subject.zone_id = zone and subject.kind = subject_kind and subject.key = subject_key
join assistants_entity object
    on object.zone_id = zone and object.kind = object_kind and object.key = object_key
"""
FORGET_RELATIONS = """
delete from assistants_relation using assistants_chunk chunk, assistants_documentversion version
where chunk_id = chunk.id and version_id = version.id and document_id = %(document)s
"""
FORGET_MENTIONS = FORGET_RELATIONS.replace("assistants_relation", "assistants_mention")


@dataclass(frozen=True, slots=True)
class IndexedText:
    """A version whose chunks are stored: its text, and where in it each chunk stands.

    `chunks` are ids with the characters where each starts and ends, in order.
    """

    zone_id: int
    document_id: uuid.UUID
    origin: str
    parsed: ParsedDocument
    chunks: Sequence[tuple[uuid.UUID, int, int]]


def record_links(texts: Sequence[IndexedText]) -> None:
    """Keep what each names, in the caller's transaction and with the system's rights."""
    graphs = []
    for text in texts:
        pieces = [Piece(index, start, end) for index, (_, start, end) in enumerate(text.chunks)]
        graph = extract_graph(str(text.document_id), text.origin, text.parsed, pieces)
        if graph.places:
            graphs.append((text, graph))
    if graphs:
        _store(graphs)


def rebuild_links(document_id: uuid.UUID) -> None:
    """Find anew what the current version of a document names: after a move, or after a change
    of how names are found. What only it named is forgotten (a trigger on the mentions).
    """
    with rights_of_system():
        document = Document.objects.select_for_update().filter(pk=document_id).first()
        version = document and document.versions.filter(current=True).defer("content").first()
        with connection.cursor() as cursor:
            if document:
                cursor.execute(LOCK, {"zones": [document.zone_id]})
            cursor.execute(FORGET_RELATIONS, {"document": document_id})
            cursor.execute(FORGET_MENTIONS, {"document": document_id})
        if not document or not version:
            return
        blocks = tuple(find_blocks(version.text, version.media_type).blocks)
        parsed = ParsedDocument(document.title, version.text, version.media_type, blocks)
        chunks = Chunk.objects.filter(version=version).order_by("start", "position")
        stored = list(chunks.values_list("id", "start", "end"))
        text = IndexedText(version.zone_id, document_id, document.origin, parsed, stored)
        record_links([text])


def _store(graphs: Sequence[tuple[IndexedText, Graph]]) -> None:
    named: dict[tuple[int, Named], str] = {}
    for text, graph in graphs:
        for place in graph.places:
            named.setdefault((text.zone_id, place.entity), place.name)
    places = [(text, place) for text, graph in graphs for place in graph.places]
    said = [(text, each) for text, graph in graphs for each in graph.statements]
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"zones": sorted({text.zone_id for text, _ in graphs})})
        cursor.execute(
            CREATE_ENTITIES,
            {
                "ids": [new_id() for _ in named],
                "zones": [zone for zone, _ in named],
                "kinds": [entity.kind for _, entity in named],
                "keys": [entity.key for _, entity in named],
                "names": list(named.values()),
            },
        )
        cursor.execute(
            CREATE_MENTIONS,
            {
                "chunks": [text.chunks[place.chunk][0] for text, place in places],
                "zones": [text.zone_id for text, _ in places],
                "kinds": [place.entity.kind for _, place in places],
                "keys": [place.entity.key for _, place in places],
                "defines": [place.defines for _, place in places],
                "starts": [place.start for _, place in places],
                "ends": [place.end for _, place in places],
            },
        )
        if said:
            cursor.execute(
                CREATE_RELATIONS,
                {
                    "chunks": [text.chunks[each.chunk][0] for text, each in said],
                    "zones": [text.zone_id for text, _ in said],
                    "subject_kinds": [each.subject.kind for _, each in said],
                    "subject_keys": [each.subject.key for _, each in said],
                    "predicates": [each.predicate for _, each in said],
                    "object_kinds": [each.object.kind for _, each in said],
                    "object_keys": [each.object.key for _, each in said],
                },
            )
