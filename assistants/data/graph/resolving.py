"""From names to the chunks that define them, inside the reader's zones: a name whose definition
lies elsewhere leads nowhere, as if it were not defined at all. Run with the reader's rights.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from assistants.data.graph.extract import section_numbers
from assistants.data.graph.names import Kind, Named, section_of

FOLLOWED = (Kind.SECTION, Kind.DOCUMENT, Kind.REGULATION, Kind.FILE, Kind.SYMBOL)
WHOLE = (Kind.DOCUMENT, Kind.REGULATION, Kind.FILE)  # names of a document, not of a part of it
OWNERS = (Kind.DOCUMENT, Kind.REGULATION)  # what sections are named after

DEFINERS = """
select asked.kind, asked.key, mention.chunk_id, version.document_id, mention.start
from (select distinct * from unnest(%(kinds)s::text[], %(keys)s::text[]) as named (kind, key)) asked
join assistants_entity entity on entity.zone_id = any (%(zones)s::bigint[])
    and entity.kind = asked.kind and entity.key = asked.key
join assistants_mention mention on mention.entity_id = entity.id and mention.defines
    and mention.zone_id = any (%(zones)s::bigint[])
join assistants_chunk chunk on chunk.id = mention.chunk_id and chunk.current
    and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_documentversion version on version.id = chunk.version_id and version.current
order by mention.start, mention.chunk_id
"""


@dataclass(frozen=True, slots=True)
class Definer:
    """A chunk that defines what was asked for, from this character of its version on."""

    chunk_id: uuid.UUID
    document_id: uuid.UUID
    start: int


def resolve(
    zones: Sequence[int],
    named: Iterable[Named],
    titles: Mapping[str, frozenset[str]] | None = None,
) -> dict[Named, list[Definer]]:
    """Where each is defined; a section that is not, where the one around it is.

    `titles` are documents at hand, by id, with the words of their titles: "the gifts policy" is
    the first whose title has these words, if no document goes by just that name.
    """
    asked = set(named)
    sections = {entity for entity in asked if entity.kind == Kind.SECTION}
    owners = {Named(kind, _owner(section)) for section in sections for kind in OWNERS}
    direct = get_definers(zones, (asked - sections) | {owner for owner in owners if owner.key})
    spelled = {section: list(_spellings(section, direct, titles or {})) for section in sections}
    by_section = get_definers(zones, {each for all_ in spelled.values() for each in all_})
    found = {entity: direct[entity] for entity in asked if entity in direct}
    for section, spellings in spelled.items():
        defined = next((by_section[each] for each in spellings if each in by_section), None)
        if defined:
            found[section] = defined
    return found


def get_definers(zones: Sequence[int], named: Iterable[Named]) -> dict[Named, list[Definer]]:
    """Only what is defined under exactly this name."""
    asked = sorted(named)
    found: dict[Named, list[Definer]] = {}
    if asked:
        values = {
            "kinds": [entity.kind for entity in asked],
            "keys": [entity.key for entity in asked],
            "zones": list(zones),
        }
        for kind, key, chunk, document, start in rows(DEFINERS, values):
            found.setdefault(Named(kind, key), []).append(Definer(chunk, document, start))
    return found


def _owner(section: Named) -> str:
    return section.key.partition("#")[0]


def _spellings(
    section: Named,
    direct: Mapping[Named, list[Definer]],
    titles: Mapping[str, frozenset[str]],
) -> Iterator[Named]:
    """Under which keys a section may be defined, the most exact number first."""
    owner, _, number = section.key.partition("#")
    owners = [owner]
    for kind in OWNERS:
        owners += [str(each.document_id) for each in direct.get(Named(kind, owner), [])]
    words = frozenset(owner.split())
    if len(owners) == 1 and words:
        owners += [document for document, title in titles.items() if words <= title][:1]
    for shorter in section_numbers(number):
        yield from (section_of(name, shorter) for name in dict.fromkeys(owners))


def rows(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
