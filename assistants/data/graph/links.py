"""What a document refers to, and what refers to it, as far as the reader may read both ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from assistants.data.graph.names import Kind, Named, Predicate
from assistants.data.graph.resolving import FOLLOWED, WHOLE, Definer, resolve, rows
from assistants.data.scope import rights_of
from assistants.types import Scope

MOST = 60  # links of each direction; what names more is an index, and needs none

# The words are cut from the chunk, whose own characters begin at its start: the widest that make
# the link, "clause 5.4 of the Gifts Policy" rather than "Gifts Policy".
REFERRING = """
select entity.kind, entity.key, mention.start, mention."end", chunk.section,
    substr(chunk.text, mention.start - chunk.start + 1, mention."end" - mention.start)
from assistants_documentversion version
join assistants_chunk chunk on chunk.version_id = version.id and chunk.current
    and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_mention mention on mention.chunk_id = chunk.id and not mention.defines
join assistants_entity entity on entity.id = mention.entity_id
    and entity.kind = any (%(kinds)s::text[])
where version.document_id = %(document)s and version.current
order by mention.start, entity.kind desc
"""
REFERRED = """
select distinct on (document.title, chunk.id) document.id, document.title, chunk.section,
    shown.start, shown."end",
    substr(chunk.text, shown.start - chunk.start + 1, shown."end" - shown.start)
from assistants_documentversion version
join assistants_chunk own on own.version_id = version.id and own.current
    and own.zone_id = any (%(zones)s::bigint[])
join assistants_mention definition on definition.chunk_id = own.id and definition.defines
join assistants_entity defined on defined.id = definition.entity_id
    and defined.kind = any (%(kinds)s::text[])
join assistants_entity entity on entity.zone_id = any (%(zones)s::bigint[])
    and entity.kind = defined.kind and entity.key = defined.key
join assistants_mention mention on mention.entity_id = entity.id and not mention.defines
join assistants_chunk chunk on chunk.id = mention.chunk_id and chunk.current
    and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_documentversion other on other.id = chunk.version_id and other.current
    and other.document_id <> version.document_id
join assistants_document document on document.id = other.document_id
join lateral (
    select wider.start, wider."end" from assistants_mention wider
    where wider.chunk_id = chunk.id and not wider.defines
        and wider.start <= mention.start and wider."end" >= mention."end"
    order by wider."end" - wider.start desc limit 1
) shown on true
where version.document_id = %(document)s and version.current
order by document.title, chunk.id, mention.start
limit %(limit)s
"""
TARGETS = """
select chunk.id, document.id, document.title, chunk.section, chunk."end"
from assistants_chunk chunk
join assistants_documentversion version on version.id = chunk.version_id and version.current
join assistants_document document on document.id = version.document_id
where chunk.id = any (%(chunks)s::uuid[]) and chunk.zone_id = any (%(zones)s::bigint[])
"""
RESPONSIBLE = """
select distinct subject.name
from assistants_documentversion version
join assistants_chunk chunk on chunk.version_id = version.id and chunk.current
    and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_relation relation on relation.chunk_id = chunk.id
    and relation.predicate = %(predicate)s
join assistants_entity subject on subject.id = relation.subject_id
where version.document_id = %(document)s and version.current
order by subject.name
"""


@dataclass(frozen=True, slots=True)
class LinkedPlace:
    """Characters `start` to `end` of another document, or of another part of the same one.

    `words` are those that make the link; `section` is where the place stands.
    """

    document_id: uuid.UUID
    title: str
    section: str
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class DocumentLinks:
    """`responsible` are the people or roles that the document names as its owner or author."""

    refers_to: list[LinkedPlace] = field(default_factory=list)
    referred_to_by: list[LinkedPlace] = field(default_factory=list)
    responsible: list[str] = field(default_factory=list)


def list_links(scope: Scope, document_id: uuid.UUID) -> DocumentLinks:
    """Of the document's current version, in its order. Nothing for what the scope excludes."""
    if not scope.zone_ids:
        return DocumentLinks()
    zones = list(scope.zone_ids)
    values = {"zones": zones, "document": document_id, "limit": MOST}
    with rights_of(scope):
        referring = [
            (Named(kind, key), start, end, words)
            for kind, key, start, end, _, words in rows(
                REFERRING, {**values, "kinds": list(FOLLOWED)}
            )
        ]
        found = resolve(zones, {entity for entity, _, _, _ in referring})
        chosen: dict[uuid.UUID, tuple[Definer, str]] = {}
        taken: list[tuple[int, int]] = []
        for entity, start, end, words in referring:
            # "clause 5.4 of the Gifts Policy" is one link, to the clause and not to the policy
            if entity.kind in WHOLE and any(a <= start and end <= b for a, b in taken):
                continue
            definer = _target(entity, found.get(entity, []), document_id)
            if definer and len(chosen) < MOST:
                taken.append((start, end))
                chosen.setdefault(definer.chunk_id, (definer, words))
        described = {row[0]: row[1:] for row in rows(TARGETS, {**values, "chunks": list(chosen)})}
        kinds = [*WHOLE, Kind.SYMBOL]
        referred = rows(REFERRED, {**values, "kinds": kinds})
        named = rows(RESPONSIBLE, {**values, "predicate": Predicate.RESPONSIBLE_FOR})
    places = []
    for chunk, (definer, words) in chosen.items():
        document, title, section, end = described[chunk]
        places.append(LinkedPlace(document, title, section, definer.start, end, _line(words)))
    return DocumentLinks(
        refers_to=places,
        referred_to_by=[_place(*row) for row in referred],
        responsible=[name for (name,) in named],
    )


def _target(entity: Named, definers: list[Definer], own: uuid.UUID) -> Definer | None:
    """The first definition; in the document itself only sections are worth a link."""
    for definer in definers:
        if definer.document_id != own or entity.kind == Kind.SECTION:
            return definer
    return None


def _place(
    document: uuid.UUID, title: str, section: str, start: int, end: int, words: str
) -> LinkedPlace:
    return LinkedPlace(document, title, section, start, end, _line(words))


def _line(words: str) -> str:
    return " ".join(words.split())
