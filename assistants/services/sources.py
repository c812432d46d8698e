"""Sources: take in what is new there, remove what is gone, and say what happened.

A sync receives files like an upload does; ingestion finds them waiting. It removes only what a
complete listing shows to be gone, and asks a person first when that is most of what there was.
Where a person moved a document or took it away, that stays: sources never undo people.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import (
    AssistantsError,
    DocumentRejected,
    InvalidRequest,
    LeaseLost,
    NotFound,
)
from assistants.models import DocumentVersion, Source
from assistants.services import ingestion
from assistants.services.connections import give_back_connection
from assistants.services.ingestion import PIPELINE, Wake

logger = logging.getLogger(__name__)

KEY_VARIABLE = data.KEY_VARIABLE
LEASE_SECONDS = 60
LONGEST_PAUSE = timedelta(days=1)
# So many files wait for ingestion at most before a sync pauses; the next one goes on.
WAITING_AT_MOST = 2_000
LOOK_EVERY = 100  # files
TOLD = 20  # files that were not taken, by name
KEPT_MOMENTS = 500  # of removals, so that a file that comes back is known as one that went


@dataclass
class SyncReport:
    """What one sync did. `counts`: received, restored, unchanged, removed, rejected, skipped,
    kept_away (removed by a person, and still at the source). `problems` are files with the end of
    a sentence. `waiting` removals need a person; `unfinished` goes on at the next sync.
    """

    source: str
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiting: int = 0
    unfinished: bool = False
    error: str = ""


# -- syncing --------------------------------------------------------------------------------------


def sync_source(source_id: uuid.UUID | str, wake: Wake, *, actor: str = "") -> SyncReport:
    """Bring the documents of a source up to date; one sync at a time a source.

    `wake` is called when files wait to be ingested. `actor` is the person who asked, "" for the
    clock. A source that fails is told in the report and on its row,
    and removes nothing. Raises NotFound for an unknown one, InvalidRequest while another sync of
    it runs, LeaseLost if one has begun because this one was thought dead.
    """
    source = Source.objects.filter(pk=source_id).select_related("zone").first()
    if source is None:
        raise NotFound(f"source {source_id}")
    with _turn(source.pk) as lost:
        if lost is None:
            raise InvalidRequest(
                code="source_busy", user_message=f"“{source.name}” is being synced already."
            )
        source.refresh_from_db()
        Source.objects.filter(pk=source.pk).update(
            state=Source.State.SYNCING, started=timezone.now()
        )
        sync = _Sync(source, wake, lost)
        try:
            sync.run()
        except LeaseLost:
            raise  # whoever has the turn now says how it went
        except AssistantsError as error:
            logger.warning("source %s: %s", source.name, error)
            sync.report.error = error.user_message
        except Exception as error:
            logger.exception("sync of source %s failed", source.name)
            sync.report.error = (
                f"The sync failed because of a fault here ({type(error).__name__}). It is tried "
                "again by itself; if this stays, please tell your administrator."
            )
        _complete(sync, actor)
    return sync.report


def _readers() -> str:
    """What was refused by earlier ones is looked at once more: these read pictures."""
    return f"{PIPELINE}; pictures"


class _Sync:
    """One sync, from the listing to the removals."""

    def __init__(self, source: Source, wake: Wake, lost: threading.Event) -> None:
        self.source = source
        self.report = SyncReport(source.name)
        self.cursor = source.cursor
        self.digest = ""
        self.examples: list[str] = []
        self.confirmed = str(source.summary.get("confirmed", ""))
        self.ours = {datetime.fromisoformat(at) for at in source.summary.get("removed_at", [])}
        self._wake = wake
        self._lost = lost
        self._prefix = f"{source.name}/"
        self._known = data.list_source_documents(source.pk)
        self._seen = data.load_seen(source.pk, _readers())
        if not self._seen:
            # A list of changes would leave out what must be looked at again, until all of it was.
            self.cursor = ""
            Source.objects.filter(pk=source.pk).update(cursor="")

    def run(self) -> None:
        give_back_connection()
        with data.list_changes(self.source, self.cursor) as listing:
            self.report.notes += listing.notes
            try:
                there = self._take_all(listing)
            finally:
                data.save_seen(self.source.pk, _readers(), self._seen)
        if self.report.unfinished:
            return
        gone = self._list_gone(listing, there)
        if self._may_remove(gone):
            self._remove(gone)
            self.cursor = listing.cursor

    def _take_all(self, listing: data.Listing) -> set[str]:
        """Receives what is new. Returns the paths that are at the source, taken or not."""
        there: set[str] = set()
        if listing.extent is data.Extent.WHOLE:
            listed = {entry.path for entry in listing.entries}
            self._seen = {path: seen for path, seen in self._seen.items() if path in listed}
        for entry in listing.entries:
            if self._lost.is_set():
                raise LeaseLost(f"source {self.source.pk}")
            if isinstance(entry, data.Removed):
                self._seen.pop(entry.path, None)
                continue
            there.add(entry.path)
            if isinstance(entry, data.Skipped):
                self._tell("skipped", entry.path, entry.reason)
                continue
            self._take(entry)
            if self.report.unfinished:
                self.report.notes.append(
                    "Many files wait to be read, so the rest is taken at the next sync."
                )
                break
        return there

    def _take(self, entry: data.Changed) -> None:
        document = self._known.get(self._prefix + entry.path)
        if document and document.removed and document.removed not in self.ours:
            self.report.counts["kept_away"] += 1
            return
        seen = self._seen.get(entry.path)
        if seen and seen.fingerprint == entry.fingerprint:
            if seen.refusal:
                self._tell("rejected", entry.path, seen.refusal)
                return
            if document and not document.removed and document.sha256 == seen.sha256:
                self.report.counts["unchanged"] += 1
                return
        give_back_connection()  # nobody waits for it while a network is slow
        try:
            content = entry.read(settings.MAX_UPLOAD_BYTES)
        except data.NotTaken as error:
            self._tell("skipped", entry.path, str(error))
            return
        self._receive(entry, content, was_removed=bool(document and document.removed))

    def _receive(self, entry: data.Changed, content: bytes, *, was_removed: bool) -> None:
        origin = self._prefix + entry.path
        try:
            content, media_type = data.take_in(origin, content, settings.MAX_UPLOAD_BYTES)
        except DocumentRejected as error:
            self._seen[entry.path] = data.Seen(entry.fingerprint, "", error.user_message)
            self._tell("rejected", entry.path, error.user_message)
            return
        version = data.receive_from_source(
            self.source,
            origin,
            content,
            media_type=media_type,
            pipeline=PIPELINE,
            removed_by_sync=self.ours,
        )
        if version is None:
            self.report.counts["kept_away"] += 1
            return
        self._seen[entry.path] = data.Seen(entry.fingerprint, version.sha256)
        if was_removed:
            self.report.counts["restored"] += 1
        elif version.status == DocumentVersion.Status.INDEXED:
            self.report.counts["unchanged"] += 1
        else:
            self.report.counts["received"] += 1
            if self.report.counts["received"] % LOOK_EVERY == 0:
                self.report.unfinished = data.count_waiting() > WAITING_AT_MOST
        if version.status == DocumentVersion.Status.RECEIVED:
            ingestion.wake_on_commit(self._wake)

    def _list_gone(self, listing: data.Listing, there: set[str]) -> dict[str, uuid.UUID]:
        """The documents, by path, of files that are certainly no longer at the source."""
        if listing.extent is data.Extent.PART:
            self.report.notes.append(
                "Not all of the source could be listed, so nothing was removed."
            )
            return {}
        named = {entry.path for entry in listing.entries if isinstance(entry, data.Removed)}
        gone = {}
        for origin, document in self._known.items():
            path = origin.removeprefix(self._prefix)
            is_gone = path in named if listing.extent is data.Extent.CHANGES else path not in there
            if is_gone and not document.removed:
                gone[path] = document.id
        return gone

    def _may_remove(self, gone: dict[str, uuid.UUID]) -> bool:
        """Most of the documents go only after a person said so, of exactly these."""
        there = sum(not document.removed for document in self._known.values())
        if 2 * len(gone) <= there:
            return True
        self.digest = hashlib.sha256("\n".join(sorted(gone)).encode()).hexdigest()
        if self.digest == self.confirmed:
            return True
        self.report.waiting = len(gone)
        self.examples = sorted(gone)[:TOLD]
        self.report.notes.append(
            f"{len(gone)} of {there} documents are no longer at the source. That is most of them, "
            "so nothing was removed: please look at the source, and confirm if it is right."
        )
        return False

    def _remove(self, gone: dict[str, uuid.UUID]) -> None:
        if not gone:
            return
        if self._lost.is_set():
            raise LeaseLost(f"source {self.source.pk}")
        at = timezone.now()
        # Known first: should this end half-way, what went is still not taken for a person's wish.
        with transaction.atomic():
            summary = Source.objects.select_for_update().values_list("summary", flat=True)
            kept = dict(summary.get(pk=self.source.pk))
            kept["removed_at"] = [*kept.get("removed_at", []), at.isoformat()][-KEPT_MOMENTS:]
            Source.objects.filter(pk=self.source.pk).update(summary=kept)
        for path, document_id in sorted(gone.items()):
            self.report.counts["removed"] += data.remove_document(document_id, at)
            self._seen.pop(path, None)

    def _tell(self, outcome: str, path: str, reason: str) -> None:
        self.report.counts[outcome] += 1
        if len(self.report.problems) < TOLD:
            self.report.problems.append((path, reason))


def _complete(sync: _Sync, actor: str) -> None:
    """The source's row and, if anything happened, the audit trail say how it went."""
    source, report, now = sync.source, sync.report, timezone.now()
    with transaction.atomic():
        row = Source.objects.select_for_update().get(pk=source.pk)
        failures = int(row.summary.get("failures", 0)) + 1 if report.error else 0
        row.summary = {
            **{
                name: row.summary[name]
                for name in ("removed_at", "confirmed")
                if name in row.summary
            },
            **report.counts,
            "problems": [{"path": path, "reason": reason} for path, reason in report.problems],
            "notes": report.notes,
            "failures": failures,
            "waiting": report.waiting,
            "waiting_digest": sync.digest if report.waiting else "",
            "waiting_paths": sync.examples if report.waiting else [],
            "unfinished": report.unfinished,
        }
        if (
            not report.error
            and not report.waiting
            and row.summary.get("confirmed") == sync.confirmed
        ):
            row.summary.pop("confirmed", None)
        row.state = Source.State.FAILED if report.error else Source.State.SYNCED
        row.error = report.error
        changed = ["state", "error", "summary"]
        if not report.error:
            row.synced = now
            changed.append("synced")
            # Whoever has pointed the source elsewhere meanwhile has begun anew.
            if (row.location, row.options) == (source.location, source.options):
                row.cursor = sync.cursor
                changed.append("cursor")
        row.save(update_fields=changed)
        happened = any(report.counts[name] for name in ("received", "restored", "removed"))
        if happened or actor or report.waiting or failures == 1:
            control.record_event(
                action="source.failed" if report.error else "source.synced",
                actor=actor,
                subject=source.name,
                data={**report.counts, "waiting": report.waiting, "error": report.error},
            )


@contextmanager
def _turn(source_id: uuid.UUID) -> Iterator[threading.Event | None]:
    """The right to sync a source, kept while we live; None if somebody else has it.

    The event is set when it was lost nevertheless.
    """
    key, mine = f"source:{source_id}:turn", uuid.uuid4().hex
    if not cache.add(key, mine, LEASE_SECONDS):
        yield None
        return
    ended, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE_SECONDS / 3):
            try:
                if cache.get(key) != mine:
                    lost.set()
                    return
                cache.touch(key, LEASE_SECONDS)
            except Exception:  # the broker is away: the lease outlasts a restart
                logger.warning("the turn of source %s was not renewed", source_id)

    renewing = threading.Thread(target=renew, name=f"turn of source {source_id}", daemon=True)
    renewing.start()
    try:
        yield lost
    finally:
        ended.set()
        renewing.join()
        if cache.get(key) == mine:
            cache.delete(key)


def sync_in_background(
    source_id: str, actor: str, wake: Wake, enqueue: Callable[[str], object]
) -> None:
    """What the clock and the console ask of a worker; without an id, all that is due."""
    if not source_id:
        for due in list_due():
            enqueue(str(due))
        return
    if not actor and uuid.UUID(source_id) not in list_due():
        return  # another task was there before
    try:
        sync_source(source_id, wake, actor=actor)
    except (NotFound, InvalidRequest, LeaseLost) as error:
        logger.info("source %s: %s", source_id, error)


# -- when -----------------------------------------------------------------------------------------


def list_due(now: datetime | None = None) -> list[uuid.UUID]:
    """Enabled sources whose time has come; after failures the pause doubles, up to a day."""
    now = now or timezone.now()
    return [
        source.pk
        for source in Source.objects.filter(enabled=True).order_by("started")
        if source.started is None or source.started + _pause(source) <= now
    ]


def _pause(source: Source) -> timedelta:
    if source.summary.get("unfinished"):
        return timedelta(0)
    usual = timedelta(minutes=source.interval_minutes)
    failures = min(int(source.summary.get("failures", 0)), 12)
    longer = timedelta(minutes=source.interval_minutes << max(0, failures - 1))
    return max(usual, min(longer, LONGEST_PAUSE))


# -- what an admin does ---------------------------------------------------------------------------


def check_source(source: Source) -> str:
    """Try a source, saved or not; a sentence on what was found. Raises SourceUnavailable."""
    return data.check_source(source)


def save_source(source: Source, changed: list[str], actor: str) -> None:
    """Create or change a source. Pointed elsewhere, it is compared as a whole at the next sync."""
    created = source._state.adding
    with transaction.atomic():
        if {"location", "options"} & set(changed):
            source.cursor = ""
        if created:
            source.save()
        elif changed:
            source.save(update_fields=sorted({*changed, "cursor"}))
        control.record_event(
            action="source.created" if created else "source.changed",
            actor=actor,
            subject=source.name,
            data={
                "kind": source.kind,
                "zone": source.zone.slug,
                "location": source.location,
                "options": {str(name): str(value) for name, value in source.options.items()},
                "enabled": source.enabled,
                "changed": sorted(changed),
            },
        )


def confirm_removals(source_id: uuid.UUID, actor: str, digest: str = "") -> int:
    """A person agrees that these documents go; the next sync removes them, and only these.

    `digest` is of what the person was shown, "" for what waits now. Returns how many. Raises
    InvalidRequest if none wait, or others by now.
    """
    with transaction.atomic():
        source = Source.objects.select_for_update().filter(pk=source_id).first()
        waiting = int(source.summary.get("waiting", 0)) if source else 0
        if source is None or not waiting:
            raise InvalidRequest(user_message="No removals wait to be confirmed.")
        if digest not in ("", source.summary["waiting_digest"]):
            raise InvalidRequest(
                user_message="Other removals wait by now. Please look at them again."
            )
        source.summary["confirmed"] = source.summary["waiting_digest"]
        source.save(update_fields=["summary"])
        control.record_event(
            action="source.removals_confirmed",
            actor=actor,
            subject=source.name,
            data={"documents": waiting},
        )
    return waiting


def describe(report: SyncReport) -> list[str]:
    """The report in lines, for a terminal or a message."""
    if report.error:
        return [*report.notes, report.error]
    counted = ", ".join(_counted(report.counts)) or "nothing changed"
    lines = [f"{report.source}: {counted}", *report.notes]
    lines += [f"{path}: {reason}" for path, reason in report.problems]
    hidden = report.counts["rejected"] + report.counts["skipped"] - len(report.problems)
    return lines + ([f"and {hidden} more"] if hidden > 0 else [])


def describe_summary(summary: dict[str, Any]) -> str:
    """The counts of a source's last sync, in words."""
    return ", ".join(_counted(Counter({n: summary.get(n, 0) for n in _WORDS}))) or "nothing changed"


_WORDS = {
    "received": "{} received",
    "restored": "{} back again",
    "removed": "{} removed",
    "unchanged": "{} unchanged",
    "rejected": "{} not readable",
    "skipped": "{} left out",
    "kept_away": "{} taken away by a person",
}


def _counted(counts: Counter[str]) -> list[str]:
    return [words.format(counts[name]) for name, words in _WORDS.items() if counts[name]]
