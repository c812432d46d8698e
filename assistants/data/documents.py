"""The store of documents: receiving, indexing and removing them, and reading one by scope.

A version is searchable from the moment its transaction commits, whole; until then the version
before it is. So nothing half-indexed is ever found, and no moment has neither.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from assistants.data.blocks import DraftChunk, ParsedDocument
from assistants.data.indexing import complete_versions, create_chunks
from assistants.data.scope import rights_of, rights_of_system
from assistants.exceptions import NotFound
from assistants.models import Chunk, Document, DocumentVersion, Source, Zone
from assistants.types import Scope, Sensitivity

# Parsing and chunking. Raise it when their results change: files given again are then redone.
PIPELINE = "2"

Status = DocumentVersion.Status
OPEN = (
    Status.RECEIVED,
    Status.VALIDATED,
    Status.PARSED,
    Status.CLASSIFIED,
    Status.CHUNKED,
    Status.EMBEDDED,
)
DEAD_LETTERS = (Status.HELD, Status.REJECTED, Status.FAILED)  # they wait for a person


@dataclass(frozen=True, slots=True)
class ReadyVersion:
    """A version that is read, cut and embedded: one vector a chunk. Indexing is what it lacks.

    `attempt` is the number of the attempt that made it, None for whoever asks no turn:
    `data.claim_versions` gives a later number to whoever takes the work over. `model_id` is the
    embedding model that made the vectors, None for the one that is active.
    """

    version_id: uuid.UUID
    parsed: ParsedDocument
    chunks: Sequence[DraftChunk]
    vectors: Sequence[Sequence[float]]
    attempt: int | None = None
    detected: Mapping[str, int] = field(default_factory=dict)
    detected_sensitivity: Sensitivity | None = None
    model_id: int | None = None


# -- writing, with the system's rights ------------------------------------------------------------


def receive_version(
    zone: Zone,
    origin: str,
    content: bytes,
    *,
    media_type: str,
    pipeline: str,
    user_id: int | None = None,
    source: Source | None = None,
) -> DocumentVersion:
    """Keep a file as the newest version of the document of this origin in this zone.

    The same content again is the same version, whatever became of it: `indexed` if this pipeline
    has indexed it, `held` if it waits for a person, else on its way (again). Changed content, or
    content indexed by an older pipeline, is a new version: the text of an indexed one never
    changes, citations point into it. A document that was removed is there again.
    """
    with rights_of_system():
        return append_version(
            zone,
            origin,
            content,
            media_type=media_type,
            pipeline=pipeline,
            user_id=user_id,
            source=source,
        )


CREATE_DOCUMENT = """
insert into assistants_document (id, zone_id, source_id, title, origin, created_by_id, created)
values (%(id)s, %(zone)s, %(source)s, %(title)s, %(origin)s, %(user)s, now())
on conflict (zone_id, origin) do nothing
"""


def append_version(
    zone: Zone,
    origin: str,
    content: bytes,
    *,
    media_type: str,
    pipeline: str,
    user_id: int | None = None,
    source: Source | None = None,
) -> DocumentVersion:
    """`receive_version` with the rights that the caller's transaction has."""
    sha256 = hashlib.sha256(content).hexdigest()
    document = Document(
        zone=zone,
        source=source,
        title=origin.rsplit("/", 1)[-1][:300],
        origin=origin,
        created_by_id=user_id,
    )
    newest = None
    if not _create_document(document):
        document = Document.objects.select_for_update().get(zone=zone, origin=origin)
        newest = document.versions.defer("content", "text").order_by("-number").first()
        _take_back(document, source)
    if newest and newest.sha256 == sha256:
        if newest.status == Status.INDEXED and newest.pipeline == pipeline:
            if not newest.current:
                _make_current(document, newest)
            return newest
        if newest.status in (*OPEN, Status.HELD):
            return newest
        if newest.status in (Status.REJECTED, Status.FAILED):
            newest.status, newest.error, newest.content = Status.RECEIVED, "", content
            newest.attempts, newest.due = 0, timezone.now()
            newest.save(update_fields=["status", "error", "content", "attempts", "due"])
            return newest
    return DocumentVersion.objects.create(
        document=document,
        zone=zone,
        number=newest.number + 1 if newest else 1,
        sha256=sha256,
        media_type=media_type,
        size=len(content),
        content=content,
        created_by_id=user_id,
    )


def _create_document(document: Document) -> bool:
    """False where the zone has one of this origin. One statement where most files are new."""
    with connection.cursor() as cursor:
        cursor.execute(
            CREATE_DOCUMENT,
            {
                "id": document.pk,
                "zone": document.zone_id,
                "source": document.source_id,
                "title": document.title,
                "origin": document.origin,
                "user": document.created_by_id,
            },
        )
        return bool(cursor.rowcount)


def _take_back(document: Document, source: Source | None) -> None:
    if document.removed or (source and document.source_id != source.pk):
        document.removed = None
        document.source = source or document.source
        document.save(update_fields=["removed", "source"])


def index_version(
    version_id: uuid.UUID,
    parsed: ParsedDocument,
    chunks: Sequence[DraftChunk],
    vectors: Sequence[Sequence[float]],
    *,
    pipeline: str,
) -> None:
    """`index_versions` of one. Raises NotFound if the version is gone."""
    with rights_of_system():
        if not DocumentVersion.objects.filter(pk=version_id).exists():
            raise NotFound(f"document version {version_id}")
    index_versions([ReadyVersion(version_id, parsed, chunks, vectors)], pipeline=pipeline)


def index_versions(ready: Sequence[ReadyVersion], *, pipeline: str) -> set[uuid.UUID]:
    """Make each the current, searchable version of its document, all in one transaction.

    Returns the ids of those that were indexed now. The others are gone, are no longer open, or
    were taken over by a later attempt. The version before stays, as it was until now. An older
    version that is ready after a newer one is kept and never becomes current, nor does one of a
    document that was removed meanwhile.
    """
    for draft in ready:
        if len(draft.chunks) != len(draft.vectors):
            raise ValueError(f"{len(draft.chunks)} chunks and {len(draft.vectors)} vectors")
    by_id = {draft.version_id: draft for draft in ready}
    with rights_of_system():
        now = timezone.now()
        pairs: list[tuple[DocumentVersion, ReadyVersion]] = []
        for version in _lock(list(by_id)):
            draft = by_id[version.pk]
            if version.status in OPEN and draft.attempt in (None, version.attempts):
                pairs.append((version, draft))
        newest = dict(
            DocumentVersion.objects.filter(
                document__in={version.document_id for version, _ in pairs}, status=Status.INDEXED
            )
            .values_list("document")
            .annotate(Max("number"))
        )
        searchable = []
        # A newer version of the same batch comes first, and is the one that stays.
        for version, draft in sorted(pairs, key=lambda pair: -pair[0].number):
            overtaken = newest.get(version.document_id, 0) > version.number
            newest.setdefault(version.document_id, version.number)
            newest[version.document_id] = max(newest[version.document_id], version.number)
            version.current = not overtaken and version.document.removed is None
            if version.current:
                version.valid_from = now
            if not overtaken:
                searchable.append((version, draft))
        _retire([version.document_id for version, _ in searchable if version.current], now)
        create_chunks(searchable)
        complete_versions(pairs, pipeline)
        return {version.pk for version, _ in pairs}


def _lock(version_ids: Sequence[uuid.UUID]) -> list[DocumentVersion]:
    """The versions with their documents; one writer at a time a document, always in one order."""
    documents = {
        document.pk: document
        for document in Document.objects.select_for_update()
        .filter(pk__in=DocumentVersion.objects.filter(pk__in=version_ids).values("document"))
        .order_by("pk")
    }
    versions = list(DocumentVersion.objects.defer("content", "text").filter(pk__in=version_ids))
    for version in versions:
        version.document = documents[version.document_id]
    return versions


def _retire(document_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """The current versions were valid until then; their chunks are kept for questions as of then.

    A document without a current version costs one look.
    """
    current = DocumentVersion.objects.filter(document__in=document_ids, current=True)
    retired = list(current.values_list("pk", flat=True))
    if retired:
        Chunk.objects.filter(version__in=retired, current=True).update(current=False)
        current.update(current=False, valid_until=at)


def _make_current(document: Document, version: DocumentVersion) -> None:
    """Again, for a version whose chunks are there. What was current until now is retired."""
    now = timezone.now()
    _retire([document.pk], now)
    Chunk.objects.filter(version=version).update(current=True)
    version.current, version.valid_until = True, None
    version.valid_from = version.valid_from or now
    version.save(update_fields=["current", "valid_from", "valid_until"])


def remove_document(document_id: uuid.UUID, at: datetime | None = None) -> bool:
    """Take it out of the search; what cites it still opens until its retention ends.

    `at` is when it went, now if not given. False if it is unknown or was removed before.
    """
    with rights_of_system():
        document = Document.objects.select_for_update().filter(pk=document_id).first()
        if document is None or document.removed:
            return False
        document.removed = at or timezone.now()
        document.save(update_fields=["removed"])
        _retire([document.pk], document.removed)
        return True


def restore_document(document_id: uuid.UUID) -> bool:
    """Undo `remove_document`: its newest indexed version is searched again.

    False if it is unknown or is not removed.
    """
    with rights_of_system():
        document = Document.objects.select_for_update().filter(pk=document_id).first()
        if document is None or not document.removed:
            return False
        document.removed = None
        document.save(update_fields=["removed"])
        versions = document.versions.defer("content", "text").filter(status=Status.INDEXED)
        if newest := versions.order_by("-number").first():
            _make_current(document, newest)
        return True


# -- reading, with a user's rights ----------------------------------------------------------------


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


# Asked for each upload: through the ORM, writing the statement costs more than answering it.
TWINS = """
select distinct sha256, zone.name, zone.sensitivity, zone.slug
from assistants_documentversion version
join assistants_document document on document.id = document_id and document.removed is null
join assistants_zone zone on zone.id = version.zone_id
where sha256 = any (%(hashes)s) and version.zone_id = any (%(zones)s)
    and version.zone_id <> %(zone)s and status not in ('rejected', 'failed')
order by zone.sensitivity, zone.slug
"""


def list_twins(scope: Scope, zone_id: int, hashes: Sequence[str]) -> dict[str, list[str]]:
    """The names of other zones of the scope that hold files of the same content, by its hash.

    With the rights that the caller's transaction has.
    """
    twins: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            TWINS, {"hashes": list(hashes), "zones": list(scope.zone_ids), "zone": zone_id}
        )
        for sha256, name, *_ in cursor.fetchall():
            twins.setdefault(sha256, []).append(name)
    return twins


def list_versions(scope: Scope, document_id: uuid.UUID) -> list[DocumentVersion]:
    """All of a document's, the newest first, without their contents and texts."""
    with rights_of(scope):
        versions = DocumentVersion.objects.filter(document=document_id, zone_id__in=scope.zone_ids)
        return list(
            versions.select_related("created_by").defer("content", "text").order_by("-number")
        )


def get_section(scope: Scope, version_id: uuid.UUID, start: int) -> str:
    """The section in which a character of a current version stands; "" if none is known."""
    with rights_of(scope):
        chunk = Chunk.objects.filter(
            version=version_id, zone_id__in=scope.zone_ids, start__lte=start
        )
        return chunk.order_by("-start").values_list("section", flat=True).first() or ""
