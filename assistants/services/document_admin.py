"""What an admin reads of a document: its data, and its text with a reason that is kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Document, DocumentVersion, ZoneChange
from assistants.services.second_person import (
    READ_CONTENT,
    VIEW_DOCUMENTS,
    check_permission,
    check_reason,
)
from assistants.types import Scope


@dataclass(frozen=True, slots=True)
class DocumentSheet:
    """All of a document but its text; newest version first."""

    document: Document
    versions: list[DocumentVersion]
    waiting: ZoneChange | None


@contextmanager
def reading_titles(user: AbstractUser) -> Iterator[None]:
    """Documents of every zone are listed inside; the queries defer what they say."""
    check_permission(user, VIEW_DOCUMENTS)
    with data.rights_of_system():
        yield


def list_held(user: AbstractUser) -> list[data.HeldVersion]:
    """What waits for a person, the longest first; without text."""
    check_permission(user, VIEW_DOCUMENTS)
    return data.list_held_versions()


def get_document_sheet(user: AbstractUser, document_id: uuid.UUID) -> DocumentSheet:
    """For whoever may see titles. Raises NotFound and InvalidRequest."""
    check_permission(user, VIEW_DOCUMENTS)
    document = data.get_document(document_id)
    with data.rights_of_system():
        versions = list(
            DocumentVersion.objects.filter(document=document)
            .defer("content", "text", "pages")
            .select_related("confirmed_by")
            .order_by("-number")
        )
    waiting = document.moves.filter(status=ZoneChange.Status.WAITING)
    return DocumentSheet(document, versions, waiting.select_related("requested_by").first())


def inspect_version(user: AbstractUser, version_id: uuid.UUID, reason: str) -> DocumentVersion:
    """The text of a version, with its document, whoever may read its zone. The trail says who
    read it and why, before anything is shown.
    """
    check_permission(user, VIEW_DOCUMENTS, READ_CONTENT)
    reason = check_reason(reason, "Reading what is not yours is recorded with its reason.")
    with data.rights_of_system():
        place = (
            DocumentVersion.objects.filter(pk=version_id)
            .values_list("document", "zone", "zone__slug")
            .first()
        )
    if place is None:
        raise NotFound(f"version {version_id}")
    document_id, zone_id, zone = place
    control.record_event(
        action="document.inspected",
        actor=user.get_username(),
        subject=str(document_id),
        data={"version": str(version_id), "zone": zone, "reason": reason},
    )
    with data.rights_of(Scope((zone_id,))):
        versions = DocumentVersion.objects.select_related("document", "zone").defer("content")
        version = versions.filter(pk=version_id).first()
    if version is None:  # moved a moment ago
        raise NotFound(f"version {version_id}")
    return version
