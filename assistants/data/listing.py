"""Lists of documents by their newest version, in pages: ten thousand of them stay quick."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

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


@dataclass(frozen=True, slots=True)
class DocumentList:
    """A part of a list. `total` counts the whole list; `reading` and `attention` the versions of
    the scope that are on their way, and those that wait for a decision (held, failed).
    """

    entries: list[DocumentEntry]
    total: int
    offset: int
    reading: int
    attention: int


def list_documents(
    scope: Scope,
    *,
    zone: str = "",
    query: str = "",
    statuses: Collection[str] = (),
    removed: bool = False,
    limit: int | None = None,
) -> list[DocumentEntry]:
    """What the scope's zones hold, by zone and title; versions still waiting or rejected too.

    `query` is looked for in titles and origins, `statuses` are those of the newest version.
    Removed documents are left out, or are all there is.
    """
    with rights_of(scope):
        return _entries(_wanted(scope, zone, query, statuses, removed), 0, limit)


def get_document_list(
    scope: Scope,
    *,
    zone: str = "",
    query: str = "",
    statuses: Collection[str] = (),
    removed: bool = False,
    page: int = 1,
    size: int,
) -> DocumentList:
    """A page, from 1, of what `list_documents` lists; beyond the last page, the last."""
    with rights_of(scope):
        wanted = _wanted(scope, zone, query, statuses, removed)
        total = wanted.count()
        offset = (min(max(1, page), max(1, -(-total // size))) - 1) * size
        by_status = dict(
            DocumentVersion.objects.filter(
                status__in=[*OPEN, Status.HELD, Status.FAILED], zone_id__in=scope.zone_ids
            )
            .order_by()
            .values_list("status")
            .annotate(Count("pk"))
        )
        return DocumentList(
            entries=_entries(wanted, offset, size),
            total=total,
            offset=offset,
            reading=sum(by_status.get(status, 0) for status in OPEN),
            attention=by_status.get(Status.HELD, 0) + by_status.get(Status.FAILED, 0),
        )


def _entries(wanted: QuerySet[Document], offset: int, limit: int | None) -> list[DocumentEntry]:
    """The rows of the page first: what is looked up for each is looked up for these only."""
    end = None if limit is None else offset + limit
    order = ("zone__sensitivity", "zone__slug", "title", "origin")
    page = wanted.order_by(*order)[offset:end]
    of_document = DocumentVersion.objects.filter(document=OuterRef("document"))
    newest = (
        DocumentVersion.objects.filter(_is_newest(), document__in=page.values("pk"))
        .select_related("document", "zone")
        .defer("content", "text")
        .annotate(searchable=Subquery(of_document.filter(current=True).values("number")[:1]))
        .order_by(*(f"document__{name}" for name in order))
    )
    return [
        DocumentEntry(
            id=version.document_id,
            title=version.document.title,
            origin=version.document.origin,
            zone=version.zone.slug,
            zone_name=version.zone.name,
            number=version.number,
            media_type=version.media_type,
            size=version.size,
            status=version.status,
            error=version.error,
            created=version.created,
            searchable=version.searchable,
            version=version.pk,
            attempts=version.attempts,
            created_by=version.document.created_by_id,
            removed=version.document.removed,
            detected=version.detected,
        )
        for version in newest
    ]


def _is_newest() -> Q:
    newer = DocumentVersion.objects.filter(
        document=OuterRef("document"), number__gt=OuterRef("number")
    )
    return Q(~Exists(newer))


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
        versions = DocumentVersion.objects.filter(
            _is_newest(), status__in=statuses, zone_id__in=scope.zone_ids
        )
        documents = documents.filter(pk__in=versions.values("document"))
    return documents
