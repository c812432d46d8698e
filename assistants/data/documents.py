"""The store of documents: receiving, indexing and rejecting versions, and reading them by scope.

A version is searchable from the moment its transaction commits, whole; until then the version
before it is. So nothing half-indexed is ever found, and no moment has neither.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from assistants.data.blocks import DraftChunk, ParsedDocument
from assistants.data.embedding_models import get_active_model
from assistants.data.lexemes import CONFIGURATION, searchable
from assistants.data.scope import rights_of, rights_of_system
from assistants.exceptions import NotFound
from assistants.models import Chunk, Document, DocumentVersion, Zone, new_id
from assistants.types import Scope

# Parsing and chunking. Raise it when their results change: files given again are then redone.
PIPELINE = "1"

Status = DocumentVersion.Status

_CAMEL = re.compile(r"\b\w*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])\w*")
_CAMEL_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
_BATCH = 200  # chunks an insert

# Through the ORM, the same costs several times as much processor time as all of the parsing.
# `search` is what `get_search_vector` makes.
CREATE_CHUNKS = """
insert into assistants_chunk
    (id, version_id, zone_id, current, position, section, text, start, "end", search)
select id, %(version)s, %(zone)s, true, position, section, text, start, "end",
    setweight(to_tsvector(%(configuration)s::regconfig, %(title)s), 'A')
    || setweight(to_tsvector(%(configuration)s::regconfig, searched_section), 'B')
    || setweight(to_tsvector(%(configuration)s::regconfig, searched_text), 'D')
from unnest(
    %(ids)s::uuid[], %(positions)s::int[], %(sections)s::text[], %(texts)s::text[],
    %(starts)s::int[], %(ends)s::int[], %(searched_sections)s::text[], %(searched_texts)s::text[]
) as piece
    (id, position, section, text, start, "end", searched_section, searched_text)
"""
CREATE_EMBEDDINGS = """
insert into assistants_embedding (chunk_id, model_id, zone_id, current, vector)
select id, %(model)s, %(zone)s, true, vector::halfvec
from unnest(%(ids)s::uuid[], %(vectors)s::text[]) as piece (id, vector)
"""


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """One line of a list of documents: its newest version, whatever became of it.

    `searchable` is the number of the version that answers come from, None if there is none yet.
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


# -- writing, with the system's rights ------------------------------------------------------------


def receive_version(
    zone: Zone,
    origin: str,
    content: bytes,
    *,
    media_type: str,
    pipeline: str,
    user_id: int | None = None,
) -> DocumentVersion:
    """Keep a file as the newest version of the document of this origin in this zone.

    The same content again is the same version: `indexed` if this pipeline has indexed it already,
    else `received`, to be tried (again). Changed content, or content indexed by an older
    pipeline, is a new version: the text of an indexed one never changes, citations point into it.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    with rights_of_system():
        document, _ = Document.objects.select_for_update().get_or_create(
            zone=zone,
            origin=origin,
            defaults={"title": origin.rsplit("/", 1)[-1][:300], "created_by_id": user_id},
        )
        newest = document.versions.defer("content", "text").order_by("-number").first()
        indexed = newest is not None and newest.status == Status.INDEXED
        if newest and newest.sha256 == sha256 and (not indexed or newest.pipeline == pipeline):
            if indexed:
                return newest
            newest.status, newest.error, newest.content = Status.RECEIVED, "", content
            newest.save(update_fields=["status", "error", "content"])
            return newest
        return DocumentVersion.objects.create(
            document=document,
            zone=zone,
            number=newest.number + 1 if newest else 1,
            sha256=sha256,
            media_type=media_type,
            size=len(content),
            content=content,
        )


def get_received(version_id: uuid.UUID) -> tuple[str, bytes] | None:
    """Origin and content of a version that waits to be indexed; None if none of it waits."""
    with rights_of_system():
        version = (
            DocumentVersion.objects.filter(pk=version_id, status=Status.RECEIVED)
            .select_related("document")
            .first()
        )
        return (version.document.origin, bytes(version.content)) if version else None


def list_waiting(before: datetime) -> list[uuid.UUID]:
    """Versions received before that moment that nobody has indexed or rejected."""
    with rights_of_system():
        waiting = DocumentVersion.objects.filter(status=Status.RECEIVED, created__lt=before)
        return list(waiting.order_by("created").values_list("pk", flat=True))


def index_version(
    version_id: uuid.UUID,
    parsed: ParsedDocument,
    chunks: Sequence[DraftChunk],
    vectors: Sequence[Sequence[float]],
    *,
    pipeline: str,
) -> None:
    """Make a version the current, searchable one; the version before stays, as it was until now.

    Doing it again does nothing. An older version that is ready after a newer one is kept but
    never becomes current. Raises NotFound if the version is gone.
    """
    if len(chunks) != len(vectors):
        raise ValueError(f"{len(chunks)} chunks and {len(vectors)} vectors")
    with rights_of_system():
        version, document = _locked(version_id)
        if version.status != Status.RECEIVED:
            return
        overtaken = document.versions.filter(current=True, number__gt=version.number).exists()
        if not overtaken:
            now = timezone.now()
            retire_version(document, now)
            _create_chunks(version, parsed, chunks, vectors)
            version.valid_from = now
            document.title = parsed.title
            document.save(update_fields=["title"])
        version.current = not overtaken
        version.text = parsed.text
        version.pages = list(parsed.pages)
        version.media_type = parsed.media_type
        version.pipeline = pipeline
        version.status, version.error, version.content = Status.INDEXED, "", b""
        version.save()


def reject_version(version_id: uuid.UUID, error: str) -> None:
    """Mark a version as unreadable; the version before stays current and searchable."""
    with rights_of_system():
        version, _ = _locked(version_id)
        if version.status == Status.RECEIVED:
            version.status, version.error, version.content = Status.REJECTED, error, b""
            version.save(update_fields=["status", "error", "content"])


def _locked(version_id: uuid.UUID) -> tuple[DocumentVersion, Document]:
    """One at a time a document, so that two versions cannot both become current."""
    document = (
        Document.objects.select_for_update().filter(versions=version_id).order_by("pk").first()
    )
    version = DocumentVersion.objects.defer("content").filter(pk=version_id).first()
    if document is None or version is None:
        raise NotFound(f"document version {version_id}")
    return version, document


def retire_version(document: Document, at: datetime) -> None:
    """The current version, if there is one, was valid until now; its chunks are kept for then."""
    Chunk.objects.filter(version__document=document, current=True).update(current=False)
    document.versions.filter(current=True).update(current=False, valid_until=at)


def _create_chunks(
    version: DocumentVersion,
    parsed: ParsedDocument,
    chunks: Sequence[DraftChunk],
    vectors: Sequence[Sequence[float]],
) -> None:
    model = get_active_model()
    with connection.cursor() as cursor:
        for start in range(0, len(chunks), _BATCH):
            batch = chunks[start : start + _BATCH]
            ids = [new_id() for _ in batch]
            cursor.execute(
                CREATE_CHUNKS,
                {
                    "version": version.pk,
                    "zone": version.zone_id,
                    "title": searchable(parsed.title),
                    "configuration": CONFIGURATION,
                    "ids": ids,
                    "positions": [chunk.position for chunk in batch],
                    "sections": [chunk.section for chunk in batch],
                    "texts": [chunk.text for chunk in batch],
                    "starts": [chunk.start for chunk in batch],
                    "ends": [chunk.end for chunk in batch],
                    "searched_sections": [searchable(chunk.section) for chunk in batch],
                    "searched_texts": [
                        searchable(f"{chunk.text}\n{split_identifiers(chunk.text)}")
                        for chunk in batch
                    ],
                },
            )
            cursor.execute(
                CREATE_EMBEDDINGS,
                {
                    "model": model.pk,
                    "zone": version.zone_id,
                    "ids": ids,
                    "vectors": [_written(vector) for vector in vectors[start : start + _BATCH]],
                },
            )


def _written(vector: Sequence[float]) -> str:
    """For a halfvec, which keeps three to four decimal digits of each number."""
    return "[" + ",".join([f"{value:.5g}" for value in vector]) + "]"


def split_identifiers(text: str) -> str:
    """The words inside names such as `parseMinor` ("parse Minor"), for the keyword side.

    Full-text search itself already splits at underscores, but not where a capital begins a word.
    """
    found = dict.fromkeys(_CAMEL.findall(text))
    return " ".join(" ".join(_CAMEL_BORDER.split(name)) for name in found)


# -- reading, with a user's rights ----------------------------------------------------------------


def list_documents(scope: Scope) -> list[DocumentEntry]:
    """What the scope's zones hold, by zone and title; versions still waiting or rejected too."""
    versions = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
    current = versions.filter(current=True)
    fields = ("number", "media_type", "size", "status", "error", "created")
    newest = {f"newest_{name}": Subquery(versions.values(name)[:1]) for name in fields}
    with rights_of(scope):
        rows: list[Any] = list(
            Document.objects.filter(zone_id__in=scope.zone_ids)
            .annotate(
                zone_slug=F("zone__slug"),
                zone_name=F("zone__name"),
                searchable=Subquery(current.values("number")[:1]),
                **newest,
            )
            .filter(newest_number__isnull=False)
            .order_by("zone__sensitivity", "zone__slug", "title", "origin")
            .values()
        )
    return [
        DocumentEntry(
            id=row["id"],
            title=row["title"],
            origin=row["origin"],
            zone=row["zone_slug"],
            zone_name=row["zone_name"],
            searchable=row["searchable"],
            **{name: row[f"newest_{name}"] for name in fields},
        )
        for row in rows
    ]


def get_version(
    scope: Scope, document_id: uuid.UUID, version_id: uuid.UUID | None = None
) -> DocumentVersion:
    """A version with its document and zone: the named one, else the current one, else the newest.

    Raises NotFound, also for what the scope does not permit.
    """
    with rights_of(scope):
        versions = DocumentVersion.objects.filter(
            document=document_id, zone_id__in=scope.zone_ids
        ).select_related("document", "zone")
        if version_id is not None:
            versions = versions.filter(pk=version_id)
        version = versions.defer("content").order_by("-current", "-number").first()
    if version is None:
        raise NotFound(f"document {document_id}, version {version_id}")
    return version


def get_section(scope: Scope, version_id: uuid.UUID, start: int) -> str:
    """The section in which a character of a current version stands; "" if none is known."""
    with rights_of(scope):
        chunk = Chunk.objects.filter(
            version=version_id, zone_id__in=scope.zone_ids, start__lte=start
        )
        return chunk.order_by("-start").values_list("section", flat=True).first() or ""
