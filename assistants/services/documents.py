"""Getting documents in and out: upload, ingestion of a folder, removal, and what went wrong."""

from __future__ import annotations

import logging
import os
import time
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import transaction

from assistants import control, data
from assistants.exceptions import DocumentRejected, InvalidRequest, NotFound
from assistants.models import DocumentVersion, Zone
from assistants.services import ingestion
from assistants.services.ingestion import PIPELINE, VersionOutcome, Wake
from assistants.services.second_person import check_permission
from assistants.types import Scope

logger = logging.getLogger(__name__)

ORIGIN_CHARACTERS = 500
SKIPPED_FOLDERS = {"CVS", "__pycache__", "node_modules"}
PLENTY = 2000  # files of room, with which nobody counts for a second
LOOK_AGAIN = 0.2  # seconds, while another worker has a file of ours
REMOVE_DOCUMENTS = "assistants.delete_document"  # those of others

Status = DocumentVersion.Status


class FileOutcome(StrEnum):
    INDEXED = "indexed"  # searchable
    UNCHANGED = "unchanged"  # was searchable before, with this content
    REJECTED = "rejected"
    RECEIVED = "received"  # kept, and waits for a worker
    HELD = "held"  # kept, and waits for a person
    FAILED = "failed"  # kept; our fault
    REFUSED = "refused"  # not kept: too much waits


_OUTCOMES = {
    Status.INDEXED: FileOutcome.INDEXED,
    Status.REJECTED: FileOutcome.REJECTED,
    Status.HELD: FileOutcome.HELD,
    Status.FAILED: FileOutcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file; `message` says why and what to do, for people."""

    name: str
    outcome: FileOutcome
    message: str = ""
    document: uuid.UUID | None = None


class UploadedFile(Protocol):
    @property
    def name(self) -> str | None: ...

    def read(self, num_bytes: int = ..., /) -> bytes: ...


# -- upload ---------------------------------------------------------------------------------------


def upload(
    user: AbstractUser, zone_slug: str, files: Iterable[UploadedFile], wake: Wake
) -> list[FileResult]:
    """Keep files for ingestion, in one of the user's zones; one bad file does not stop the rest.

    `wake` is called once when they are committed, so that a worker looks. Raises NotFound for a
    zone that the user may not read.
    """
    scope = data.get_scope(user)
    zone = Zone.objects.filter(slug=zone_slug, pk__in=scope.zone_ids).first()
    if zone is None:
        raise NotFound(f"zone {zone_slug} for user {user.pk}")
    results = []
    with data.rights_of(scope):
        room = _room(zone, user)
        kept: list[DocumentVersion] = []
        for file in files:
            if room <= len(kept):
                results.append(_refused(clean_origin(file.name or ""), zone))
                continue
            result, version = _keep(zone, file, user)
            results.append(result)
            if version:
                kept.append(version)
        if kept:
            results = _told_of_twins(scope, zone, results, kept)
            ingestion.wake_on_commit(wake)
            control.record_event(
                action="document.uploaded",
                actor=user.get_username(),
                subject=zone.slug,
                data={
                    "versions": [
                        {"version": str(version.pk), "sha256": version.sha256} for version in kept
                    ]
                },
            )
    return results


def _keep(
    zone: Zone, file: UploadedFile, user: AbstractUser
) -> tuple[FileResult, DocumentVersion | None]:
    """The result, and the version if it is to be read now."""
    name = clean_origin(file.name or "")
    try:
        # one byte more than permitted tells that it is too much
        content = file.read(settings.MAX_UPLOAD_BYTES + 1)
        content, media_type = data.take_in(name, content, settings.MAX_UPLOAD_BYTES)
        version = data.append_version(
            zone,
            name,
            content,
            media_type=media_type,
            pipeline=PIPELINE,
            user_id=user.pk,
        )
    except DocumentRejected as error:
        logger.info("upload of %s", error)
        return FileResult(name, FileOutcome.REJECTED, error.user_message), None
    if version.status == Status.INDEXED:
        return FileResult(name, FileOutcome.UNCHANGED, document=version.document_id), None
    if version.status == Status.HELD:
        result = FileResult(name, FileOutcome.HELD, version.error, document=version.document_id)
        return result, None
    return FileResult(name, FileOutcome.RECEIVED, document=version.document_id), version


# (zone, user) for whom there was plenty of room a moment ago, and until when that counts: among
# a thousand waiting files, counting them for each upload would cost as much as taking it.
_plenty: dict[tuple[int, int], float] = {}


def _room(zone: Zone, user: AbstractUser) -> int:
    """How many files more may wait. A second's uploads may exceed what is meant for thousands."""
    key = (zone.pk, user.pk)
    if time.monotonic() < _plenty.get(key, 0.0):
        return PLENTY
    in_zone, of_user = data.count_waiting_for(*key)
    room = min(settings.MAX_WAITING_PER_ZONE - in_zone, settings.MAX_WAITING_PER_USER - of_user)
    if room >= PLENTY:
        _plenty[key] = time.monotonic() + 1
    return room


def _refused(name: str, zone: Zone) -> FileResult:
    return FileResult(
        name,
        FileOutcome.REFUSED,
        f"“{name.rsplit('/', 1)[-1]}” was not taken: too many files wait to be read for you or "
        f"for {zone.name}. Please add it again when some of them are searchable.",
    )


def _told_of_twins(
    scope: Scope, zone: Zone, results: list[FileResult], kept: list[DocumentVersion]
) -> list[FileResult]:
    """The same content in another zone is another document: whoever may read both is told."""
    twins = data.list_twins(scope, zone.pk, [version.sha256 for version in kept])
    if not twins:
        return results
    hashes = {version.document_id: version.sha256 for version in kept}
    told = []
    for result in results:
        zones = twins.get(hashes.get(result.document, "") if result.document else "")
        if zones and result.outcome is FileOutcome.RECEIVED:
            message = (
                f"The same file is in {', '.join(zones)} already. They are two documents: "
                "changing or removing one leaves the other as it is."
            )
            result = replace(result, message=message)
        told.append(result)
    return told


def clean_origin(name: str) -> str:
    """A file's name as it is stored and shown: no control characters, and not endless."""
    visible = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFC", visible).strip()[-ORIGIN_CHARACTERS:] or "unnamed"


# -- folders --------------------------------------------------------------------------------------


def ingest_path(
    path: Path, zone_slug: str, report: Callable[[FileResult], None] | None = None
) -> list[FileResult]:
    """Ingest a file or a folder with all below it; ends when all is searchable or reported.

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

    waiting: dict[uuid.UUID, FileResult] = {}
    for file, origin in list_files(path):
        result, version_id = _receive_file(zone, file, origin)
        if version_id is None:
            tell(result)
            continue
        waiting[version_id] = result
        if len(waiting) == ingestion.AT_ONCE:
            _finish(waiting, tell)
            waiting = {}
    _finish(waiting, tell)
    counts = Counter(result.outcome for result in results)
    if set(counts) - {FileOutcome.UNCHANGED}:
        control.record_event(
            action="document.ingested",
            subject=zone.slug,
            data={outcome.value: count for outcome, count in counts.items()},
        )
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


def _receive_file(zone: Zone, file: Path, origin: str) -> tuple[FileResult, uuid.UUID | None]:
    """The result so far, and the version if it waits."""
    try:
        with file.open("rb") as opened:
            content = opened.read(settings.MAX_UPLOAD_BYTES + 1)
        content, media_type = data.take_in(origin, content, settings.MAX_UPLOAD_BYTES)
        version = data.receive_version(
            zone,
            origin,
            content,
            media_type=media_type,
            pipeline=PIPELINE,
        )
    except OSError as error:
        message = f"“{file.name}” cannot be opened: {error.strerror}."
        return FileResult(origin, FileOutcome.REJECTED, message), None
    except DocumentRejected as error:
        return FileResult(origin, FileOutcome.REJECTED, error.user_message), None
    document = version.document_id
    if version.status == Status.INDEXED:
        return FileResult(origin, FileOutcome.UNCHANGED, document=document), None
    if version.status == Status.HELD:
        return FileResult(origin, FileOutcome.HELD, version.error, document=document), None
    return FileResult(origin, FileOutcome.RECEIVED, document=document), version.pk


def _finish(waiting: Mapping[uuid.UUID, FileResult], tell: Callable[[FileResult], None]) -> None:
    """Ingest these here, and wait for those that another worker took first."""
    open_ids = set(waiting)
    while open_ids:
        outcomes: Mapping[uuid.UUID, VersionOutcome]
        if claimed := data.claim_versions(len(open_ids), open_ids):
            outcomes = ingestion.ingest_claimed(claimed)
        else:
            outcomes = ingestion.get_outcomes(open_ids)
            if not outcomes:
                time.sleep(LOOK_AGAIN)
        # In the order in which they came.
        for version_id, result in waiting.items():
            if version_id in outcomes:
                outcome = outcomes[version_id]
                kind = _OUTCOMES.get(outcome.status, FileOutcome.RECEIVED)
                tell(replace(result, outcome=kind, message=outcome.message))
        open_ids -= outcomes.keys()


# -- removal --------------------------------------------------------------------------------------


def may_remove(user: AbstractUser, created_by: int | None) -> bool:
    return created_by == user.pk or user.has_perm(REMOVE_DOCUMENTS)


def remove_document(user: AbstractUser, document_id: uuid.UUID) -> None:
    """Take it out of the search at once; it can be brought back until its retention ends.

    For whoever may read it and added it, or may remove those of others. Raises NotFound and
    InvalidRequest.
    """
    _check_removal(user, document_id)
    with transaction.atomic():
        if data.remove_document(document_id):
            _record("document.removed", user, document_id)


def restore_document(user: AbstractUser, document_id: uuid.UUID) -> None:
    """The opposite, for the same people."""
    _check_removal(user, document_id)
    with transaction.atomic():
        if data.restore_document(document_id):
            _record("document.restored", user, document_id)


def _check_removal(user: AbstractUser, document_id: uuid.UUID) -> None:
    document = data.get_version(data.get_scope(user), document_id).document
    if not may_remove(user, document.created_by_id):
        check_permission(user, REMOVE_DOCUMENTS)


def _record(action: str, user: AbstractUser, document_id: uuid.UUID, **more: str) -> None:
    control.record_event(
        action=action, actor=user.get_username(), subject=str(document_id), data=more
    )


# -- dead letters ---------------------------------------------------------------------------------


def list_dead_letters(scope: Scope, limit: int | None = None) -> list[data.DocumentEntry]:
    """Documents of these zones whose newest version waits for a person: held, rejected, failed."""
    return data.list_documents(scope, statuses=data.DEAD_LETTERS, limit=limit)


def retry_version(
    user: AbstractUser, version_id: uuid.UUID, wake: Wake, scope: Scope | None = None
) -> None:
    """Take a failed version up again, from its first attempt. Raises NotFound.

    `scope` is the user's own if not given; the console gives its own.
    """
    with transaction.atomic():
        version = data.get_dead_letter(scope or data.get_scope(user), version_id)
        if not data.retry_version(version.pk):
            raise NotFound(f"version {version_id} is {version.status}")
        _record("document.retried", user, version.document_id, version=str(version.pk))
        ingestion.wake_on_commit(wake)


def discard_version(user: AbstractUser, version_id: uuid.UUID, scope: Scope | None = None) -> None:
    """Delete a version that was never searchable, with its file. Raises NotFound.

    Its document goes too if it has no other version; else the version before is the newest again.
    """
    with transaction.atomic():
        version = data.get_dead_letter(scope or data.get_scope(user), version_id)
        data.delete_version(version.pk)
        _record(
            "document.discarded",
            user,
            version.document_id,
            version=str(version.pk),
            sha256=version.sha256,
            status=version.status,
        )
