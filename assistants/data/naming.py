"""Documents that a person names by their title, to have a question answered from these only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from assistants.data.scope import rights_of
from assistants.models import Document, DocumentVersion
from assistants.types import Scope


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """`zone` is a name."""

    id: uuid.UUID
    title: str
    origin: str
    zone: str


def list_namable(
    scope: Scope, zone_ids: Sequence[int], query: str, limit: int
) -> list[NamedDocument]:
    """Searchable documents of these zones whose title or file name holds the query, newest first;
    never one outside `scope`.
    """
    with rights_of(scope):
        found = _searchable(scope, zone_ids)
        for word in query.split():
            found = found.filter(Q(title__icontains=word) | Q(origin__icontains=word))
        return [_named(document) for document in found.order_by("-pk")[:limit]]


def find_named(
    scope: Scope, zone_ids: Sequence[int], ids: Sequence[uuid.UUID]
) -> list[NamedDocument]:
    """Those of these documents that are searchable in the zones, in the order of `ids`; never one
    outside `scope`.
    """
    with rights_of(scope):
        found = {each.pk: each for each in _searchable(scope, zone_ids).filter(pk__in=ids)}
    return [_named(found[each]) for each in dict.fromkeys(ids) if each in found]


def get_titles(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Of those that the rights of this transaction let be seen."""
    return dict(Document.objects.filter(pk__in=ids).values_list("pk", "title")) if ids else {}


def _searchable(scope: Scope, zone_ids: Sequence[int]) -> QuerySet[Document]:
    current = DocumentVersion.objects.filter(document=OuterRef("pk"), current=True)
    zones = set(scope.zone_ids).intersection(zone_ids)
    found = Document.objects.filter(Exists(current), zone_id__in=zones, removed=None)
    return found.select_related("zone").only("title", "origin", "zone__name")


def _named(document: Document) -> NamedDocument:
    return NamedDocument(document.pk, document.title, document.origin, document.zone.name)
