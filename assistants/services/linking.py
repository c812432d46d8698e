"""Links between documents: on a document's page, and to widen what the search found."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.contrib.auth.models import AbstractBaseUser

from assistants import data
from assistants.models import Assistant, Document
from assistants.types import Passage, Scope

NAMED = 3  # passages that the question itself names: in front, since it asks about them
LINKED = 3  # passages that found ones refer to: behind them


def list_links(user: AbstractBaseUser, document_id: uuid.UUID) -> data.DocumentLinks:
    """Of a document's current version, as far as the user may read both ends."""
    return data.list_links(data.get_scope(user), document_id)


def rebuild_links(report: Callable[[int], None] | None = None) -> int:
    """Find anew what every document names; how many documents those are.

    A transaction a document, so that chatting and ingestion go on. `report` is told after each.
    """
    with data.rights_of_system():
        documents = list(Document.objects.order_by("pk").values_list("pk", flat=True))
    for number, document_id in enumerate(documents, start=1):
        data.rebuild_links(document_id)
        if report:
            report(number)
    return len(documents)


def widen(
    assistant: Assistant,
    scope: Scope,
    zone_ids: Sequence[int] | None,
    question: str,
    vector: Sequence[float],
    passages: Sequence[Passage],
    *,
    model_id: int | None = None,
) -> list[Passage]:
    """The passages with those that links lead to, numbered anew from 1; as they were, if switched
    off. What passages refer to is used under the same rule as what was found
    (`data.is_relevant`); what the question names by itself is what it is about.
    """
    if not assistant.widen_by_links:
        return list(passages)
    linked = data.find_linked(
        scope,
        zone_ids,
        question,
        vector,
        passages,
        keyword_weight=assistant.keyword_weight,
        model_id=model_id,
    )
    return add_linked(passages, linked)


def add_linked(passages: Sequence[Passage], linked: Sequence[Passage]) -> list[Passage]:
    """Pure. `linked` as `data.find_linked` returns them: unnumbered, best first."""
    named = [passage for passage in linked if passage.linked_from == 0][:NAMED]
    front = {passage.chunk_id for passage in named}
    found = [passage for passage in passages if passage.chunk_id not in front]
    behind = [each for each in linked if each.linked_from and data.is_relevant(each.evidence)]
    ordered = [*named, *found, *behind[:LINKED]]
    numbers = {passage.chunk_id: number for number, passage in enumerate(ordered, start=1)}
    moved = {passage.number: numbers[passage.chunk_id] for passage in passages}
    return [
        replace(
            passage,
            number=number,
            linked_from=passage.linked_from and moved[passage.linked_from],
        )
        for number, passage in enumerate(ordered, start=1)
    ]
