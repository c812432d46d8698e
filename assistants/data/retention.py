"""What a zone keeps no longer. Deleting is for good; who calls records it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from assistants.data.documents import OPEN
from assistants.data.scope import rights_of_system
from assistants.models import Chunk, Document, DocumentVersion, Zone


@dataclass(frozen=True, slots=True)
class ExpiredVersion:
    """A version that is gone: what is left of it is what the record needs."""

    id: uuid.UUID
    document_id: uuid.UUID
    zone: str
    number: int
    sha256: str


def delete_expired_versions(at: datetime, limit: int = 100) -> list[ExpiredVersion]:
    """Delete at most so many versions whose zone's retention has ended, with their chunks.

    A version's retention counts from when it was replaced, or from when its document was removed;
    that of one that was never searchable from its arrival. The current version of a document
    that is there stays, and so does what is still on its way. A document goes with its last
    version.
    """
    deleted: list[ExpiredVersion] = []
    with rights_of_system():
        for zone in Zone.objects.filter(retention_days__isnull=False):
            before = at - timedelta(days=zone.retention_days or 0)
            expired = (
                DocumentVersion.objects.filter(zone=zone, current=False)
                .exclude(status__in=OPEN)
                .filter(Q(valid_until__lt=before) | Q(valid_until__isnull=True, created__lt=before))
                .filter(Q(document__removed__isnull=True) | Q(document__removed__lt=before))
                .order_by("pk")
            )
            rows = expired.values_list("pk", "document_id", "number", "sha256")
            deleted += [
                ExpiredVersion(id, document, zone.slug, number, sha256)
                for id, document, number, sha256 in rows[: limit - len(deleted)]
            ]
        ids = [version.id for version in deleted]
        documents = {version.document_id for version in deleted}
        Chunk.objects.filter(version__in=ids).delete()
        DocumentVersion.objects.filter(pk__in=ids).delete()
        _delete_empty(documents)
    return deleted


def delete_version(version_id: uuid.UUID) -> None:
    """One that was never searchable; its document goes with its last version."""
    with rights_of_system():
        version = DocumentVersion.objects.filter(pk=version_id, chunks__isnull=True)
        documents = set(version.values_list("document_id", flat=True))
        version.delete()
        _delete_empty(documents)


def _delete_empty(documents: set[uuid.UUID]) -> None:
    versions = DocumentVersion.objects.filter(document=OuterRef("pk"))
    Document.objects.filter(~Exists(versions), pk__in=documents).delete()
