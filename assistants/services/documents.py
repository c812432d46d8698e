"""Getting documents in: upload, ingestion of one version, ingestion of a folder."""

from __future__ import annotations

import logging
import os
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from assistants import compute, data
from assistants.exceptions import AssistantsError, DocumentRejected, InvalidRequest, NotFound
from assistants.models import DocumentVersion, Zone

logger = logging.getLogger(__name__)

PIPELINE = f"{data.PIPELINE}, {compute.EMBEDDING_MODEL} {compute.EMBEDDING_VERSION}"
EMBED_AT_ONCE = 256  # texts, of one document or several
ORIGIN_CHARACTERS = 500
SKIPPED_FOLDERS = {"CVS", "__pycache__", "node_modules"}
# A version that waits longer than this was lost on its way to a worker.
WAITING_TOO_LONG = timedelta(minutes=10)

Enqueue = Callable[[str], object]


class FileOutcome(StrEnum):
    RECEIVED = "received"  # kept, and waits for a worker
    INDEXED = "indexed"  # searchable
    UNCHANGED = "unchanged"  # was searchable before, with this content
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file; `message` says why it was rejected, for people."""

    name: str
    outcome: FileOutcome
    message: str = ""
    document: uuid.UUID | None = None


class UploadedFile(Protocol):
    @property
    def name(self) -> str | None: ...

    def read(self, num_bytes: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A version that is read and cut, and lacks only its embeddings."""

    result: FileResult
    version_id: uuid.UUID
    parsed: data.ParsedDocument
    chunks: list[data.DraftChunk]


# -- upload ---------------------------------------------------------------------------------------


def list_zones(user: AbstractBaseUser) -> list[Zone]:
    """The zones a user may read, and so may add documents to."""
    return list(Zone.objects.filter(pk__in=data.get_scope(user).zone_ids))


def upload(
    user: AbstractBaseUser, zone_slug: str, files: Iterable[UploadedFile], enqueue: Enqueue
) -> list[FileResult]:
    """Keep files for ingestion, in one of the user's zones; one bad file does not stop the rest.

    `enqueue` is given the id of each version to ingest, once it is committed. Raises NotFound for
    a zone that the user may not read.
    """
    zone = Zone.objects.filter(slug=zone_slug, pk__in=data.get_scope(user).zone_ids).first()
    if zone is None:
        raise NotFound(f"zone {zone_slug} for user {user.pk}")
    results = []
    for file in files:
        name = clean_origin(file.name or "")
        try:
            # one byte more than permitted tells that it is too much
            version = _receive(zone, name, file.read(settings.MAX_UPLOAD_BYTES + 1), user.pk)
        except DocumentRejected as error:
            logger.info("upload of %s", error)
            results.append(FileResult(name, FileOutcome.REJECTED, error.user_message))
            continue
        if version.status == DocumentVersion.Status.INDEXED:
            results.append(FileResult(name, FileOutcome.UNCHANGED, document=version.document_id))
            continue
        results.append(FileResult(name, FileOutcome.RECEIVED, document=version.document_id))
        _enqueue_on_commit(enqueue, version.pk)
    return results


def _enqueue_on_commit(enqueue: Enqueue, version_id: uuid.UUID) -> None:
    def send() -> None:
        enqueue(str(version_id))

    # A broker that is away must not lose the file: `resume_waiting` queues it again.
    transaction.on_commit(send, robust=True)


def resume_waiting(enqueue: Enqueue) -> int:
    """Queue again what was received long ago and never ingested; how many those are."""
    waiting = data.list_waiting(timezone.now() - WAITING_TOO_LONG)
    for version_id in waiting:
        enqueue(str(version_id))
    return len(waiting)


def clean_origin(name: str) -> str:
    """A file's name as it is stored and shown: no control characters, and not endless."""
    visible = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFC", visible).strip()[-ORIGIN_CHARACTERS:] or "unnamed"


def _receive(zone: Zone, origin: str, content: bytes, user_id: int | None) -> DocumentVersion:
    media_type = data.detect(origin, content, settings.MAX_UPLOAD_BYTES)
    return data.receive_version(
        zone, origin, content, media_type=media_type, pipeline=PIPELINE, user_id=user_id
    )


# -- ingestion ------------------------------------------------------------------------------------


def ingest_version(version_id: uuid.UUID | str) -> None:
    """Read, cut, embed and index a version that waits; one that does not wait is left alone.

    A file that cannot be read is marked as rejected, with the reason. What fails for another
    reason (no weights, no database) raises, and the version goes on waiting.
    """
    version_id = uuid.UUID(str(version_id))
    waiting = data.get_received(version_id)
    if waiting is None:
        return
    origin, content = waiting
    try:
        parsed, chunks = _prepare(origin, content)
    except DocumentRejected as error:
        logger.info("document version %s rejected: %s", version_id, error)
        data.reject_version(version_id, error.user_message)
        return
    vectors = _embed([chunk.embedded for chunk in chunks])
    data.index_version(version_id, parsed, chunks, vectors, pipeline=PIPELINE)


def ingest_path(
    path: Path, zone_slug: str, report: Callable[[FileResult], None] | None = None
) -> list[FileResult]:
    """Ingest a file or a folder with all below it; ends when all is searchable or rejected.

    A document's origin is its path below `path`, or the file's name. `report` is called for each
    file as soon as its outcome is known. Raises InvalidRequest for an unknown path or zone.
    """
    zone = Zone.objects.filter(slug=zone_slug).first()
    if zone is None:
        known = ", ".join(Zone.objects.values_list("slug", flat=True)) or "none yet"
        raise InvalidRequest(user_message=f"There is no zone “{zone_slug}”. Zones: {known}.")
    if not path.exists():
        raise InvalidRequest(user_message=f"There is no file or folder {path}.")
    results: list[FileResult] = []

    def tell(result: FileResult) -> None:
        results.append(result)
        if report:
            report(result)

    batch: list[_Prepared] = []
    for file, origin in list_files(path):
        outcome = _prepare_file(zone, file, origin)
        if isinstance(outcome, FileResult):
            tell(outcome)
            continue
        batch.append(outcome)
        if sum(len(prepared.chunks) for prepared in batch) >= EMBED_AT_ONCE:
            _index_all(batch, tell)
            batch = []
    _index_all(batch, tell)
    return results


def list_files(path: Path) -> Iterator[tuple[Path, str]]:
    """Files and their origins, in a stable order; hidden ones and version control are left out."""
    if not path.is_dir():
        yield path, clean_origin(path.name)
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(f for f in folders if f[0] != "." and f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            file = Path(folder, name)
            if name[0] != "." and file.is_file():
                yield file, clean_origin(file.relative_to(path).as_posix())


def _prepare_file(zone: Zone, file: Path, origin: str) -> FileResult | _Prepared:
    try:
        with file.open("rb") as opened:
            content = opened.read(settings.MAX_UPLOAD_BYTES + 1)
        version = _receive(zone, origin, content, None)
    except OSError as error:
        message = f"“{file.name}” cannot be opened: {error.strerror}."
        return FileResult(origin, FileOutcome.REJECTED, message)
    except DocumentRejected as error:
        return FileResult(origin, FileOutcome.REJECTED, error.user_message)
    if version.status == DocumentVersion.Status.INDEXED:
        return FileResult(origin, FileOutcome.UNCHANGED, document=version.document_id)
    try:
        parsed, chunks = _prepare(origin, content)
    except DocumentRejected as error:
        data.reject_version(version.pk, error.user_message)
        return FileResult(
            origin, FileOutcome.REJECTED, error.user_message, document=version.document_id
        )
    result = FileResult(origin, FileOutcome.INDEXED, document=version.document_id)
    return _Prepared(result, version.pk, parsed, chunks)


def _index_all(batch: list[_Prepared], tell: Callable[[FileResult], None]) -> None:
    texts = [chunk.embedded for prepared in batch for chunk in prepared.chunks]
    vectors = iter(_embed(texts))
    for prepared in batch:
        own = [next(vectors) for _ in prepared.chunks]
        data.index_version(
            prepared.version_id, prepared.parsed, prepared.chunks, own, pipeline=PIPELINE
        )
        tell(prepared.result)


def _prepare(origin: str, content: bytes) -> tuple[data.ParsedDocument, list[data.DraftChunk]]:
    """Raises DocumentRejected, also where our own code trips over the file: it would again.

    Other errors that are known (no weights) pass: they are not the file's.
    """
    try:
        parsed = data.parse_document(origin, content, settings.MAX_UPLOAD_BYTES)
        return parsed, data.chunk_document(parsed, compute.count_tokens)
    except AssistantsError:
        raise
    except Exception as error:
        logger.exception("reading %s failed", origin)
        raise DocumentRejected(
            f"{origin}: {error!r}",
            user_message=f"“{origin.rsplit('/', 1)[-1]}” could not be read because of a fault "
            "here. Please tell your administrator, or try another format.",
        ) from error


def _embed(texts: list[str]) -> list[list[float]]:
    vectors: list[list[float]] = []
    for start in range(0, len(texts), EMBED_AT_ONCE):
        vectors += compute.embed_texts(texts[start : start + EMBED_AT_ONCE])
    return vectors
