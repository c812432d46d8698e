"""Lists of documents by their newest version, in pages: ten thousand of them stay quick."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from assistants.data.documents import OPEN, Status
from assistants.data.scope import rights_of
from assistants.models import Document, DocumentVersion
from assistants.types import Scope


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """One line of a list of documents: its newest version, whatever became of it.

    `searchable` is the number of the version that answers come from, None if there is none yet.
    `removed` says since when the document is gone.
    """

    id: uuid.UUID
    title: str
    origin: str
    zone: str
    zone_name: str
    number: int
    media_type: str
    size: int
    status: str
    error: str
    created: datetime
    searchable: int | None
    version: uuid.UUID
    attempts: int
    created_by: int | None
    removed: datetime | None
    detected: dict[str, int] = field(default_factory=dict)


_NEWEST = {
    "version": "pk",
    **{
        name: name
        for name in (
            *("number", "media_type", "size", "status", "error", "created", "attempts"),
            *("detected", "created_by"),
        )
    },
}


def list_documents(
    scope: Scope,
    *,
    zone: str = "",
    query: str = "",
    statuses: Collection[str] = (),
    removed: bool = False,
    offset: int = 0,
    limit: int | None = None,
) -> list[DocumentEntry]:
    """What the scope's zones hold, by zone and title; versions still waiting or rejected too.

    `query` is looked for in titles and origins, `statuses` are those of the newest version.
    Removed documents are left out, or are all there is.
    """
    end = None if limit is None else offset + limit
    with rights_of(scope):
        wanted = _wanted(scope, zone, query, statuses, removed)
        # The rows of the page first: what is looked up for each is looked up for these only.
        page = list(
            wanted.order_by("zone__sensitivity", "zone__slug", "title", "origin").values_list(
                "pk", flat=True
            )[offset:end]
        )
        versions = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
        newest: dict[str, Any] = {
            f"newest_{name}": Subquery(versions.values(source)[:1])
            for name, source in _NEWEST.items()
        }
        rows: list[Any] = list(
            Document.objects.filter(pk__in=page)
            .annotate(
                zone_slug=F("zone__slug"),
                zone_name=F("zone__name"),
                searchable=Subquery(versions.filter(current=True).values("number")[:1]),
                **newest,
            )
            .values()
        )
    place = {id: number for number, id in enumerate(page)}
    return [
        DocumentEntry(
            id=row["id"],
            title=row["title"],
            origin=row["origin"],
            zone=row["zone_slug"],
            zone_name=row["zone_name"],
            searchable=row["searchable"],
            removed=row["removed"],
            **{name: row[f"newest_{name}"] for name in _NEWEST},
        )
        for row in sorted(rows, key=lambda row: place[row["id"]])
    ]


def count_documents(
    scope: Scope,
    *,
    zone: str = "",
    query: str = "",
    statuses: Collection[str] = (),
    removed: bool = False,
) -> int:
    with rights_of(scope):
        return _wanted(scope, zone, query, statuses, removed).count()


def count_open(scope: Scope) -> tuple[int, int]:
    """Versions of the scope that are on their way, and those that wait for a person."""
    with rights_of(scope):
        versions = DocumentVersion.objects.filter(zone_id__in=scope.zone_ids)
        return (
            versions.filter(status__in=OPEN).count(),
            versions.filter(status__in=[Status.HELD, Status.FAILED]).count(),
        )


def _wanted(
    scope: Scope, zone: str, query: str, statuses: Collection[str], removed: bool
) -> QuerySet[Document]:
    documents = Document.objects.filter(
        Exists(DocumentVersion.objects.filter(document=OuterRef("pk"))),
        zone_id__in=scope.zone_ids,
        removed__isnull=not removed,
    )
    if zone:
        documents = documents.filter(zone__slug=zone)
    if query:
        documents = documents.filter(Q(title__icontains=query) | Q(origin__icontains=query))
    if statuses:
        # Few versions are in another state than indexed: begin with them.
        versions = DocumentVersion.objects.filter(status__in=statuses, zone_id__in=scope.zone_ids)
        newer = DocumentVersion.objects.filter(
            document=OuterRef("document"), number__gt=OuterRef("number")
        )
        documents = documents.filter(pk__in=versions.filter(~Exists(newer)).values("document"))
    return documents
