"""From a question and the passages found for it to what they name. Every query is inside the
reader's zones, by row-level security and by its own filter.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from assistants.data.embedding_models import get_active_model
from assistants.data.graph import references, symbols
from assistants.data.graph.names import (
    DOCUMENT_WORDS,
    LAW_WORDS,
    Kind,
    Named,
    Predicate,
    section_of,
    title_key,
    title_words,
)
from assistants.data.graph.resolving import FOLLOWED, WHOLE, resolve, rows
from assistants.data.lexemes import get_statistics
from assistants.data.ranking import rank
from assistants.data.scope import rights_of
from assistants.data.search import read_candidate
from assistants.types import Passage, Scope

FROM_QUESTION = 0
MOST_CANDIDATES = 60  # chunks that are compared with the question
NEAREST = 12  # chunks of documents that are named as a whole: those nearest to the question

NAMED_BY = """
select mention.chunk_id, entity.kind, entity.key
from assistants_mention mention
join assistants_entity entity on entity.id = mention.entity_id
where mention.chunk_id = any (%(chunks)s::uuid[]) and mention.zone_id = any (%(zones)s::bigint[])
    and not mention.defines and entity.kind = any (%(kinds)s::text[])
order by mention.start
"""
CALLERS = """
select defined.chunk_id, relation.chunk_id
from assistants_mention defined
join assistants_relation relation on relation.object_id = defined.entity_id
    and relation.predicate = %(calls)s and relation.zone_id = any (%(zones)s::bigint[])
where defined.chunk_id = any (%(chunks)s::uuid[]) and defined.defines
    and defined.zone_id = any (%(zones)s::bigint[])
"""
# "+ 0": an expression that the vector index does not serve; these documents are few
NEAREST_OF = """
select version.document_id, chunk.id
from assistants_documentversion version
join assistants_chunk chunk on chunk.version_id = version.id and chunk.current
    and chunk.zone_id = any (%(zones)s::bigint[])
join assistants_embedding embedding on embedding.chunk_id = chunk.id
    and embedding.model_id = %(model)s
where version.document_id = any (%(documents)s::uuid[]) and version.current
order by (embedding.vector <=> %(vector)s::halfvec) + 0
limit %(limit)s
"""
COMPARED = """
select chunk.id, version.document_id, version.id, document.title, chunk.section, chunk.text,
    zone.slug, chunk.start, chunk."end", 1 - (embedding.vector <=> %(vector)s::halfvec),
    chunk.search::text, ''::bytea, version.valid_from, version.valid_until
from assistants_chunk chunk
join assistants_embedding embedding on embedding.chunk_id = chunk.id
    and embedding.model_id = %(model)s
join assistants_documentversion version on version.id = chunk.version_id and version.current
join assistants_document document on document.id = version.document_id
join assistants_zone zone on zone.id = chunk.zone_id
where chunk.id = any (%(chunks)s::uuid[]) and chunk.current
    and chunk.zone_id = any (%(zones)s::bigint[])
"""

_TITLE = re.compile(
    rf"\b(?:the|our|under|of|in)\s(?P<title>(?:[\w&’'-]{{1,30}}\s){{1,6}}?"
    rf"(?:{'|'.join((*DOCUMENT_WORDS, *LAW_WORDS))})(?:\s(?:on|for)\s[\w-]{{3,30}})?)\b",
    re.I,
)
_NUMBER = re.compile(r"\b[a-z][a-z0-9]{1,5}(?:-[a-z]{1,4})?-\d{2,4}(?:-\d{2,4})?\b", re.I)
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*){0,3}(?=(?P<call>\(\))?)")
_CALLED = re.compile(r"\b(?:call|calls|called|caller|callers|uses|used)\b", re.I)


def find_linked(
    scope: Scope,
    zone_ids: Sequence[int] | None,
    question: str,
    vector: Sequence[float],
    passages: Sequence[Passage],
    *,
    keyword_weight: float,
    model_id: int | None = None,
) -> list[Passage]:
    """What the question itself names, then what the passages refer to; the best first of each.

    `zone_ids`, `vector` and `model_id` are as for `search`. Each says in `linked_from` where its
    link came from, and has no number yet. They bear the same evidence as found ones, for the same
    rules. What the passages refer to is never one of them; what the question names may be.
    """
    allowed = set(scope.zone_ids)
    zones = sorted(allowed if zone_ids is None else allowed.intersection(zone_ids))
    if not zones:
        return []
    written = "[" + ",".join(f"{number:.4g}" for number in vector) + "]"
    with rights_of(Scope(tuple(zones))):
        values = {"zones": zones, "vector": written, "model": model_id or get_active_model().pk}
        links = _Links(values, passages)
        links.follow_question(question)
        links.follow_passages()
        chunks = [*links.named, *links.exact, *links.partial][:MOST_CANDIDATES]
        if not chunks:
            return []
        statistics = get_statistics(zones, question)
        compared = rows(COMPARED, {**values, "chunks": chunks})
    candidates = [read_candidate(row, statistics.frequencies) for row in compared]
    ranked = {
        uuid.UUID(each.chunk_id): each for each in rank(candidates, statistics, keyword_weight)
    }
    ordered: dict[uuid.UUID, Passage] = {}
    for group in (links.named, links.exact, links.partial):
        for chunk, passage in ranked.items():
            if chunk in group and chunk not in ordered:
                ordered[chunk] = replace(passage, linked_from=group[chunk])
    return list(ordered.values())


class _Links:
    """Chunks that links lead to, each with where the first such link came from.

    `named`: by the question. `exact`: they define what a passage refers to, or call what it
    defines. `partial`: a passage names their document as a whole.
    """

    def __init__(self, values: dict[str, Any], passages: Sequence[Passage]) -> None:
        self.values = values
        self.zones: list[int] = values["zones"]
        self.numbers = {uuid.UUID(passage.chunk_id): passage.number for passage in passages}
        self.titles = {each.document_id: title_words(each.title) for each in passages}
        self.named: dict[uuid.UUID, int] = {}
        self.exact: dict[uuid.UUID, int] = {}
        self.partial: dict[uuid.UUID, int] = {}

    def follow_question(self, question: str) -> None:
        """Only parts that it names exactly: for whole documents the search has looked."""
        named = {entity for entity in named_in_question(question) if entity.kind not in WHOLE}
        if not named:
            return
        found = resolve(self.zones, named, self.titles)
        defined = [each.chunk_id for definers in found.values() for each in definers]
        if _CALLED.search(question) and any(entity.kind == Kind.SYMBOL for entity in found):
            self.named.update((caller, FROM_QUESTION) for _, caller in self.callers(defined))
        self.named.update((chunk, FROM_QUESTION) for chunk in defined)

    def follow_passages(self) -> None:
        if not self.numbers:
            return
        values = {**self.values, "chunks": list(self.numbers), "kinds": list(FOLLOWED)}
        referred = [
            (self.numbers[chunk], Named(kind, key)) for chunk, kind, key in rows(NAMED_BY, values)
        ]
        referred.sort(key=lambda pair: pair[0])
        found = resolve(self.zones, {entity for _, entity in referred}, self.titles)
        documents: dict[uuid.UUID, int] = {}
        for number, entity in referred:
            for definer in found.get(entity, []):
                if entity.kind in WHOLE:
                    documents.setdefault(definer.document_id, number)
                elif definer.chunk_id not in self.numbers:
                    self.exact.setdefault(definer.chunk_id, number)
        for chunk, caller in self.callers(list(self.numbers)):
            if caller not in self.numbers:
                self.exact.setdefault(caller, self.numbers[chunk])
        if documents:
            values = {**self.values, "documents": list(documents), "limit": NEAREST}
            for document, chunk in rows(NEAREST_OF, values):
                if chunk not in self.numbers:
                    self.partial.setdefault(chunk, documents[document])

    def callers(self, chunks: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """Pairs of a chunk that defines something and one that calls it."""
        values = {**self.values, "chunks": list(chunks), "calls": Predicate.CALLS}
        return [(chunk, caller) for chunk, caller in rows(CALLERS, values)]


def named_in_question(question: str) -> Iterator[Named]:
    """What a question names exactly: "section 4.2 of the gifts policy", GIF-07, `next_step`.

    "Section 4" alone says not whose, unless the question names one document elsewhere.
    """
    owners = {match.group().lower() for match in _NUMBER.finditer(question)}
    if not owners:
        owners = {title_key(match["title"]) for match in _TITLE.finditer(question)}
    for found in references.find_references(question):
        if not found.own:
            yield found.entity
        elif len(owners) == 1:
            yield section_of(next(iter(owners)), found.entity.key.partition("#")[2])
    for named, _, _ in symbols.named_in_prose(question):
        yield named
    for match in _IDENTIFIER.finditer(question):
        name = match.group()
        if match["call"] or symbols.is_telling(name.rsplit(".", 1)[-1]):
            yield symbols.symbol(name)
