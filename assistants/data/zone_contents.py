"""What is in the zones: counts, held versions, and moving a document with all that hangs on it.

With the system's rights: who may do this, and why, is for the services to ask and to record.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q
from django.db.models.functions import Now

from assistants.data.graph import rebuild_links
from assistants.data.scope import rights_of_system
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Chunk, Document, DocumentVersion, Lexeme, Zone

Status = DocumentVersion.Status

# A held version that waits for a worker anew.
READ_AGAIN: dict[str, Any] = {"status": Status.RECEIVED, "error": "", "attempts": 0, "due": Now()}


@dataclass(frozen=True, slots=True)
class ZoneContents:
    """How much a zone holds. `chunks` are searchable, `held` versions wait for a person."""

    documents: int = 0
    chunks: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A version that proved more sensitive than its zone. `detected` counts spans by type."""

    id: uuid.UUID
    document: uuid.UUID
    title: str
    origin: str
    zone: Zone
    number: int
    detected: dict[str, int]
    detected_sensitivity: int | None
    created: datetime


def count_zone_contents() -> dict[int, ZoneContents]:
    """The contents of each zone that has any, by the zone's primary key."""
    with rights_of_system():
        documents = dict(
            Document.objects.filter(removed=None)
            .values_list("zone")
            .annotate(number=Count("pk"))
            .values_list("zone", "number")
        )
        # the empty word stands in every searchable chunk
        chunks = dict(Lexeme.objects.filter(lexeme="").values_list("zone", "chunks"))
        held = dict(
            DocumentVersion.objects.filter(status=Status.HELD)
            .values_list("zone")
            .annotate(number=Count("pk"))
            .values_list("zone", "number")
        )
    return {
        zone: ZoneContents(documents.get(zone, 0), chunks.get(zone, 0), held.get(zone, 0))
        for zone in {*documents, *chunks, *held}
    }


def get_held_version(version_id: uuid.UUID) -> HeldVersion:
    """Raises NotFound for a version that is not held (any more)."""
    found = _list_held(Q(pk=version_id))
    if not found:
        raise NotFound(f"held version {version_id}")
    return found[0]


def list_held_versions(limit: int = 200) -> list[HeldVersion]:
    """The longest waiting first."""
    return _list_held(Q(), limit)


def _list_held(condition: Q, limit: int = 1) -> list[HeldVersion]:
    versions = (
        DocumentVersion.objects.filter(condition, status=Status.HELD)
        .select_related("zone")
        .annotate(title=F("document__title"), origin=F("document__origin"))
        .defer("content", "text")
        .order_by("created", "pk")
    )
    with rights_of_system():
        return [
            HeldVersion(
                id=version.pk,
                document=version.document_id,
                title=version.title,
                origin=version.origin,
                zone=version.zone,
                number=version.number,
                detected=version.detected,
                detected_sensitivity=version.detected_sensitivity,
                created=version.created,
            )
            for version in versions[:limit]
        ]


def get_document(document_id: uuid.UUID) -> Document:
    """A document with its zone, whichever that is. Raises NotFound."""
    with rights_of_system():
        document = Document.objects.select_related("zone").filter(pk=document_id).first()
    if document is None:
        raise NotFound(f"document {document_id}")
    return document


def lock_document(document_id: uuid.UUID) -> Document:
    """The document with its zone; ingestion and other moves of it wait for this transaction."""
    with rights_of_system():
        document = (
            Document.objects.select_for_update(of=("self",))
            .select_related("zone")
            .filter(pk=document_id)
            .first()
        )
    if document is None:
        raise NotFound(f"document {document_id}")
    return document


def check_move(document: Document, target: Zone) -> None:
    """Raises InvalidRequest where the target holds a document of the same origin."""
    if document.zone_id == target.pk:
        raise InvalidRequest(
            "already there", user_message=f"This document is in the zone {target.name} already."
        )
    with rights_of_system():
        taken = Document.objects.filter(zone=target, origin=document.origin).exists()
    if taken:
        raise InvalidRequest(
            f"{document.origin} exists in {target.slug}",
            code="origin_taken",
            user_message=f"The zone {target.name} holds a document of the same file name already. "
            "Remove or rename one of the two first.",
        )


def move_document(document: Document, target: Zone) -> list[uuid.UUID]:
    """Put a locked document, all its versions and their chunks into another zone.

    Vectors, words and graph follow by triggers. Held versions wait to be read again, since the
    new zone may be sensitive enough; their ids are returned. Raises InvalidRequest as
    `check_move` does.
    """
    check_move(document, target)
    with rights_of_system():
        versions = DocumentVersion.objects.filter(document=document)
        held = list(versions.filter(status=Status.HELD).values_list("pk", flat=True))
        versions.filter(pk__in=held).update(**READ_AGAIN)
        versions.update(zone=target)
        Chunk.objects.filter(version__document=document).update(zone=target)
        document.zone = target
        document.save(update_fields=["zone"])
        rebuild_links(document.pk)
    return held


def count_chunks(document_id: uuid.UUID) -> int:
    """Of all versions of a document."""
    with rights_of_system():
        return Chunk.objects.filter(version__document=document_id).count()


def confirm_version(version_id: uuid.UUID, user_id: int) -> None:
    """A person decided that a held version may stay in its zone; it waits to be read again."""
    with rights_of_system():
        DocumentVersion.objects.filter(pk=version_id, status=Status.HELD).update(
            confirmed_by=user_id, **READ_AGAIN
        )


def reject_held_version(version_id: uuid.UUID, error: str) -> None:
    """A person decided against a held version: its content is dropped, others stay as they are."""
    with rights_of_system():
        DocumentVersion.objects.filter(pk=version_id, status=Status.HELD).update(
            status=Status.REJECTED, error=error, content=b"", text=""
        )
