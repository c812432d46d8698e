"""What is stored of a source: its documents by origin, whatever zone they are in by now."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from assistants.data.documents import receive_version
from assistants.data.scope import rights_of_system
from assistants.models import Document, DocumentVersion, Source


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """`sha256` is its newest version's, "" if there is none. `removed` says since when."""

    id: uuid.UUID
    zone_id: int
    removed: datetime | None
    sha256: str


def list_source_documents(source_id: uuid.UUID) -> dict[str, SourceDocument]:
    """By origin; with the system's rights."""
    newest = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
    with rights_of_system():
        rows = list(
            Document.objects.filter(source=source_id)
            .annotate(sha256=Subquery(newest.values("sha256")[:1]))
            .values_list("origin", "pk", "zone_id", "removed", "sha256")
        )
    return {row[0]: SourceDocument(row[1], row[2], row[3], row[4] or "") for row in rows}


def receive_from_source(
    source: Source,
    origin: str,
    content: bytes,
    *,
    media_type: str,
    pipeline: str,
    removed_by_sync: Collection[datetime],
) -> DocumentVersion | None:
    """`receive_version` where the document is now: a person's move to another zone stays.

    None, and nothing is kept, if a person removed the document: that is, at another moment than
    those at which a sync removed some.
    """
    with rights_of_system():
        # Locked, so that a move or a removal comes before or after, never between.
        document = (
            Document.objects.select_for_update(of=("self",))
            .select_related("zone")
            .filter(source=source, origin=origin)
            .first()
        )
        if document and document.removed and document.removed not in removed_by_sync:
            return None
        return receive_version(
            document.zone if document else source.zone,
            origin,
            content,
            media_type=media_type,
            pipeline=pipeline,
            source=source,
        )
